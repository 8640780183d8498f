alter table task add column told text not null default '';
create index task_untold on task (task_id)
  where told <> state and state in ('success', 'failed', 'cancelled', 'unknown');
create table webhook (
  webhook_id text primary key,
  kind text not null,
  task_id text not null,
  state text not null,
  data text not null,
  made_at double precision not null,
  due double precision,
  tries integer not null,
  given_up_at double precision
);
create index webhook_due on webhook (due) where due is not null;
create table webhooks_began (at double precision not null);
