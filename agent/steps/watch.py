"""Watches this host's broker for ever: with all care it restarts one that should serve and does not.

Every 5 s it checks whether the broker accepts connections. If it has not for 20 s, beside a cluster that does, the
broker is asked why, and so is the rest of the cluster. A broker that serves is asked whether it is healthy; with Khepri
it pauses while it is cut off from the majority of its cluster. A virtual host that lacks the stack's policy gets it,
from the first of the brokers that run. What the watch does is in `journalctl -u rabbitmq-ha-watch`; `rabbitmq-ha status`
has the last of it.
"""

import collections
import contextlib

from .. import (
    broker_conf,
    cgroup,
    clock,
    cluster,
    command,
    condition,
    connections,
    fingerprint,
    health,
    host,
    minority,
    plugins,
    policies,
    rabbitmq,
    systemd,
    watch,
    watching,
)
from ..errors import NoAnswer, Silence, StepError
from ..watch_notes import say

TIMEOUT_SECONDS = None
LOCK = "watch"

# Steps that work on the broker. None of them begins while the watch acts, and the watch does not act while one runs.
STEPS = ("start", "member", "restart", "force-boot", "leave", "plugins")
QUESTION_SECONDS = 20
# Longer than the others have for the same: on a loaded host the broker must not be the first to count as silent.
OWN_QUESTION_SECONDS = 45
# The broker serves nobody, so there is nothing to wait for if it does not stop by itself.
STOP_SECONDS = 15


def arguments(_parser):
    pass


def run(_wanted):
    watching.run(Looker(broker_conf.read()), watch.EVERY_SECONDS)


# The broker's report of its condition, and the time of the report.
OwnWord = collections.namedtuple("OwnWord", "condition at")


