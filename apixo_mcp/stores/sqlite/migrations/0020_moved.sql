create table moved (
  move_id text primary key,
  way text not null,
  at double precision not null,
  other text not null,
  other_id text not null
);
