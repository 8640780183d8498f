"""Keeps tasks: what every database shares."""
