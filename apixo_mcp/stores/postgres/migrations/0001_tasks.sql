-- The functions of SQLite that the statements use. What they look up in texts of JSON are numbers and plain names; a text
-- may hold escapes that Postgres does not take (half a character, U+0000), so each escape is a sign of its own.
create function instr(whole text, part text) returns integer language sql immutable parallel safe
  as $$ select strpos(whole, part) $$;
create function plain_json(doc text) returns jsonb language sql immutable parallel safe
  as $$ select regexp_replace(doc, '\\(u[0-9a-fA-F]{4}|.)', '?', 'g')::jsonb $$;
create function json_valid(doc text) returns boolean language plpgsql immutable parallel safe as $$
  begin
    return plain_json(doc) is not null;
  exception when others then
    return false;
  end $$;
create function json_extract(doc text, path text) returns text language sql immutable parallel safe
  as $$ select jsonb_path_query_first(plain_json(doc), path::jsonpath) #>> '{}' $$;
create function json_array_length(doc text) returns integer language sql immutable parallel safe
  as $$ select jsonb_array_length(plain_json(doc)) $$;
create function json_each(doc text) returns table (key bigint, value text) language sql immutable parallel safe
  as $$ select place - 1, one::text from jsonb_array_elements(plain_json(doc)) with ordinality as each (one, place) $$;

-- The parts of three characters of a text that is read with two spaces behind it, so that one begins with each of its
-- characters: a word of one or two is found by the parts that begin with it.
create function parts_of(whole text) returns tsvector language sql immutable parallel safe as $$
  select array_to_tsvector(coalesce(array_agg(distinct part), '{}')) from (
    select sign || lead(sign, 1, ' ') over (order by place) || lead(sign, 2, ' ') over (order by place) as part
    from unnest(string_to_array(whole, null)) with ordinality as each (sign, place)
  ) as parts $$;

create table task (
  task_id text collate "C" primary key,
  owner text collate "C" not null,
  gateway text collate "C" not null,
  base_url text collate "C" not null,
  key_print text collate "C" not null,
  model text collate "C" not null,
  wire_model text collate "C" not null,
  modality text collate "C" not null,
  state text collate "C" not null,
  prompt text collate "C" not null,
  inputs text collate "C" not null,
  provider text collate "C" not null,
  fingerprint text collate "C" not null,
  idempotency_key text collate "C" not null,
  created_at double precision not null,
  updated_at double precision not null,
  completed_at double precision,
  sent_at double precision,
  accepted_at double precision,
  remote_id text collate "C" not null,
  attempts text collate "C" not null,
  results text collate "C" not null,
  failure text collate "C",
  cancel_requested integer not null,
  due double precision,
  polls bigint not null,
  tries bigint not null,
  fence bigint not null,
  lease_holder text collate "C" not null,
  lease_until double precision not null,
  notes text collate "C" not null,
  answer text collate "C" not null,
  estimate_usd double precision,
  asked_by text collate "C" not null default '',
  asked_until double precision not null default 0,
  is_copy integer not null default 0,
  asked_at double precision not null default 0,
  wanted_until double precision not null default 0,
  agreed_attempts bigint not null default 0,
  counted_at double precision not null default 0,
  named_id text collate "C" not null default '',
  purchase text collate "C" not null default '',
  place bigint not null default 0,
  meant_last text collate "C" not null default '',
  reached_at text collate "C" not null default '',
  calls bigint not null default 0,
  called_at double precision not null default 0,
  told text collate "C" not null default '',
  heard_by text collate "C" not null default '*',
  deleted_at double precision not null default 0,
  -- Whether its only attempt left when the row says, as `statements` asks it: a column, so that an index holds it.
  sent_once boolean not null generated always as (
    state <> 'submitting' and sent_at is not null and attempts <> '[]' and strpos(attempts, '}, {') = 0
  ) stored
) with (fillfactor = 85);
create index task_due on task (due) where due is not null;
create index task_place on task (key_print, state, created_at) where state in ('submitting', 'pending', 'processing');
create index task_unsent on task (created_at) where state = 'submitting' and sent_at is null;
create index task_updated on task (updated_at);
create index task_owner on task (owner, created_at, task_id) where deleted_at = 0;
create index task_remote on task (remote_id) where remote_id <> '';
create index task_named on task (named_id) where named_id <> '';
create index task_fingerprint on task (fingerprint, created_at);
create unique index task_idempotency on task (owner, idempotency_key) where idempotency_key <> '';
create index task_purchase on task (purchase) where purchase <> '';
create index task_untold on task (task_id)
  where told <> state and state in ('success', 'failed', 'cancelled', 'unknown');
