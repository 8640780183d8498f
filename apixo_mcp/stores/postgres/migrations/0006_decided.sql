-- Programs from schema 5 on go on with this.
-- The last transaction of each connection that decides something one at a time. One whose COMMIT was not answered is
-- looked for here: after a crash, and on a standby that has taken over, the server gives its number to another one.
create table decided (
  line text collate "C" primary key,
  number text collate "C" not null,
  decided_at timestamptz not null default now()
);
