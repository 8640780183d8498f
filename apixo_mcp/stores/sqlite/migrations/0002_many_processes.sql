create index task_place on task (key_print, state, created_at) where state in ('submitting', 'pending', 'processing');
create table lease (name text primary key, holder text not null, until double precision not null);
alter table task add column asked_by text not null default '';
alter table task add column asked_until double precision not null default 0;