create index task_counted on task (owner, counted_at);
create index task_counted_of_all on task (counted_at);
-- The three parts of what counts as spent: nearly every task is of the first, and of the others there are few.
create index task_spent on task (owner, counted_at) include (sent_at, estimate_usd, task_id) where sent_once;
create index task_spent_by_all on task (counted_at) include (sent_at, estimate_usd, task_id) where sent_once;
create index task_of_attempts on task (counted_at) where not sent_once and attempts <> '[]';
create index task_to_leave on task (counted_at) where state = 'submitting';
create index task_ended on task (model, completed_at) where completed_at is not null;
create index task_leased on task (lease_holder) where lease_holder <> '';

create table searched (
  owner text collate "C" not null,
  created_at double precision not null,
  task_id text collate "C" primary key,
  doc bigint generated always as identity unique,
  text text collate "C" not null,
  parts tsvector
);
create index searched_listed on searched (owner, created_at, task_id);
create index searched_parts on searched using gin (parts);
create index searched_unread on searched (doc) where parts is null;

create table secret (name text collate "C" primary key, value text collate "C" not null);
create table lease (
  name text collate "C" primary key,
  holder text collate "C" not null,
  until double precision not null
);
create table quote (
  owner text collate "C" not null,
  fingerprint text collate "C" not null,
  usd double precision,
  attempts bigint not null,
  made_at double precision not null,
  primary key (owner, fingerprint)
);
create table kept (
  task_id text collate "C" not null,
  name text collate "C" not null,
  text text collate "C" not null,
  primary key (task_id, name)
);

create table owner (
  name text collate "C" primary key,
  token_hash text collate "C" not null,
  terms text collate "C" not null,
  made_at double precision not null,
  changed_at double precision not null,
  revoked_at double precision
);
create unique index owner_token on owner (token_hash) where token_hash <> '';
create table sign_in (
  kind text collate "C" not null,
  key text collate "C" not null,
  owner text collate "C" not null,
  family text collate "C" not null,
  value text collate "C" not null,
  made_at double precision not null,
  until double precision not null,
  primary key (kind, key)
);
create index sign_in_until on sign_in (until);
create index sign_in_owner on sign_in (owner) where owner <> '';
create index sign_in_family on sign_in (family) where family <> '';

create table callback (
  gateway text collate "C" not null,
  url text collate "C" not null,
  arrived_at double precision not null,
  missed_at double precision not null,
  primary key (gateway, url)
);
create table uncalled (
  task_id text collate "C" primary key,
  gateway text collate "C" not null,
  url text collate "C" not null,
  since double precision not null
);

create table webhook (
  webhook_id text collate "C" primary key,
  kind text collate "C" not null,
  task_id text collate "C" not null,
  state text collate "C" not null,
  data text collate "C" not null,
  made_at double precision not null,
  due double precision,
  tries integer not null,
  given_up_at double precision
);
create index webhook_due on webhook (due) where due is not null;
create table webhooks_began (at double precision not null);

create table alert (
  alert_id text collate "C" primary key,
  raised_at double precision not null,
  owner text collate "C" not null default '',
  data text collate "C" not null default '{}',
  until double precision not null default 0,
  in_answers integer not null default 0
);
create index alert_until on alert (owner, until);
create table alert_heard (
  alert_id text collate "C" not null,
  owner text collate "C" not null,
  call text collate "C" not null,
  until double precision,
  primary key (alert_id, owner)
);
create table usual_spending (
  owner text collate "C" primary key,
  day bigint not null,
  sums text collate "C" not null
);
create table balance (
  payer text collate "C" not null,
  gateway text collate "C" not null,
  key_print text collate "C" not null,
  day bigint not null,
  began_at double precision not null,
  seen_at double precision not null,
  amount double precision not null,
  spent double precision not null,
  added double precision not null,
  primary key (key_print, day)
);
create index balance_day on balance (day, payer);
create table duration (
  number bigint generated always as identity primary key,
  model text collate "C" not null,
  variant text collate "C" not null,
  least double precision not null,
  most double precision not null
);
create index duration_newest on duration (model, variant, number);
