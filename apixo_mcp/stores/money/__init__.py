"""Decides on money: each decision is one transaction."""
