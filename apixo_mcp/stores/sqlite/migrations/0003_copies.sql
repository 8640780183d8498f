alter table task add column is_copy integer not null default 0;
