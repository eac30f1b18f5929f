"""Prints which brokers ran beside this one when it stopped, or run now, and whether it waits for one of them."""

from .. import starting

TIMEOUT_SECONDS = 30
LOCK = None


def arguments(parser):
    pass


def run(wanted):
    beside = starting.beside()
    # Nothing if the broker has no data.
    if beside is not None:
        print("Beside={}".format(" ".join(beside)))
    if starting.waits():
        print("Waits=yes")
