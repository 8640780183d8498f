"""What is shown of a task, a model or spending, wherever it is shown."""
