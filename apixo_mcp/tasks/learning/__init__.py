"""What the durations of earlier tasks teach about when to poll the next ones."""
