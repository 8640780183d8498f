create table owner (
  name text primary key,
  token_hash text not null,
  terms text not null,
  made_at double precision not null,
  changed_at double precision not null,
  revoked_at double precision
);
create unique index owner_token on owner (token_hash) where token_hash <> '';
create table sign_in (
  kind text not null,
  key text not null,
  owner text not null,
  family text not null,
  value text not null,
  made_at double precision not null,
  until double precision not null,
  primary key (kind, key)
);
create index sign_in_until on sign_in (until);
create index sign_in_owner on sign_in (owner) where owner <> '';
create index sign_in_family on sign_in (family) where family <> '';
