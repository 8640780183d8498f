"""Small pictures of results."""
