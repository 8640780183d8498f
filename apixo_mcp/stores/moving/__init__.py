"""A store that goes from one database to another."""
