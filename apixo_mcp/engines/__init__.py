"""Follows tasks: decides when and where, never what."""
