"""Draining a broker before its restart (https://www.rabbitmq.com/docs/upgrade#maintenance-mode).

A drained broker takes no connections, so that the balancers pass it by, has closed those that it had, and leads no quorum
queue; a restart ends that. Who was drained by a run that came to nothing serves again; a person who has drained one
means it.
"""

import os

from . import files, host, rabbitmq, systemd
from .errors import StepError

# When the broker that a run of this program has drained was started.
NOTE = host.RUN + "/drained"


def _start_of_broker():
    found = systemd.properties(rabbitmq.UNIT, "ExecMainStartTimestampMonotonic")
    return "ExecMainStartTimestampMonotonic={}\n".format(found["ExecMainStartTimestampMonotonic"])


def drain():
    """Raises StepError where the broker is not drained."""
    files.write(NOTE, _start_of_broker())
    rabbitmq.tell("drain", tool="rabbitmq-upgrade", seconds=120)


def over():
    """The broker has been restarted, which ends its drained state."""
    files.remove(NOTE)


def revive():
    """Has a broker serve again that was drained for a restart that has not come."""
    if not os.path.exists(host.path(NOTE)):
        return
    try:
        if systemd.is_active(rabbitmq.UNIT) and files.read(NOTE) == _start_of_broker():
            print("{}: was drained for a restart that has not come, and serves again".format(host.name()))
            rabbitmq.tell("revive", tool="rabbitmq-upgrade", seconds=60)
    except StepError:
        # The next run does it.
        return
    over()
