alter table alert add column owner text not null default '';
alter table alert add column data text not null default '{}';
alter table alert add column until double precision not null default 0;
alter table alert add column in_answers integer not null default 0;
create index alert_until on alert (owner, until);
create table alert_heard (
  alert_id text not null,
  owner text not null,
  call text not null,
  until double precision,
  primary key (alert_id, owner)
);
create table usual_spending (
  owner text primary key,
  day integer not null,
  sums text not null
);
create index task_ended on task (model, completed_at) where completed_at is not null;
