create table task (
  task_id text primary key,
  owner text not null,
  gateway text not null,
  base_url text not null,
  key_print text not null,
  model text not null,
  wire_model text not null,
  modality text not null,
  state text not null,
  prompt text not null,
  inputs text not null,
  provider text not null,
  fingerprint text not null,
  idempotency_key text not null,
  created_at double precision not null,
  updated_at double precision not null,
  completed_at double precision,
  sent_at double precision,
  accepted_at double precision,
  remote_id text not null,
  attempts text not null,
  results text not null,
  failure text,
  cancel_requested integer not null,
  due double precision,
  looks integer not null,
  tries integer not null,
  fence integer not null,
  lease_holder text not null,
  lease_until double precision not null,
  notes text not null,
  answer text not null,
  estimate_usd double precision
);
create index task_due on task (due) where due is not null;
create index task_owner on task (owner, created_at, task_id);
create index task_remote on task (remote_id) where remote_id <> '';
create index task_fingerprint on task (fingerprint, created_at);
create unique index task_idempotency on task (owner, idempotency_key) where idempotency_key <> '';
create table secret (name text primary key, value text not null);
