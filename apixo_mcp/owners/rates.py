"""How often somebody may do something, counted in this process."""

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable

_MOST_KEPT = 10_000  # addresses


class Rates:
    """Counts what each address does.

    Args:
        most: times that an address may.
        within: so many seconds.
        clock: tells the time.
    """

    def __init__(self, most: int, within: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._within = within
        self._clock = clock
        self._done: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_for(self, address: str) -> float:
        """Counts that an address does it, and returns 0; or the seconds until it may, and counts nothing."""
        key, now = _network(address), self._clock()
        done = self._done.setdefault(key, deque())
        self._done.move_to_end(key)
        if len(self._done) > _MOST_KEPT:
            self._done.popitem(last=False)
        while done and done[0] <= now - self._within:
            done.popleft()
        if len(done) >= self._most:
            return done[0] + self._within - now
        done.append(now)
        return 0.0


def _network(address: str) -> str:
    """Returns what one party has of addresses: of IPv6 a /64."""
    try:
        read = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(read, ipaddress.IPv6Address) and read.ipv4_mapped is None:
        return str(ipaddress.ip_network((read, 64), strict=False))
    return str(read)
