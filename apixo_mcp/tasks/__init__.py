"""The life of a task: what it is, when to look, how it moves on."""
