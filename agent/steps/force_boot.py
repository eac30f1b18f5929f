"""Starts the broker without brokers that ran longer and are gone for good; what only they had is lost.

With --follow it does not do that: it makes sure that this broker starts with the one that was started so.
"""

from .. import (
    broker_conf,
    clock,
    cluster,
    command,
    erlang,
    files,
    host,
    khepri,
    owner,
    rabbitmq,
    standalone,
    starting,
)
from ..arguments import listed
from ..errors import StepError
from .member import Member

# Two starts, and with --follow the copies of the queues.
TIMEOUT_SECONDS = 1000
# Never at the same time as another start.
LOCK = "start"
# How long the command may fail because the broker is between two starts of its own.
ORDER_SECONDS = 90

# Like rabbitmqctl force_boot, this loads the tables as they are here, but while the broker waits, and with one change
# before: a mirrored queue whose leader was on a missing broker is led from here, if a copy is here. A start deletes the
# copies that it does not lead, and without its leader the queue would be out of reach.
_LOAD = """
Gone = %s,
Copy = fun({resource, VHost, queue, Name}) ->
  <<Number:128>> = erlang:md5(<<"queue", VHost/binary, Name/binary>>),
  Folder = rabbit_misc:format("~.36B", [Number]),
  filelib:is_dir(filename:join([rabbit_vhost:msg_store_dir_path(VHost), "queues", Folder]))
end,
Orphan = fun(Queue) ->
  amqqueue:get_type(Queue) =:= rabbit_classic_queue
    andalso lists:member(node(amqqueue:get_pid(Queue)), Gone)
    andalso Copy(amqqueue:get_name(Queue))
end,
Table = rabbit_durable_queue,
yes = mnesia:force_load_table(Table),
{atomic, ok} = mnesia:transaction(fun() ->
  Queues = mnesia:match_object(Table, amqqueue:pattern_match_all(), write),
  Here = rabbit_misc:node_to_fake_pid(node()),
  lists:foreach(
    fun(Queue) -> ok = mnesia:write(Table, amqqueue:set_pid(Queue, Here), write) end,
    lists:filter(Orphan, Queues))
end),
rabbit_table:force_load()
"""


def arguments(parser):
    parser.add_argument("--gone", type=listed, default=[], help="those that it waits for in vain, a,b,c")
    parser.add_argument("--brokers", type=listed, default=[], help="every broker, a,b,c")
    parser.add_argument("--port", type=int, help="AMQP's TCP port")
    parser.add_argument("--follow", action="store_true", help="start again where it is not at it by itself")
    parser.add_argument("--after", help="with --follow: the broker that was started without the others")
    parser.add_argument("--stack-id", help="whose machine it has to be")
    parser.add_argument("--host", help="the name in the stack that it has to have")


def run(wanted):
    check_owner(wanted.stack_id, wanted.host)
    if wanted.follow:
        has_left = leave_former_store(wanted.after)
        follow()
        # Also where a run was cut off between its start and its copies of the queues.
        if has_left or (wanted.after is not None and khepri.is_used() and not starting.was_member()):
            conf = broker_conf.read()
            Member(conf.brokers, "disc", conf.port).become()
        return
    if not wanted.brokers or wanted.port is None:
        raise StepError("nothing was done: --gone, --brokers and --port say what to start without whom")
    if khepri.is_used() and standalone.is_unfinished():
        standalone.finish()
        return
    if not wanted.gone:
        raise StepError("nothing was done: --gone says without whom to start")
    check_nobody_serves(wanted.brokers, wanted.port)
    others = [name for name in wanted.brokers if name != host.name()]
    if khepri.is_used():
        command.do(["systemctl", "start", "--no-block", rabbitmq.UNIT])
        standalone.start(wanted.gone, lambda: check_nobody_serves(others, wanted.port))
    else:
        load_tables(wanted.gone, lambda: check_nobody_serves(others, wanted.port))
    if not clock.wait_until(lambda: rabbitmq.serves(host.name(), wanted.port), starting.BOOT_SECONDS):
        raise starting.failed("does not serve although it waits no more")


def check_owner(stack_id, host_name):
    """Raises StepError where the machine bears another stack's mark. One without a mark is the stack's."""
    found = owner.other_than(stack_id, host_name) if stack_id is not None else None
    if found is not None:
        raise StepError(
            "nothing was done: {} belongs to stack {} as {} now".format(host.name(), found.stack, found.host_name),
            "start its broker from there: npm run up -- --force-boot {} --stack {}".format(
                found.host_name, found.stack
            ),
        )


def load_tables(gone, check):
    if not starting.waits():
        raise StepError(
            "nothing was done: {} does not wait for another broker: the end of its log says what keeps it from"
            " starting".format(host.name())
        )
    command.do(["systemctl", "start", "--no-block", rabbitmq.UNIT])
    load(gone, check)


def check_nobody_serves(names, port):
    for name in names:
        if rabbitmq.serves(name, port):
            raise StepError(
                "nothing was done: {} serves, so the cluster is there and whoever waits can join it".format(name)
            )


def load(gone, check):
    said = [""]

    def takes_order():
        # Between two starts the broker does not wait yet, and does not take the command.
        if "Waiting for Mnesia tables" not in files.tail(rabbitmq.log_file(), 3):
            return False
        # One of the brokers that it waits for may have started meanwhile.
        check()
        try:
            rabbitmq.act(_LOAD % erlang.atoms(rabbitmq.node(name) for name in gone), seconds=60)
        except StepError as failure:
            said[:] = (failure.log or failure.message).strip().splitlines()[-1:]
            return False
        return True

    clock.await_(
        takes_order, ORDER_SECONDS, lambda: starting.failed("could not be told not to wait ({})".format("".join(said)))
    )


def leave_former_store(after):
    """Moves this broker's data aside if its tables are in a store of which the broker `after` is no member any more.

    Returns whether it did.
    """
    if after is None or not khepri.is_used() or host.name() in cluster.look(of=after).members:
        return False
    # Without it, the broker could not get its copies of the queues afterwards.
    broker_conf.read()
    rabbitmq.stop()
    aside = starting.put_aside("left")
    print("{}: joins the cluster of {} anew; its old data lies in {}".format(host.name(), after, aside))
    return True


def follow():
    """Returns once the broker has booted. A start that is already under way may fail, so it is tried twice."""
    if command.attempt(["systemctl", "start", rabbitmq.UNIT], seconds=starting.BOOT_SECONDS).code != 0:
        command.do(["systemctl", "start", rabbitmq.UNIT], seconds=starting.BOOT_SECONDS)
