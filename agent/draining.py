"""Draining a broker before its restart (https://www.rabbitmq.com/docs/upgrade#maintenance-mode).

A drained broker accepts no connections, so that the balancers skip it, has closed those that it had, and leads no
quorum queue. A restart ends this state. A broker that was drained by an unfinished run is revived. A broker that a
person has drained is left alone.
"""

import os
import re

from . import files, host, rabbitmq, systemd
from .errors import StepError

# Holds the start time of the broker that a run of this program has drained.
NOTE = host.RUN + "/drained"

# Before 4.0, RabbitMQ breaks a drain off if a connection that it is closing ends by itself at that moment
# (rabbit_networking:close_connection). With clients that come and go, this may happen several times in a row; each
# attempt closes more of the connections, and no new ones are accepted meanwhile.
ATTEMPTS = 20
_CONNECTION_ENDED = re.compile(r"gen_server,\s*:?call,\s*\[[^{]*\{:?shutdown,")


def _start_of_broker():
    return "ExecMainStartTimestampMonotonic={}\n".format(systemd.started(rabbitmq.UNIT))


def drain():
    """Drains the broker. Raises StepError if it is not drained."""
    files.write(NOTE, _start_of_broker())
    complete(lambda: rabbitmq.tell("drain", tool="rabbitmq-upgrade", seconds=120))


def complete(drain):
    """Calls `drain`, again whenever the broker broke it off because a client had left at that moment.

    `drain` raises StepError with the broker's words if the broker is not drained, and so does this.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            drain()
            return
        except StepError as failure:
            if attempt == ATTEMPTS or not _CONNECTION_ENDED.search(failure.message + failure.log):
                raise


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
