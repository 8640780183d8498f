create index task_spent on task (counted_at);
