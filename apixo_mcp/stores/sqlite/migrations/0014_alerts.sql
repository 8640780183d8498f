create table alert (
  alert_id text primary key,
  raised_at double precision not null
);
