"""Draining a broker before its restart (https://www.rabbitmq.com/docs/upgrade#maintenance-mode).

A drained broker accepts no connections, so that the balancers skip it, has closed those that it had, and leads no
quorum queue. A restart ends this state. A broker that was drained by an unfinished run is revived. A broker that a
person has drained is left alone.
"""

import os

from . import files, host, rabbitmq, systemd
from .errors import StepError

# Holds the start time of the broker that a run of this program has drained.
NOTE = host.RUN + "/drained"


def _start_of_broker():
    found = systemd.properties(rabbitmq.UNIT, "ExecMainStartTimestampMonotonic")
    return "ExecMainStartTimestampMonotonic={}\n".format(found["ExecMainStartTimestampMonotonic"])


def drain():
    """Drains the broker. Raises StepError if it is not drained."""
    files.write(NOTE, _start_of_broker())
    rabbitmq.tell("drain", tool="rabbitmq-upgrade", seconds=120)


def over():
    """Removes the note: the broker has been restarted, which ends its drained state."""
    files.remove(NOTE)


def revive():
    """Revives a broker that was drained for a restart that has not happened."""
    if not os.path.exists(host.path(NOTE)):
        return
    try:
        if systemd.is_active(rabbitmq.UNIT) and files.read(NOTE) == _start_of_broker():
            print("{}: was drained for a restart that has not come, and serves again".format(host.name()))
            rabbitmq.tell("revive", tool="rabbitmq-upgrade", seconds=60)
    except StepError:
        # The next run tries again.
        return
    over()
