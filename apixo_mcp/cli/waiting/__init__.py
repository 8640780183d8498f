"""Waiting for tasks: behind a bar, with a reason for whoever waits, and what became of them."""
