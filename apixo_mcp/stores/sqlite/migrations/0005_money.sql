alter table task add column asked_at double precision not null default 0;
alter table task add column wanted_until double precision not null default 0;
alter table task add column agreed_attempts integer not null default 0;
alter table task add column counted_at double precision not null default 0;
update task set counted_at = max(created_at, coalesce(sent_at, 0));
create index task_counted on task (owner, counted_at, task_id);
create index task_unsent on task (created_at) where state = 'submitting' and sent_at is null;
create table quote (
  owner text not null,
  fingerprint text not null,
  usd double precision,
  attempts integer not null,
  made_at double precision not null,
  primary key (owner, fingerprint)
);
