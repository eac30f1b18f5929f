"""Prints whether the broker waits for others at its start, and for which.

With Mnesia these are the brokers that ran beside this one when it stopped, or run now. With Khepri they are the other
members of the store, of which it needs a majority; only a broker that waits tells them, and how new its tables are.
Nothing is printed for a broker without data. One that was started alone by a run that was cut off is told as such.
"""

import contextlib

from .. import khepri, rabbitmq, standalone, starting, systemd
from ..errors import NoAnswer

TIMEOUT_SECONDS = 30
LOCK = None


def arguments(parser):
    pass


def run(wanted):
    if khepri.is_used() and starting.has_data():
        print_store()
        return
    beside = starting.beside()
    if beside is not None:
        print("Beside={}".format(" ".join(beside)))
    if starting.waits():
        print("Waits=yes")


def print_store():
    seen = None
    if systemd.state(rabbitmq.UNIT) == "activating":
        # Between two starts, and at the beginning of one, it does not answer.
        with contextlib.suppress(NoAnswer):
            seen = khepri.look()
    if seen is None or not seen.waits:
        print("Beside=")
        if standalone.is_unfinished():
            print("Forced=yes")
        return
    print("Beside={}".format(" ".join(seen.members)))
    print("Position={} {}".format(*seen.position))
    print("Waits=yes")
