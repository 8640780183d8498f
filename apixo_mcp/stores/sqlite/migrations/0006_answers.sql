alter table task add column named_id text not null default '';
create index task_named on task (named_id) where named_id <> '';
create table kept (task_id text not null, name text not null, text text not null, primary key (task_id, name));
