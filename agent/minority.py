"""Pauses this host's broker while it is cut off from the majority of its cluster, as `pause_minority` does with Mnesia.

With Khepri that setting means nothing (https://www.rabbitmq.com/docs/partitions): clients of such a broker stay
connected, and nothing that they publish to quorum queues is confirmed until the network is back. A paused broker accepts
no connections and has ended those that there were, so that its clients go to the others.
"""

from . import files, host, khepri, rabbitmq
from .errors import NoAnswer

# The start of the broker that is paused: a broker that starts anew accepts connections.
NOTE = host.RUN + "/paused"

# The event is the drain's, by which the plug-ins of other protocols end their connections. Each connection is ended by a
# process of its own: one whose client does not read takes as long as it likes.
_PAUSE = """
Names = case ranch:info() of
  Refs when is_map(Refs) -> maps:keys(Refs);
  Refs -> [Name || {{Name, _}} <- Refs]
end,
IsDue = rabbit:is_running() andalso not rabbit_maintenance:is_being_drained_local_read(node())
  andalso not lists:any(fun(Name) -> ranch:get_status(Name) =:= suspended end, Names)
  andalso {is_enabled} andalso {is_cut_off},
case IsDue of
  true ->
    ok = rabbit_maintenance:suspend_all_client_listeners(),
    Why = "this broker is cut off from the majority of its cluster",
    [spawn(fun() -> rabbit_networking:close_connection(Each, Why) end) || Each <- rabbit_networking:local_connections()],
    rabbit_event:notify(maintenance_connections_closed, #{{reason => list_to_binary(Why)}}),
    true;
  false -> false
end
""".format(is_enabled=khepri.IS_ENABLED, is_cut_off="({})".format(khepri.IS_CUT_OFF))
_RESUME = "ok = rabbit_maintenance:resume_all_client_listeners()"


def pause(started):
    """Pauses it, if it runs, serves and is cut off. Returns whether it does that.

    started: when it was started, as systemd says. It is noted first, so that a watch that is killed meanwhile, or has no
    answer, has it accept connections again.
    """
    files.write(NOTE, started + "\n", labelled=False)
    said = rabbitmq.act(_PAUSE, seconds=60)
    if not isinstance(said, bool):
        raise NoAnswer("{}: the broker does not say whether it is paused".format(host.name()))
    if not said:
        files.remove(NOTE)
    return said


def resume():
    """Has it accept connections again."""
    rabbitmq.act(_RESUME, seconds=60)
    files.remove(NOTE)


def paused():
    """Returns the start that was noted at the last pause; "" if none is. A broker that has started since is not paused."""
    return files.read(NOTE, "").strip()
