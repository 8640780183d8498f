"""Results handed out, and files taken in."""
