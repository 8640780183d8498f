"""Puts the parts together: where ports meet the classes that keep them, an area a file."""
