"""When to poll a task: pure arithmetic, in seconds."""

from bisect import bisect_right
from dataclasses import dataclass

BACK_OFF = 1.5  # APIXO best practices guide: interval x 1.5, at most 30 s
CAP = 30.0
JITTER = 0.05  # of each wait, so that tasks submitted together are not polled together
OVERDUE_EVERY = 60.0
GIVE_UP_AFTER = 24 * 3600.0
POLLS_AT_LEAST = 60  # before looking is given up: a clock that leapt, or days of sleep, are no day of looking
CONFIRMING_POLLS = 12  # with the waits below some three hours for a picture, nine for a video
NET = 4.0  # times the model's schedule: beneath callbacks that arrive
CALLS_AT_ONCE = 4  # polls that callbacks cause as soon as they come: one is delivered up to four times
RETRY_ATTEMPT_AFTER = 5.0  # APIXO best practices guide: wait 5 s before submitting again after PROCESSING_TIMEOUT
RETRY_ATTEMPT_WITHIN = 3600.0  # of the longest usual time: whoever asked for what failed long ago no longer waits


@dataclass(frozen=True, slots=True)
class PollSchedule:
    """A model's schedule as the engine uses it, all in seconds and already scaled.

    Attributes:
        first_wait: from the accepted submit to the first poll.
        interval: to the second poll.
        cap: the longest wait between polls.
        maximum: from the accepted submit until the task is overdue.
        overdue_every: between polls of an overdue task.
        times: from the accepted submit to each poll, where that was learned (`tasks.learning`), ascending, up to
            `maximum`; empty: by the waits above.
    """

    first_wait: float
    interval: float
    maximum: float
    cap: float = CAP
    overdue_every: float = OVERDUE_EVERY
    times: tuple[float, ...] = ()

    def scaled(self, factor: float) -> "PollSchedule":
        """Returns every wait times `factor` (setting `APIXO_MCP_POLL_SCALE`)."""
        return PollSchedule(
            self.first_wait * factor,
            self.interval * factor,
            self.maximum * factor,
            self.cap * factor,
            self.overdue_every * factor,
            tuple(time * factor for time in self.times),
        )

    def net(self, usually_within: float = 0.0) -> "PollSchedule":
        """Returns the net beneath callbacks that arrive: only a task whose callback is lost meets with it.

        Args:
            usually_within: seconds in which such a task ends: before that, no callback can be missing.
        """
        return PollSchedule(
            max(self.first_wait * NET, usually_within),
            self.interval * NET,
            self.maximum,
            self.cap * NET,
            self.overdue_every * NET,
        )


def wait_before_poll(poll_schedule: PollSchedule, polls: int, elapsed: float, chance: float = 0.5) -> float | None:
    """Tells how long to let pass before the next poll.

    Args:
        pace: the model's.
        polls: how many there were.
        elapsed: since the submit was accepted.
        chance: 0 to 1, spreads the waits by ±`JITTER`; 0.5 leaves them as they are.

    Returns:
        Seconds, or None when looking stops: 24 hours overdue, and looked at often enough.
    """
    if elapsed >= poll_schedule.maximum + GIVE_UP_AFTER and polls >= POLLS_AT_LEAST:
        return None
    spread = 1 + JITTER * (2 * chance - 1)
    if elapsed >= poll_schedule.maximum:
        return poll_schedule.overdue_every * spread
    if elapsed >= 0 and (wait := _wait_as_learned(poll_schedule, elapsed, chance)):  # no clock was set back
        return wait
    if polls == 0:
        return poll_schedule.first_wait * spread
    return min(poll_schedule.cap, poll_schedule.interval * BACK_OFF ** min(polls - 1, 32)) * spread


