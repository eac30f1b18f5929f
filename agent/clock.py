"""Deadlines and pauses on a monotonic clock, so that setting the time of day does not affect them."""

import time

from .errors import StepError

_limit = None


def now():
    """Returns the seconds of the monotonic clock."""
    return time.monotonic()


def pause(seconds):
    time.sleep(seconds)


def limit(seconds):
    """Sets the deadline of this whole process."""
    global _limit
    _limit = None if seconds is None else now() + seconds


def extend(seconds):
    """Moves the process's deadline, so that at least the given seconds are left."""
    if _limit is not None and _limit - now() < seconds:
        limit(seconds)


def left(seconds):
    """Returns the given seconds, or fewer if the process's deadline comes first."""
    if _limit is None:
        return seconds
    return max(0.1, min(seconds, _limit - now()))


class Deadline:
    """A deadline, some seconds from now."""

    def __init__(self, seconds):
        self._end = now() + seconds

    def passed(self):
        return now() >= self._end

    def seconds_left(self):
        return max(0.0, self._end - now())


def wait_until(condition, seconds, every=1.0):
    """Returns whether the condition became true in time. It is checked at least once, and once more at the end."""
    deadline = Deadline(left(seconds))
    while True:
        if condition():
            return True
        if deadline.passed():
            return False
        pause(min(every, max(0.05, deadline.seconds_left())))


def await_(condition, seconds, otherwise, every=1.0):
    """Waits for the condition. If it does not become true in time, raises the StepError that `otherwise()` returns."""
    if not wait_until(condition, seconds, every):
        failure = otherwise()
        assert isinstance(failure, StepError)
        raise failure
