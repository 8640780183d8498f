drop index task_counted;
create index task_counted on task (owner, counted_at, state, sent_at, estimate_usd, attempts, task_id, model);
create index task_spent on task (counted_at, state, sent_at, estimate_usd, attempts, task_id, model);
