-- Programs from schema 4 on go on with this.
-- What was spent in hours that are over, added up: a limit of a month is asked at each purchase, and must not read every
-- task of the month for that. Owner '' stands for all. `spent_before` says which hours are added up: of the tasks that
-- count from `since` and before `until`. A task among them that changes (one that cost nothing after all) changes the sum
-- of its hour with it, in its own transaction.
create table spent_before (
  owner text collate "C" primary key,
  since double precision not null,
  until double precision not null
);
create table spent_hour (
  owner text collate "C" not null,
  hour double precision not null,
  usd double precision not null,
  posts integer not null,
  primary key (owner, hour)
);

-- Whoever adds hours up waits for those who are just changing tasks, and keeps others from it: the lock is this program's
-- (`apix`, see session.py), its second half the CRC-32 of 'spent'.
create function note_spent(whose text, at double precision, counted double precision, estimate double precision,
    change integer) returns void language plpgsql as $$
  begin
    perform pg_advisory_xact_lock_shared(1634756984, -245024935);
    insert into spent_hour
      select known.owner, floor(at / 3600) * 3600, change * greatest(coalesce(estimate, 0), 0), change
      from spent_before as known where known.owner in (whose, '') and counted >= known.since and counted < known.until
      on conflict (owner, hour) do update
      set usd = spent_hour.usd + excluded.usd, posts = spent_hour.posts + excluded.posts;
  end $$;

create function spent_changed() returns trigger language plpgsql as $$
  begin
    if tg_op <> 'INSERT' and old.sent_once then
      perform note_spent(old.owner, old.sent_at, old.counted_at, old.estimate_usd, -1);
    end if;
    if tg_op <> 'DELETE' and new.sent_once then
      perform note_spent(new.owner, new.sent_at, new.counted_at, new.estimate_usd, 1);
    end if;
    return null;
  end $$;
create trigger spent_added after insert on task for each row when (new.sent_once) execute function spent_changed();
create trigger spent_deleted after delete on task for each row when (old.sent_once) execute function spent_changed();
create trigger spent_moved after update on task for each row
  when ((old.sent_once or new.sent_once) and
    (old.sent_once, old.owner, old.sent_at, old.counted_at, old.estimate_usd) is distinct from
    (new.sent_once, new.owner, new.sent_at, new.counted_at, new.estimate_usd))
  execute function spent_changed();

-- Adds up the hours before `goal` that are not yet, from `month` on. It waits a second for who is changing tasks, as
-- whoever changes one meanwhile waits behind it; it is tried again later.
create function add_up_spent(whose text, month double precision, goal double precision) returns void
    language plpgsql set lock_timeout = '1s' as $$
  declare
    known spent_before;
  begin
    select * into known from spent_before where owner = whose;
    if found and known.since <= month and known.until >= goal then
      return;
    end if;
    perform pg_advisory_xact_lock(1634756984, -245024935);
    select * into known from spent_before where owner = whose;
    if not found or known.since > month then
      delete from spent_hour where owner = whose;
      known := (whose, month, month);
    end if;
    if goal > known.until then
      insert into spent_hour
        select whose, floor(sent_at / 3600) * 3600, coalesce(sum(case when estimate_usd < 0 then 0 else estimate_usd end), 0),
          count(*)
        from task where sent_once and counted_at >= known.until and counted_at < goal and (whose = '' or owner = whose)
        group by 2
        on conflict (owner, hour) do update
        set usd = spent_hour.usd + excluded.usd, posts = spent_hour.posts + excluded.posts;
    end if;
    -- What is deleted is not known any more: the clock may have been far ahead, and be set back.
    insert into spent_before values (whose, greatest(known.since, month - 40 * 86400), greatest(known.until, goal))
      on conflict (owner) do update set since = excluded.since, until = excluded.until;
    delete from spent_hour where owner = whose and hour < month - 40 * 86400;
  end $$;
