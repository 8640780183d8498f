"""What a file tells of itself: where it came from, written into it and read out of it. Knows bytes, and no tasks."""
