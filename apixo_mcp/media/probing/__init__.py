"""Reads what a file is: its kind, size and duration."""
