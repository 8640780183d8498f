"""What stands behind a page of pictures: small pictures, what has changed, what may be deleted, and where a file is."""