def _wait_as_learned(poll_schedule: PollSchedule, elapsed: float, chance: float) -> float:
    """Returns the wait for the next poll that was learned, 0 where there is none.

    These stand close where tasks end, so what spreads them is a part of the time between them.
    """
    times = poll_schedule.times
    place = bisect_right(times, elapsed)
    while place < len(times):
        behind = times[place + 1] - times[place] if place + 1 < len(times) else poll_schedule.cap
        span = min(behind, poll_schedule.interval)
        # One that was made a moment early, as its chance had it, is not made again.
        if elapsed == 0 or times[place] - elapsed >= span / 4:
            wait = times[place] - elapsed
            return wait + JITTER * (2 * chance - 1) * min(span, wait)
        place += 1
    return 0.0


def documented_times(poll_schedule: PollSchedule) -> tuple[float, ...]:
    """Returns the moments at which the waits of a schedule end, up to the first behind its maximum."""
    times, wait = [poll_schedule.first_wait], poll_schedule.interval
    while times[-1] < poll_schedule.maximum:
        times.append(times[-1] + min(poll_schedule.cap, wait))
        wait = min(poll_schedule.cap, wait * BACK_OFF)
    return tuple(times)


def wait_after_error(poll_schedule: PollSchedule, errors: int, retry_after: float | None, chance: float = 0.5) -> float:
    """Returns how long to wait after polls without a usable answer: back-off to a minute, or as long as was asked."""
    spread = 1 + JITTER * (2 * chance - 1)
    wait = min(poll_schedule.overdue_every, poll_schedule.interval * 2.0 ** min(errors, 16)) * spread
    return max(wait, min(retry_after, 3600.0)) if retry_after is not None else wait


def wait_before_confirming(
    poll_schedule: PollSchedule, polls: int, retry_after: float | None, chance: float = 0.5
) -> float | None:
    """Tells how long to let pass after a poll that did not confirm an id: twice as long each time; None in the end."""
    if polls + 1 >= CONFIRMING_POLLS:
        return None
    wait = poll_schedule.interval * 2.0**polls * (1 + JITTER * (2 * chance - 1))
    return max(wait, min(retry_after, 3600.0)) if retry_after is not None else wait


def wait_before_resend(tries: int, retry_after: float | None, chance: float = 0.5) -> float:
    """Tells how long to let pass before a submit that certainly cost nothing is sent again: 1, 2, 4 … 60 s."""
    wait = min(60.0, 2.0 ** min(tries, 16)) * (1 + JITTER * (2 * chance - 1))
    return max(wait, min(retry_after, 3600.0)) if retry_after is not None else wait


def turn_of_call(interval: float, calls: int, called_at: float, now: float) -> float | None:
    """Tells when to poll a task for a callback about it, Unix seconds.

    Nothing signs them, so whoever has seen a task's address may call again and again: that makes no more polls than the
    model's schedule does, but for the first few.

    Args:
        interval: of the model's schedule.
        calls: for how many it was, or is, polled.
        called_at: when the last of these polls was to be made.
        now: when the call comes.

    Returns:
        None where that poll is still to come.
    """
    longest = max(CAP, interval)
    if now < called_at <= now + longest:  # what lies beyond was put down before the clock was set back
        return None
    if calls < CALLS_AT_ONCE or called_at > now:
        return now
    return max(now, called_at + min(longest, interval * BACK_OFF ** min(calls - CALLS_AT_ONCE, 32)))


def is_late(poll_schedule: PollSchedule, elapsed: float) -> bool:
    """Tells whether the model's maximum wait has passed."""
    return elapsed >= poll_schedule.maximum


def progress(usual: tuple[float, float], elapsed: float) -> float:
    """Estimates progress from the usual time, 0 to 0.99: linear to 0.9 at the longest usual time, then ever slower."""
    longest = max(usual[1], 1.0)
    if elapsed <= longest:
        return round(0.9 * max(0.0, elapsed) / longest, 3)
    return round(0.99 - 0.09 * longest / elapsed, 3)


def eta_seconds(usual: tuple[float, float], elapsed: float) -> int | None:
    """Returns the seconds until it usually has ended, at least 1; None past that: any figure would count upwards."""
    return max(1, round(usual[1] - max(0.0, elapsed))) if elapsed < usual[1] else None