class Looker(watching.Looker):
    """Observes, asks, and does what the watch decides."""

    def __init__(self, conf):
        self._name = host.name()
        self._port = conf.port
        self._others = [name for name in conf.brokers if name != self._name]
        self._watch = watch.Watch(self._name, conf.brokers, conf.port, conf.pauses_minority, minority.paused())

    def look(self):
        """Observes once, and does all that follows from it."""
        try:
            facts = self._see()
            question = self._watch.look(clock.now(), facts)
            self._say_all()
            if question == watch.ASK_WHY:
                self._ask_why()
                self._complaint = None
            elif question == watch.ASK_HEALTH or (question == watch.PAUSE and not self._pause(facts.started)):
                self._ask_health(facts)
                self._complaint = None
        except StepError as failure:
            self._complain(failure)

    def _say_all(self):
        for words in self._watch.words:
            say(words)

    # Observing

    def _see(self):
        serves = host.serves(self._name, self._port)
        try:
            unit = systemd.properties(
                rabbitmq.UNIT, "ActiveState", "SubState", "ExecMainStartTimestampMonotonic", "ControlGroup"
            )
        except NoAnswer:
            unit = {}
        return watch.Facts(
            serves=serves,
            unit=unit.get("ActiveState"),
            phase=unit.get("SubState"),
            started=unit.get("ExecMainStartTimestampMonotonic"),
            work=None if serves else cgroup.work_seconds(unit.get("ControlGroup", "")),
            others=None if serves else self._serving(),
            is_busy=False if serves else watching.is_busy(STEPS),
            is_current=None if serves else fingerprint.is_read(),
            connections=connections.with_other_brokers() if serves else None,
        )

    def _serving(self):
        found = command.side_by_side([lambda name=name: host.serves(name, self._port) for name in self._others])
        return [name for name, serves in zip(self._others, found) if serves is True]

    # Asking

    def _ask_why(self):
        mine, rest = command.side_by_side([self._own_word, self._word_of_the_rest])
        if not isinstance(mine, Exception) and clock.now() - mine.at > watch.EVERY_SECONDS:
            # The others took long to answer, and the broker's own answer is outdated.
            (mine,) = command.side_by_side([self._own_word])
        for said in (mine, rest):
            if isinstance(said, Exception) and not isinstance(said, Silence):
                self._watch.unclear()
                raise said
        said = None if isinstance(mine, Silence) else mine.condition
        decision = self._watch.why(clock.now(), self._see(), said, None if isinstance(rest, Silence) else rest)
        if decision == watch.START_ANEW:
            self._restart(decision)
        else:
            self._say_all()

    @staticmethod
    def _own_word():
        said = condition.ask(condition.STATE, OWN_QUESTION_SECONDS)
        return OwnWord(said, clock.now())

    def _word_of_the_rest(self):
        """Returns the first complete answer of another broker; it also proves that this host can ask."""
        for name in self._serving():
            try:
                said = cluster.look(of=name, seconds=QUESTION_SECONDS)
                return watch.Rest(said.members, said.running)
            except NoAnswer:
                continue
        raise Silence("none of the other brokers answers")

    def _ask_health(self, facts):
        try:
            said = condition.ask(condition.HEALTH, OWN_QUESTION_SECONDS)
        except NoAnswer:
            said = None
        if said is not None:
            with contextlib.suppress(OSError):
                health.note(said, facts.started)
        if said is not None and (said.ended or said.passed_over):
            facts = self._see()._replace(others=self._serving(), is_busy=watching.is_busy(STEPS))
        decision = self._watch.health(clock.now(), facts, said)
        if decision == watch.START_PLUGINS:
            self._start_plugins()
        elif decision == watch.RESTART:
            self._restart(decision)
        elif decision == watch.PAUSE:
            self._pause(facts.started)
        elif decision == watch.RESUME:
            self._resume()
        else:
            self._say_all()
        if said is not None and said.lacks_policy and decision == watch.NOTHING:
            self._set_policy()

    # Acting

    def _restart(self, decision):
        try:
            with watching.alone(STEPS):
                self._say_all()
                self._watch.restarted(clock.now(), decision)
                if decision == watch.START_ANEW:
                    _start_anew()
                else:
                    command.do(["systemctl", "restart", "--no-block", rabbitmq.UNIT], seconds=60)
        except watching.Taken:
            return  # by a step that began this very moment; the next looks see how it ends

    def _start_plugins(self):
        with contextlib.suppress(watching.Taken), watching.alone(STEPS):
            started = plugins.start_ended()
            if started:
                say("{}: started again what had given up: {}".format(self._name, ", ".join(started)))

    def _pause(self, started):
        """Returns whether the broker was cut off, and is paused."""
        with contextlib.suppress(watching.Taken), watching.alone(STEPS):
            self._watch.pausing()
            if minority.pause(started):
                self._watch.paused()
                self._say_all()
                return True
            self._watch.resumed()
        return False

    def _resume(self):
        with contextlib.suppress(watching.Taken), watching.alone(STEPS):
            minority.resume()
            self._watch.resumed()
            self._say_all()

    def _set_policy(self):
        with contextlib.suppress(watching.Taken), watching.alone(("policy",)):
            vhosts, _, _ = policies.spread()
            if vhosts:
                say("{}: set the stack's policy in: {}".format(self._name, ", ".join(vhosts)))


def _start_anew():
    """Restarts the broker; one that does not stop is killed.

    systemd is told once, and completes the restart even if this program ends meanwhile.
    """
    before = _main_process()
    systemd.reset(rabbitmq.UNIT)
    command.do(["systemctl", "restart", "--no-block", rabbitmq.UNIT], seconds=60)
    if before == "0" or clock.wait_until(lambda: _main_process() != before, STOP_SECONDS, every=0.5):
        return
    command.do(["systemctl", "kill", "--signal=KILL", rabbitmq.UNIT], seconds=60)


def _main_process():
    return systemd.properties(rabbitmq.UNIT, "MainPID")["MainPID"]
