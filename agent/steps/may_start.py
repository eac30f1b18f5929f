"""Runs before each start of the broker: one that would serve beside the cluster waits, a former member without data or
one with the tables of a cluster that has gone on without it, and any broker during a full stop.

The broker's own unit calls it, as the user rabbitmq. It then records what the broker is started with, so that a run can
tell whether the broker needs a restart.
"""

import sys

from .. import broker_conf, clock, erlang, fingerprint, full_stop, host, khepri, rabbitmq, starting
from ..errors import NoAnswer, StepError

# It may wait for ever, and runs beside any other step.
TIMEOUT_SECONDS = None
LOCK = None
# How long a broker that serves may keep its answer, before a start does not wait for it any more.
SILENCE_SECONDS = 60

# With Mnesia a member of RabbitMQ 3.13 to 4.2 refuses a node of which it has a former one in its list
# (rabbit_mnesia:can_join_cluster). The new one would try for two minutes, and then serve alone. Here the member takes
# the former one off its list. Unlike `forget_cluster_node` it keeps the queues that were there: they begin empty, as
# they do with the other versions. Returns whether it did that.
_FORGET = """
Me = %s,
_ = code:ensure_loaded(rabbit_db_cluster),
Refuses = erlang:function_exported(rabbit_db_cluster, join, 2) andalso not %s,
case Refuses andalso lists:member(Me, mnesia:system_info(db_nodes)) of
  false -> false;
  true ->
    false = lists:member(Me, mnesia:system_info(running_db_nodes)),
    {atomic, ok} = mnesia:del_table_copy(schema, Me),
    ok = rabbit_node_monitor:notify_left_cluster(Me),
    true
end
"""


def arguments(parser):
    pass


def run(wanted):
    await_end_of_full_stop()
    if starting.was_member() and not starting.has_data():
        await_cluster(broker_conf.read())
    elif khepri.is_used() and starting.was_member():
        try:
            await_place(broker_conf.read())
        except StepError as failure:
            # The others are not known. After a power cut, a broker with data that does not start is worse.
            print(failure.report(), file=sys.stderr)
    try:
        fingerprint.note()
    except (OSError, StepError) as failure:
        # Without a note a run restarts the broker once more than needed; with a former one, perhaps once too few.
        print("{}: cannot note what the broker is started with: {}".format(host.name(), failure), file=sys.stderr)
        forget()


def await_end_of_full_stop():
    reported = False
    while full_stop.is_marked():
        if not reported:
            reported = True
            print("{}: does not start, since a full stop is under way; {}".format(host.name(), full_stop.REMEDY))
        clock.pause(1)


def forget():
    try:
        fingerprint.forget()
    except OSError as failure:
        # On a full disk some file systems cannot remove a file either. A broker that does not start is worse.
        print("{}: the note {} cannot be removed: {}".format(host.name(), fingerprint.NOTE, failure), file=sys.stderr)


def await_cluster(conf):
    reported = False
    silent = ""
    while True:
        for name in conf.discovery_peers:
            if not rabbitmq.serves(name, conf.port):
                continue
            try:
                forget_former(name)
            except StepError as failure:
                if failure.report() != silent:
                    silent = failure.report()
                    print("{}: does not start yet: {}".format(host.name(), silent))
                continue
            print("{}: was a member and has no data any more; it joins anew, since {} serves".format(host.name(), name))
            return
        if not reported and not silent:
            reported = True
            print(
                "{}: was a member and has no data any more, so it does not start alone; waits until one of these serves:"
                " {}. If their data is gone too: rm {} on {} begins an empty cluster".format(
                    host.name(), " ".join(conf.discovery_peers), rabbitmq.MEMBER_MARK, host.name()
                )
            )
        clock.pause(1)
        if not starting.was_member():
            return


def forget_former(name):
    """Has a broker that serves take the former node of this host off its list, where it would refuse the new one.

    Raises StepError unless it says that this is done or not needed.
    """
    question = _FORGET % (erlang.atom(rabbitmq.node()), khepri.IS_ENABLED)
    is_forgotten = rabbitmq.act(question, of=name, seconds=60)
    if not isinstance(is_forgotten, bool):
        raise NoAnswer("{} does not say whether {} can join it".format(name, host.name()))
    if is_forgotten:
        print("{}: {} has forgotten the member that {} was".format(host.name(), name, host.name()))


def await_place(conf):
    """Returns once no other broker serves in a cluster that does not list this one.

    With Khepri such a broker would not notice it: with others of the former cluster it would find a majority, and serve
    beside the new one.
    """
    reported = False
    deadline = clock.Deadline(SILENCE_SECONDS)
    others = [name for name in conf.brokers if name != host.name()]
    while True:
        found = khepri.Others(others, conf.port)
        if found.list_it or (not found.apart and (not found.silent or deadline.passed())):
            return
        if found.apart and not reported:
            reported = True
            print("{}\n{}".format(*khepri.gone_on_without_it(found.apart[0])))
        clock.pause(10 if found.apart else 1)
