"""What follows an upgrade, in the broker's turn: the queues are compared, and the last broker's turn ends the upgrade.

The last turn spreads the leaders and enables feature flags. A flag that is enabled while a quorum queue still runs an
older machine version ends in a queue that crashes for ever and loses confirmed messages
(rabbitmq/rabbitmq-server#17504), so each member of each queue is asked first. New leaders bring the new version about.
"""

from . import clock, host, rabbitmq, rolling, upgrade_note, upgrade_state
from .errors import NoAnswer, StepError
from .upgrade_check import KHEPRI

COUNTS_SECONDS = 60
MACHINES_SECONDS = 300

# Enables stable feature flags that every member knows, and returns the results.
_ENABLE = """
[{F, iolist_to_binary(io_lib:format("~0p", [rabbit_feature_flags:enable(F)]))}
  || F <- maps:keys(rabbit_feature_flags:list(disabled, stable)), F =/= khepri_db, rabbit_feature_flags:is_supported(F)]
"""


def finish():
    """Does what is still to be done after an upgrade of this broker; nothing without one."""
    noted = upgrade_note.read()
    if noted is None:
        return
    state = _await_counts()
    _compare(noted, state)
    if _is_last(state):
        _rebalance()
        _enable(state)
    upgrade_note.remove()


def _say(words):
    print("{}: {}".format(host.name(), words))


def _await_counts():
    """Returns the state once each queue says how many messages it has, or a minute later."""
    deadline = clock.Deadline(COUNTS_SECONDS)
    while True:
        try:
            state = upgrade_state.look()
            if state.messages() is not None or deadline.passed():
                return state
        except NoAnswer as silent:
            if deadline.passed():
                raise rolling.stopped_here(
                    "has its new version, and does not say what its queues are:",
                    "\n".join([silent.message, silent.log]),
                )
        clock.pause(2)


def _compare(noted, state):
    """Says which queues are gone, and whether there are fewer messages."""
    if not isinstance(noted.get("queues"), list):
        _say("a run that was ended has not noted the queues, so they are not compared")
        return
    now = {queue.key for queue in state.lasting()}
    gone = [each for each in noted["queues"] if tuple(each) not in now]
    for vhost, code in gone[:8]:
        _say("{} is gone since before the upgrade".format(upgrade_state.named(vhost, code)))
    if len(gone) > 8:
        _say("and {} more queues are gone".format(len(gone) - 8))
    before, after = noted.get("messages"), state.messages()
    if before is None or after is None:
        _say("a queue does not say how many messages it has, so they are not compared")
    elif after < before:
        _say("{} messages before the upgrade, {} now; consumers may have taken them".format(before, after))


def _is_last(state):
    """Whether every member runs, and all have one version."""
    return rolling.everyone_runs(state.cluster) and set(state.versions.values()) == {state.cluster.version}


def _rebalance():
    try:
        rabbitmq.tell("rebalance", "quorum", tool="rabbitmq-queues", seconds=600)
    except StepError as failure:
        _say("the leaders are not spread: {}; `rabbitmq-queues rebalance quorum` does it".format(failure.message))


def _enable(state):
    off = [flag for flag in state.off if flag != KHEPRI]
    if off:
        _await_machines()
        answer = rabbitmq.act(_ENABLE, seconds=600)
        if not isinstance(answer, list):
            raise NoAnswer("{}: the broker does not say which feature flags it has enabled".format(host.name()))
        failed = ["{}: {}".format(flag, said) for flag, said in answer if said != "ok"]
        if failed:
            raise StepError(
                "{}: all brokers have their new version, and these feature flags cannot be enabled:".format(
                    host.name()
                ),
                "Run `rabbitmqctl enable_feature_flag NAME` for each, and this again.",
                "\n".join(failed),
            )
        if answer:
            _say("all brokers have their new version; enables the feature flags {}".format(
                ", ".join(flag for flag, _ in answer)
            ))  # fmt: skip
    if KHEPRI in state.off:
        _say("leaves the feature flag {} disabled; RabbitMQ 4.3 requires it".format(KHEPRI))


def _await_machines():
    """Returns once every member of every quorum queue runs the newest machine version."""
    deadline = clock.Deadline(MACHINES_SECONDS)
    while True:
        try:
            state = upgrade_state.look()
            late = _late(state)
            if not late and _is_last(state):
                return
        except NoAnswer as silent:
            late = [silent.message, silent.log]
        if deadline.passed():
            raise StepError(
                "{}: all brokers have their new version, and the feature flags stay as they are, since these quorum"
                " queues would lose messages with them:".format(host.name()),
                "See to it that every member of them runs, and run this again.",
                "\n".join(late[:8]),
            )
        clock.pause(2)


def _late(state):
    words = []
    for queue in state.queues:
        late = [(name, version) for name, _, version in queue.members if version != state.machine]
        if late:
            named = ", ".join("{} on {}".format("no answer" if v is None else v, name) for name, v in late)
            words.append("{} runs the machine version {}, not {}".format(queue, named, state.machine))
    return words
