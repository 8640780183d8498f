-- What is told to other processes as it is written (LISTEN): that a task has changed in what shows of it, and that one is
-- due earlier. `apixo_mcp.postgres.listening` hears it; where nobody does, nothing is lost.
create function tell_of_change() returns trigger language plpgsql as $$
  begin
    perform pg_notify('apixo_mcp_changed', new.task_id);
    return null;
  end $$;
create trigger task_made after insert on task for each row execute function tell_of_change();
create trigger task_changed after update of state, sent_at, remote_id, attempts, results, cancel_requested, deleted_at
  on task for each row
  when ((old.state, old.sent_at, old.remote_id, old.attempts, old.results, old.cancel_requested, old.deleted_at)
    is distinct from
    (new.state, new.sent_at, new.remote_id, new.attempts, new.results, new.cancel_requested, new.deleted_at))
  execute function tell_of_change();

create function tell_of_due() returns trigger language plpgsql as $$
  begin
    perform pg_notify('apixo_mcp_due', new.task_id || ' ' || new.due);
    return null;
  end $$;
create trigger task_hurried after update of due on task for each row
  when (new.due is not null and (old.due is null or new.due < old.due))
  execute function tell_of_due();
