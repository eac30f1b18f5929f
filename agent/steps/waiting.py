"""Says of the broker here whom it ran beside when it stopped, or runs beside now, and whether it waits for one of them."""

from .. import starting

TIMEOUT_SECONDS = 30
LOCK = None


def arguments(parser):
    pass


def run(wanted):
    beside = starting.beside()
    # Nothing where the broker has no data.
    if beside is not None:
        print("Beside={}".format(" ".join(beside)))
    if starting.waits():
        print("Waits=yes")
