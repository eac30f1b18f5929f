"""The script with which earlier releases watched the broker, in the two places where they installed it."""

import os

from . import files, host

_PLACES = ("/usr/local/lib/rabbitmq-ha/watch-broker", "/usr/libexec/rabbitmq-ha/watch-broker")
_UNITS = "/etc/systemd/system"


def remove():
    """Removes the script unless a unit still calls it.

    The broker's unit calls it before each start, until an `up` has changed the unit.
    """
    there = [place for place in _PLACES if host.exists(place)]
    if not there:
        return
    units = _texts(host.path(_UNITS))
    for place in there:
        if not any(place in text for text in units):
            files.remove(place)


def _texts(folder):
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    found.append(file.read())
    return found
