"""Pauses this host's broker while it is cut off from the majority of its cluster, as `pause_minority` does with Mnesia.

With Khepri that setting means nothing (https://www.rabbitmq.com/docs/partitions): clients of such a broker stay
connected, and nothing that they publish to quorum queues is confirmed until the network is back. A paused broker accepts
no connections and has ended those that there were, so that its clients go to the others.
"""

from . import files, host, khepri, rabbitmq

# The start of the broker that is paused: a broker that starts anew accepts connections.
NOTE = host.RUN + "/paused"

_PAUSE = (
    "true = "
    + khepri.IS_CUT_OFF
    + """,
ok = rabbit_maintenance:suspend_all_client_listeners(),
Ended = rabbit_networking:local_connections(),
ok = rabbit_networking:close_connections(Ended, "this broker is cut off from the majority of its cluster"),
length(Ended)
"""
)
_RESUME = "ok = rabbit_maintenance:resume_all_client_listeners()"


def pause(started):
    """Pauses it, if it is still cut off. started: when it was started, as systemd says.

    Noted first, so that a watch that is killed meanwhile has it accept connections again. Returns how many it had.
    """
    files.write(NOTE, started + "\n", labelled=False)
    return rabbitmq.act(_PAUSE, seconds=60)


def resume():
    """Has it accept connections again."""
    rabbitmq.act(_RESUME, seconds=60)
    files.remove(NOTE)


def paused():
    """Returns the start of the broker that is paused; "" if none is."""
    return files.read(NOTE, "").strip()
