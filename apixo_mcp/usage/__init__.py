"""Reports of what was made and spent."""
