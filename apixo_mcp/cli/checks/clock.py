"""This machine's clock beside that of a server which just answered. Pure."""

from email.utils import parsedate_to_datetime

from apixo_mcp.cli.checks.finding import Finding

_LARGEST_SKEW = 60.0
# Seconds. More, and tokens of a sign-in run out early or come too soon, and a budget's day ends at another time.


def clock_finding(header: str, before: float, after: float, of: str) -> Finding | None:
    """Returns how far this clock is from another one; None where that one told nothing.

    Args:
        header: the answer's `Date`, which has no fractions of a second.
        before: when it was asked by this clock, Unix seconds.
        after: when its answer was here.
        of: whose clock the other one is.
    """
    try:
        theirs = parsedate_to_datetime(header).timestamp()
    except ValueError:
        return None
    ahead = 0.0
    if not before - 1 <= theirs <= after + 1:
        ahead = before - theirs if theirs < before else after - theirs
    state = f"{_span(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} that of {of}"
    if abs(ahead) <= _LARGEST_SKEW:
        return Finding("clock", state if abs(ahead) > 1 else f"agrees with that of {of}")
    return Finding(
        "clock",
        state,
        "Let this machine set its clock by itself (in the system's settings, date and time; `timedatectl set-ntp true` "
        "on Linux): certificates, sign-in and the day of a budget go by it.",
    )


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
