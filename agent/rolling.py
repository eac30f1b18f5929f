"""Whether a broker may stop briefly, and whether all members run again, in one complete answer of the broker."""

from . import clock, cluster, files, host, rabbitmq, series
from .errors import NoAnswer, StepError

# The checks of `rabbitmq-queues check_if_node_is_quorum_critical` (from RabbitMQ 3.13 on also of streams and of the
# store of the cluster's tables) and `check_if_node_is_mirror_sync_critical` (up to 3.13), by the functions that these
# call.
_QUESTION = """
Cluster = begin %s end,
Names = fun(Queues) ->
  [case maps:get(<<"readable_name">>, Queue) of
    Name when is_binary(Name) -> Name;
    Name -> iolist_to_binary(io_lib:format("~p", [Name]))
  end || Queue <- Queues]
end,
Alone = rabbit_nodes:is_single_node_cluster(),
Drained = rabbit_maintenance:is_being_drained_local_read(node()),
Critical = case Alone orelse Drained of
  true -> [];
  false ->
    Names(try rabbit_upgrade_preparation:list_with_minimum_quorum_for_cli()
      catch error:undef -> rabbit_quorum_queue:list_with_minimum_quorum_for_cli() end)
end,
HasMirrors = %s,
Unsynchronised = case Alone orelse not HasMirrors of
  true -> [];
  false -> Names(rabbit_amqqueue:list_local_mirrored_classic_without_synchronised_mirrors_for_cli())
end,
{Cluster, Critical, Unsynchronised}
""" % (cluster.STATUS.strip(), series.expression("hasMirrors"))

# What a broker waits for before its restart, and for how many seconds at most.
MEMBERS, QUORUM, MIRRORS = "every member to run", "a majority without it", "its mirrors to be in sync"
PATIENCE_SECONDS = {MEMBERS: 120, QUORUM: 300, MIRRORS: 300}
WORDS = {
    MEMBERS: "every member to run before the restart",
    QUORUM: "the quorum queues to have a majority without this broker",
    MIRRORS: "the mirrors of this broker's queues to be in sync",
}


def look():
    """Returns the answer of this host's broker. Raises NoAnswer unless it is complete."""
    answer = rabbitmq.evaluate(_QUESTION)
    if not isinstance(answer, tuple) or len(answer) != 3 or not all(isinstance(each, list) for each in answer[1:]):
        raise NoAnswer("{} does not say whether it can do without this broker".format(host.name()))
    return cluster.Cluster(answer[0]), answer[1], answer[2]


def everyone_runs(seen):
    return seen.members == seen.running and host.name() in seen.members


def _absent(seen):
    return "not running: {}".format(", ".join(sorted(set(seen.members) - set(seen.running))) or "this broker itself")


def _obstacle():
    """Returns what prevents a restart of the broker, and the details; None if nothing does."""
    try:
        seen, critical, unsynchronised = look()
    except NoAnswer as silent:
        return MEMBERS, "\n".join([silent.message, silent.log])
    if not everyone_runs(seen):
        return MEMBERS, _absent(seen)
    if critical:
        return QUORUM, _some(critical, "would lose its majority")
    if unsynchronised:
        return MIRRORS, _some(unsynchronised, "has no other copy in sync")
    return None


def _some(queues, what):
    more = ["and {} more".format(len(queues) - 8)] if len(queues) > 8 else []
    return "\n".join(["{} {}".format(queue, what) for queue in queues[:8]] + more)


def await_restart():
    """Returns once the cluster can do without this broker briefly. Raises StepError if that is not so in time."""
    deadlines = {}  # type: dict
    while True:
        found = _obstacle()
        if found is None:
            return
        what, more = found
        deadline = deadlines.setdefault(what, clock.Deadline(PATIENCE_SECONDS[what]))
        if deadline.passed():
            raise in_vain(WORDS[what], more)
        clock.pause(1)


def await_everyone(seconds):
    """Returns once every member runs, including this one. Raises StepError if they do not in time."""
    last = [""]

    def all_run():
        try:
            seen = cluster.look()
        except NoAnswer as silent:
            last[:] = [silent.message, silent.log]
            return False
        last[:] = [_absent(seen)]
        return everyone_runs(seen)

    clock.await_(all_run, seconds, lambda: in_vain("every member to run after the restart", "\n".join(last)))


def in_vain(what, more):
    return stopped_here("waited in vain for {}:".format(what), "\n".join([files.tail(rabbitmq.log_file(), 4), more]))


def stopped_here(words, log=""):
    return StepError(
        "{}: {}".format(host.name(), words),
        "{}: the brokers after this one were left as they are; once it is mended, the next up goes on from here".format(
            host.name()
        ),
        log,
    )
