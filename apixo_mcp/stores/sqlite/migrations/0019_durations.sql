create table duration (
  number integer primary key,
  model text not null,
  variant text not null,
  least double precision not null,
  most double precision not null
);
create index duration_newest on duration (model, variant, number);
