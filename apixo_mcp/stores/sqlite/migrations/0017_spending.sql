drop index task_counted;
create index task_counted
  on task (owner, counted_at, state, sent_at, estimate_usd, attempts, task_id, model, gateway, completed_at);
drop index task_spent;
create index task_spent
  on task (counted_at, state, sent_at, estimate_usd, attempts, task_id, model, gateway, completed_at);
create table balance (
  payer text not null,
  gateway text not null,
  key_print text not null,
  day integer not null,
  began_at double precision not null,
  seen_at double precision not null,
  amount double precision not null,
  spent double precision not null,
  added double precision not null,
  primary key (key_print, day)
);
create index balance_day on balance (day, payer);
