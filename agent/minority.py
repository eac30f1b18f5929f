"""Pauses this host's broker while it is cut off from the majority of its cluster, as `pause_minority` does with Mnesia.

With Khepri that setting means nothing (https://www.rabbitmq.com/docs/partitions): clients of such a broker stay
connected, and nothing that they publish to quorum queues is confirmed until the network is back. A paused broker accepts
no connections and has ended those that there were, so that its clients go to the others.
"""

from . import files, host, khepri, rabbitmq

# The start of the broker that is paused: a broker that starts anew accepts connections.
NOTE = host.RUN + "/paused"

# The event is the drain's, by which the plug-ins of other protocols end their connections. Each connection is ended by a
# process of its own: one whose client does not read takes as long as it likes.
_PAUSE = (
    "true = "
    + khepri.IS_CUT_OFF
    + """,
ok = rabbit_maintenance:suspend_all_client_listeners(),
Why = "this broker is cut off from the majority of its cluster",
Ended = rabbit_networking:local_connections(),
_ = [spawn(fun() -> rabbit_networking:close_connection(Each, Why) end) || Each <- Ended],
rabbit_event:notify(maintenance_connections_closed, #{reason => list_to_binary(Why)}),
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
    """Returns the start of the broker that is paused; "" if none is. A broker that has started since is not."""
    return files.read(NOTE, "").strip()
