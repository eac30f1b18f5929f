"""Starts a broker with Khepri although most members of its store are gone for good: its store becomes one of its own.

What the command `rabbitmqctl force_standalone_khepri_boot` does cannot be undone, so all is asked anew right before it.
"""

from . import clock, cluster, command, files, host, khepri, queues, rabbitmq, starting
from .errors import NoAnswer, StepError

# How long the broker may be between two starts of its own.
ASKED_SECONDS = 60
# Up to RabbitMQ 4.1 a start without a majority gives up after half a minute, which may be between any two questions.
SETTLED_SECONDS = 180
# RabbitMQ's tools end with it if they cannot reach the broker (sysexits.h: EX_UNAVAILABLE).
UNREACHABLE = 69

FORCE = "force_standalone_khepri_boot"

# Is there from before the command until all that follows it is done, so that a run that was cut off can be repeated: a
# broker that runs does not wait any more, and its quorum queues would have no majority for good.
NOTE = host.STATE + "/forced"

# What `rabbit_quorum_queue:force_shrink_member_to_current_member/2` does, without its last act: it also deletes the
# messages of the members on other brokers that are connected, and those are to be kept aside.
_SHRINK = """
Alone = fun(V, Q) ->
  Name = rabbit_misc:r(V, queue, Q),
  {ok, Queue} = rabbit_amqqueue:lookup(Name),
  {Server, _} = amqqueue:get_pid(Queue),
  ok = ra_server_proc:force_shrink_members_to_current_member({Server, node()}),
  Keep = fun(Record) ->
    State = amqqueue:get_type_state(Record),
    Nodes = case maps:get(nodes, State) of
      Listed when is_list(Listed) -> [node()];
      Mapped -> maps:with([node()], Mapped)
    end,
    amqqueue:set_type_state(Record, State#{nodes => Nodes})
  end,
  _ = rabbit_amqqueue:update(Name, Keep),
  ok
end,
[Q || {V, Q} <- @queues@, ok =/= (try Alone(V, base64:decode(Q)) catch _:_ -> failed end)]
"""


def start(gone, check_nobody_serves):
    """Starts this broker without those that are gone. check_nobody_serves: raises StepError if another one serves."""
    deadline = clock.Deadline(SETTLED_SECONDS)
    while not _force(gone, check_nobody_serves, deadline):
        clock.pause(1)
    finish()


def is_unfinished():
    """Whether a run has started this broker alone and was cut off."""
    return host.exists(NOTE) and _is_alone()


def finish():
    """Awaits the broker that was started alone, and gives its quorum queues a majority."""
    clock.await_(_is_alone, starting.BOOT_SECONDS, lambda: starting.failed("does not run although it waits no more"))
    shrink_queues()
    files.remove(NOTE)


def _force(gone, check_nobody_serves, deadline):
    """Returns False if the broker or one that is left was between two starts, so that all has to be asked again."""
    look_until_it_waits()
    try:
        check(gone)
        check_nobody_serves()
    except NoAnswer:
        if deadline.passed():
            raise
        return False
    files.write(NOTE, "{}\n".format(" ".join(gone)))
    told = command.attempt(rabbitmq.words("rabbitmqctl", [FORCE]), **rabbitmq.options(120))
    if told.code == 0 or (told.code == UNREACHABLE and _is_alone()):
        return True
    if told.code == UNREACHABLE and not deadline.passed():
        return False
    raise StepError("{} ended with {}".format(FORCE, told.code), log=told.log())


def look_until_it_waits():
    """Returns the broker's answer. Between two starts of its own it does not answer."""
    last = {}

    def waits():
        try:
            last["seen"] = khepri.look()
        except NoAnswer as silent:
            last["silent"] = silent
            return False
        return last["seen"].waits

    if not clock.wait_until(waits, ASKED_SECONDS):
        if "seen" not in last:
            raise last["silent"]
        raise StepError(
            "nothing was done: {} does not wait for a majority: the end of its log says what keeps it from starting".format(
                host.name()
            )
        )
    return last["seen"]


def check(gone):
    """Checks, in answers of now, that no majority is left, and that no other broker that is left has newer tables."""
    seen = khepri.look()
    if not seen.waits:
        raise StepError("nothing was done: {} does not wait any more".format(host.name()))
    back = [name for name in seen.connected if name in gone]
    if back:
        raise StepError("nothing was done: {} runs, so it is not gone".format(" ".join(back)))
    left = [name for name in seen.members if name not in gone]
    if len(left) + 1 >= seen.majority:
        raise StepError(
            "nothing was done: with {} a majority of the members is left".format(" ".join(left)),
            "Start these, and all start.",
        )
    for name, other in khepri.look_all(left).items():
        if other.position > seen.position:
            raise StepError(
                "nothing was done: {} has newer tables than {}".format(name, host.name()),
                "Start that one without the others.",
            )


def _is_alone():
    try:
        seen = cluster.look()
    except NoAnswer:
        return False
    return seen.members == [host.name()] == seen.running


def shrink_queues():
    """Gives each quorum queue that has a member here and no majority any more this one member."""
    stuck = [
        queue
        for queue in queues.look().with_member(host.name())
        if len(queue.members) > 1 and 2 * len(set(queue.members) & {host.name()}) <= len(queue.members)
    ]
    if not stuck:
        return
    print("{}: leads {} quorum queues alone: {}".format(host.name(), len(stuck), queues.named(stuck)))
    refused = rabbitmq.act(_SHRINK.replace("@queues@", queues.source(queue.key for queue in stuck)), seconds=300)
    if refused != []:
        codes = refused if isinstance(refused, list) else []
        raise StepError(
            "{}: these quorum queues have no majority, and could not be given one: {}".format(
                host.name(), queues.named([queue for queue in stuck if queue.code in codes])
            ),
            'On {}, run rabbitmqctl eval \'rabbit_quorum_queue:force_shrink_member_to_current_member(<<"VHOST">>,'
            ' <<"QUEUE">>).\' for each of them.'.format(host.name()),
        )
