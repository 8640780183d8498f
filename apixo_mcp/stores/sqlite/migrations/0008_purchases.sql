alter table task add column purchase text not null default '';
alter table task add column place integer not null default 0;
create index task_purchase on task (purchase) where purchase <> '';
