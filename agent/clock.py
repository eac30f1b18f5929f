"""Time that only goes forward: deadlines and pauses never look at the time of day."""

import time

from .errors import StepError

_limit = None


def now():
    """Seconds on a clock that no one can set."""
    return time.monotonic()


def pause(seconds):
    time.sleep(seconds)


def limit(seconds):
    """Sets the end of everything that this process does."""
    global _limit
    _limit = None if seconds is None else now() + seconds


def extend(seconds):
    """Moves that end, so that at least the given seconds are left."""
    if _limit is not None and _limit - now() < seconds:
        limit(seconds)


def left(seconds):
    """The given seconds, or fewer where the process's own end comes first."""
    if _limit is None:
        return seconds
    return max(0.1, min(seconds, _limit - now()))


class Deadline:
    """A point in time, some seconds from now."""

    def __init__(self, seconds):
        self._end = now() + seconds

    def passed(self):
        return now() >= self._end

    def seconds_left(self):
        return max(0.0, self._end - now())


def wait_until(condition, seconds, every=1.0):
    """Whether the condition came true in time; it is asked at least once, and one last time at the end."""
    deadline = Deadline(left(seconds))
    while True:
        if condition():
            return True
        if deadline.passed():
            return False
        pause(min(every, max(0.05, deadline.seconds_left())))


def await_(condition, seconds, otherwise, every=1.0):
    """Waits for the condition. `otherwise()` is called where it does not come, and returns the StepError to raise."""
    if not wait_until(condition, seconds, every):
        failure = otherwise()
        assert isinstance(failure, StepError)
        raise failure
