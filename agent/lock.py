"""Allows one run of each step at a time on a host, also beside a run that a killed `up` has left."""

import contextlib
import fcntl
import os
import time

from . import clock, host
from .errors import NoAnswer, StepError

FOLDER = host.RUN + "/locks"


def _open(step, more=os.O_CREAT):
    folder = host.path(FOLDER)
    try:
        os.makedirs(host.path(host.RUN), mode=0o755, exist_ok=True)
        if not os.path.isdir(folder):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        return os.open(os.path.join(folder, step), os.O_RDWR | os.O_CLOEXEC | more, 0o600)
    except FileNotFoundError:
        raise
    except OSError as failure:
        raise NoAnswer(
            "{}: {}/{} cannot be opened, so it is unknown whether this step is being done already: {}".format(
                host.name(), FOLDER, step, failure.strerror or failure
            ),
            "see to it that /run has room, and run this again",
        )


def _taken(number):
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def held(step, seconds):
    """Holds a step's lock. If it is not free in time, raises a StepError with its holder and since when."""
    number = _open(step)
    try:
        if not clock.wait_until(lambda: _taken(number), seconds, 0.2):
            holder = os.pread(number, 500, 0).decode("utf-8", "replace").strip() or "another run"
            raise StepError(
                "this step is being done already, by {}".format(holder),
                "wait for its end, or end that process, and run this again",
            )
        words = "process {} since {}\n".format(os.getpid(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        # Without room for it the lock still counts.
        with contextlib.suppress(OSError):
            os.ftruncate(number, 0)
            os.pwrite(number, words.encode(), 0)
        yield
    finally:
        os.close(number)


def is_busy(step):
    """Whether a step's lock is held now."""
    try:
        # Nobody has held one that is not there; on a full disk it could not be made.
        number = _open(step, more=0)
    except FileNotFoundError:
        return False
    try:
        return not _taken(number)
    finally:
        os.close(number)
