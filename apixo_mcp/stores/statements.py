"""Statements that several verbs of the store share."""

from apixo_mcp.stores.rows import COLUMNS
from apixo_mcp.stores.taken import UNTAKEN

_KEPT = (
    "task_id owner created_at fingerprint inputs prompt cancel_requested answer fence "
    "asked_by asked_until asked_at wanted_until agreed_attempts"
)
_SET = ", ".join(f"{name} = :{name}" for name in COLUMNS if name not in _KEPT.split())

_WRITE = f"update task set {_SET} where task_id = :task_id and fence = :fence and state = :state_before"

COMMIT = f"{_WRITE} returning task_id"
"""Writes a row of a task over the one that still has the fence and the state before."""

CLAIM = f"{_WRITE} {UNTAKEN} returning task_id"
"""The same for a row that takes an id of the gateway, which no other may have."""

REREAD = f"{_WRITE} and instr(failure, :code) > 0 returning task_id"
"""The same for a row that failed with this code."""

COUNT_IN_FLIGHT = """select count(*) as count from task where key_print = :key_print
               and ((state in ('pending', 'processing') and due is not null)
                    or (state = 'submitting' and sent_at is not null))"""
"""How many tasks of a key the gateway has."""

POSTS = """
  select * from (
    select task_id, model, state, max(estimate_usd, 0) as usd,
      coalesce(json_extract(one.value, '$.sent_at'), counted_at) as at,
      coalesce(json_extract(one.value, '$.sent_at'), counted_at) as left_at
    from task, json_each(case when json_valid(attempts) then attempts else '[{}]' end) as one
    where owner = :owner and counted_at >= :since
    union all
    select task_id, model, state, max(estimate_usd, 0), coalesce(sent_at, counted_at), sent_at
    from task where owner = :owner and counted_at >= :since and state = 'submitting'
  ) where at >= :since"""
"""An owner's POSTs since some moment that may cost something, those that are still to leave among them.

Which these are: `Task.posts`. One that is to leave counts from when it was decided on. There is no upper end, so that
what was sent before the clock was set back still counts; and no estimate, be it a file's that was imported, takes
anything off the sum.
"""
