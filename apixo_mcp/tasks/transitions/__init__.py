"""What each event makes of a task: pure functions from a task to the next one."""
