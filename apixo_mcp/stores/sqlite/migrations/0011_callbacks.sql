alter table task add column reached_at text not null default '';
alter table task add column calls integer not null default 0;
alter table task add column called_at double precision not null default 0;
create table callback (
  gateway text not null,
  url text not null,
  arrived_at double precision not null,
  missed_at double precision not null,
  primary key (gateway, url)
);
create table uncalled (
  task_id text primary key,
  gateway text not null,
  url text not null,
  since double precision not null
);
