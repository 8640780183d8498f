"""The life of a task: what it is, when it is polled, how it moves on."""
