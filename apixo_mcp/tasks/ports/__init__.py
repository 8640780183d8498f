"""What a task's life asks of others: who keeps tasks, who follows them, and in which values they answer."""
