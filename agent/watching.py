"""What the watches of a broker's host and of a balancer's have in common."""

import contextlib
import signal
import sys

from . import clock, lock
from .errors import NoAnswer, StepError


class Taken(Exception):
    """A step of the program works on the service, or has just begun."""


class Looker:
    """Observes, and reports a failure once, as long as it stays the same."""

    _complaint = None

    def look(self):
        raise NotImplementedError

    def _complain(self, failure):
        words = failure.report() if isinstance(failure, StepError) else str(failure)
        if words != self._complaint:
            self._complaint = words
            print(words)


def run(looker, every_seconds):
    """Has a looker look for ever, until systemd stops the watch."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    while True:
        clock.pause(every_seconds)
        looker.look()


def _end(_number, _frame):
    # No StepError: no handler may take this for a failed question. systemd completes what it was told to do.
    sys.exit(0)


def is_busy(steps):
    """Whether one of these steps of the program runs."""
    return any(lock.is_busy(step) for step in steps)


@contextlib.contextmanager
def alone(steps):
    """Keeps these steps from beginning meanwhile. Raises Taken if one runs, NoAnswer if that is unknown."""
    with contextlib.ExitStack() as stack:
        for step in steps:
            try:
                stack.enter_context(lock.held(step, 0))
            except NoAnswer:
                raise
            except StepError:
                raise Taken()
        yield
