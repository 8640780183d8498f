"""The follower: a process that goes on with open tasks after the last server on a data folder has gone."""

import logging
import time
import uuid
from collections.abc import Callable, Iterable

import anyio

from apixo_mcp.tasks.leases import LASTS, RENEWED_EVERY
from apixo_mcp.tasks.store import Store

log = logging.getLogger(__name__)

LEASE = "follower"
AT_MOST = 3600.0


async def follow_until_idle(
    store: Store,
    key_prints: Iterable[str],
    *,
    at_most: float = AT_MOST,
    clock: Callable[[], float] = time.time,
) -> bool:
    """Stays while the poller beside it has open tasks, for at most an hour.

    Args:
        store: whose tasks are followed.
        key_prints: of the keys that this process holds; tasks of others are none of its business.
        at_most: seconds after which it leaves in any case.
        clock: Unix seconds.

    Returns:
        False where the data folder has a follower already.
    """
    keys = tuple(key_prints)
    holder = uuid.uuid4().hex
    started = clock()
    if not keys or not await store.hold(LEASE, holder, started, started + LASTS):
        return False
    try:
        while await store.open_count(keys) and clock() - started < at_most:
            await anyio.sleep(RENEWED_EVERY)
            now = clock()
            if not await store.hold(LEASE, holder, now, now + LASTS):
                log.info("another follower took over")  # this one slept through its lease
                return False
    finally:
        with anyio.CancelScope(shield=True):
            await store.let_go(LEASE, holder)
    return True
