create index task_place on task (key_print, state, created_at) where state in ('submitting', 'pending', 'processing');
