"""Decides when a host restarts its broker, or starts its plug-ins again: a state machine that is given the time.

`Watch.look` is given what the host observes by itself, every few seconds, and returns whether to ask the broker.
`Watch.why` and `Watch.health` are given the broker's answer, and return what to do. It does nothing by itself. Its
seconds are those of a monotonic clock.
"""

from collections import namedtuple

from . import systemd

EVERY_SECONDS = 5
# After a longer gap between two looks the watch itself was suspended: earlier observations no longer count.
STOOD_STILL_SECONDS = 15

PATIENCE_SECONDS = 20  # of not serving, the rest of the cluster being there
STILLNESS_SECONDS = 10  # without work, of a broker that starts
LONG_START_SECONDS = 120  # after which a start that is left alone is told
TURN_SECONDS = 120  # that a restart may take before the next broker in the list has its turn
PAUSE_SECONDS = 300  # between two restarts of the same broker
BUSY_SHARE = 0.03  # of one processor that a broker which works takes at least; one that hangs takes less
ANSWER_WORK = 0.5  # seconds of processor time that an answer may cost a broker which hangs

HEALTH_SECONDS = 50  # between two questions whether a serving broker is whole, while nothing happens
LOOKS = 3  # at each of which it is asked, after what can make it less than whole
ATTEMPTS = 12  # to start plug-ins again that have ended

# What the host observes without asking its broker:
#   serves       whether it accepts connections on AMQP's port
#   unit, phase  systemd's ActiveState and SubState of its unit; None if systemd does not answer
#   started      when the unit's main process was started: a text that changes with each start
#   work         seconds of processor time that the unit has used; None if that is unknown
#   others       which of the other brokers serve; None if nobody has checked
#   is_busy      whether a step of the program works on the broker
#   is_current   whether the broker was started with its files as they are now; None if nobody has checked
#   connections  those with the other brokers; None if that is unknown
Facts = namedtuple("Facts", "serves unit phase started work others is_busy is_current connections")

# What the rest of the cluster reports: the names of its members, and of those that run.
Rest = namedtuple("Rest", "members running")

NOTHING = "nothing"
ASK_WHY = "ask it why it does not serve"
ASK_HEALTH = "ask it whether it is whole"
START_ANEW = "restart it, and do not wait for its end"
RESTART = "restart it"
START_PLUGINS = "start its plug-ins again"
PAUSE = "end its clients' connections, and accept no more, if it is cut off"
RESUME = "accept connections again"


def _starts(facts):
    return facts.unit == "activating" and facts.phase in systemd.STARTS


def is_idle(before, after):
    """Whether a unit has hardly used the processor between two looks, each (when, how much); unknown means no."""
    if before is None or after is None or after[0] <= before[0]:
        return False
    return 0 <= after[1] - before[1] < BUSY_SHARE * (after[0] - before[0])


class Watch:
    def __init__(self, name, brokers, port, pauses_minority=False, paused=""):
        """paused: the start of the broker that a watch before this one has paused."""
        self._name = name
        self._pauses_minority = pauses_minority
        self._paused = paused
        self._unclear_since = None  # since when a paused broker does not say how it is, or does not end its pause
        self._brokers = list(brokers)
        self._port = port
        self._seen_at = None
        self._not_serving_since = None
        self._work = None  # (when, how much) at the last look at which the broker did not serve
        self._starting = None  # (since when, which start, whether it has been told) of a start that is left alone
        self._is_idle = False
        self._restarted_at: dict = {START_ANEW: None, RESTART: None}
        self._awaited = None  # the start of a broker that was told to restart, until it is known how that ended
        self._was_down = False
        self._reason = None
        self._not_before = None
        self._drained = None  # the start in which the broker said that it is being drained, until it serves again
        self._started = None
        self._connections = None
        self._has_lost_one = False
        self._looks = 0
        self._health_at = None
        self._was_passed_over = False
        self._had_ended = False
        self._lacks_majority = False
        self._absent: frozenset = frozenset()
        self._absent_since = 0.0
        self._attempts = 0
        self.words = []

    # Observing

    def look(self, now, facts):
        """Returns what to ask or to do: NOTHING, ASK_WHY, ASK_HEALTH or PAUSE. `words` has the lines to print.

        If PAUSE was not due, ASK_HEALTH is what follows.
        """
        self.words = []
        if self._seen_at is None or now - self._seen_at > STOOD_STILL_SECONDS:
            self._forget_how_long()
        self._seen_at = now
        if facts.unit is None:
            self._forget_how_long()
            return NOTHING
        self._note_events(facts)
        self._follow(facts)
        if self._is_paused(facts):
            return self._look_at_paused(now, facts)
        if facts.serves:
            return self._look_at_serving(now)
        return self._look_at_silent(now, facts)

    def _is_paused(self, facts):
        return bool(self._paused) and self._paused == facts.started and facts.unit == "active"

    def _forget_how_long(self):
        self._not_serving_since = None
        self._work = None
        self._is_idle = False

    def _forget_answers(self):
        """Forgets a serving broker's answers about its health: they count only if given twice in a row."""
        self._was_passed_over = False
        self._had_ended = False

    def _note_events(self, facts):
        """Notices a start or a change of the connections with the others, after which a broker may be unhealthy."""
        if facts.started != self._started:
            self._started = facts.started
            self._forget_how_long()
            self._doubt()
        self._has_lost_one = False
        if facts.connections is not None and facts.connections != self._connections:
            self._has_lost_one = self._connections is not None and not self._connections <= facts.connections
            self._connections = facts.connections
            self._doubt()

    def _doubt(self):
        self._looks = LOOKS
        self._forget_answers()
        self._attempts = 0

    def _follow(self, facts):
        """Reports once how a restart has ended."""
        if self._awaited is None:
            return
        is_down = facts.unit in ("failed", "inactive")
        if facts.serves and facts.started != self._awaited:
            self.words.append("{} serves again".format(self._name))
            self._awaited = None
        elif is_down and self._was_down:
            # At two looks, because between its stop and its start a unit is inactive for a moment.
            self.words.append("{} did not start".format(self._name))
            self._awaited = None
        self._was_down = is_down

    def _look_at_serving(self, now):
        self._forget_how_long()
        self._reason = None
        self._not_before = None
        self._drained = None
        if self._pauses_minority and self._has_lost_one:
            # At once: each question takes seconds, for which clients wait if it is cut off.
            return PAUSE
        is_due = self._health_at is None or now - self._health_at >= HEALTH_SECONDS
        if self._looks == 0 and not is_due:
            return NOTHING
        self._health_at = now
        return ASK_HEALTH

    def _look_at_paused(self, now, facts):
        """Asks a paused broker at each look. One without a useful answer for long is one that does not serve."""
        if self._unclear_since is None or now - self._unclear_since < PATIENCE_SECONDS:
            self._forget_how_long()
            return ASK_HEALTH
        return ASK_WHY if self._look_at_silent(now, facts) == ASK_WHY else ASK_HEALTH

    def _look_at_silent(self, now, facts):
        self._forget_answers()
        starts = _starts(facts)
        self._measure(now, facts.work)
        self._tell_long_start(now, facts, starts and not self._is_idle)
        # systemd itself restarts a failed broker, and a broker whose start is held back waits for the cluster.
        should_serve = facts.unit == "active" or (starts and self._is_idle)
        if not should_serve or not self._is_majority(facts.others):
            self._not_serving_since = None
            return NOTHING
        if self._not_serving_since is None:
            self._not_serving_since = now
        limit = STILLNESS_SECONDS if starts else PATIENCE_SECONDS
        if now - self._not_serving_since < limit + self._ahead(facts.others) * TURN_SECONDS:
            return NOTHING
        if self._not_before is not None and now < self._not_before:
            return NOTHING
        if facts.is_busy:
            self._not_serving_since = None
            return NOTHING
        return ASK_WHY

    def _tell_long_start(self, now, facts, is_left_alone):
        """Reports once why nothing is done about a start that takes long beside a cluster that serves."""
        if not is_left_alone or not self._is_majority(facts.others):
            self._starting = None
            return
        since, started, is_told = self._starting or (now, facts.started, False)
        if started != facts.started:
            since, is_told = now, False
        if now - since >= LONG_START_SECONDS and not is_told:
            does = "how much its processes work is unknown" if facts.work is None else "its processes work"
            self.words.append(
                "{} has been starting for {:.0f} s and is left alone: {}".format(self._name, now - since, does)
            )
            is_told = True
        self._starting = since, facts.started, is_told

    def _measure(self, now, work):
        """Notes whether the broker has hardly used the processor since the last look; unknown means no."""
        before, self._work = self._work, None if work is None else (now, work)
        self._is_idle = is_idle(before, self._work)

    def _has_worked(self, now, facts):
        """Whether the broker has used more processor time since the last look than its answer costs, or may have."""
        if self._work is None or facts.work is None:
            return True
        when, work = self._work
        return not 0 <= facts.work - work < ANSWER_WORK + BUSY_SHARE * (now - when)

    def _is_majority(self, others):
        return others is not None and len(others) >= len(self._brokers) // 2 + 1

    def _ahead(self, others):
        """Returns how many brokers that do not serve have their turn before this one."""
        earlier = self._brokers[: self._brokers.index(self._name)] if self._name in self._brokers else self._brokers
        return len([name for name in earlier if name not in others])

    def _rests(self, action, now):
        last = self._restarted_at[action]
        return last is not None and now - last < PAUSE_SECONDS

    # The broker's answers

    def why(self, now, facts, condition, rest):
        """Decides about a broker that does not serve: NOTHING or START_ANEW.

        facts: a new observation, after the question. condition: the broker's answer; None if it did not answer.
        rest: what one of the others answered to this host; None if none did, so that a silent broker proves nothing.
        """
        self.words = []
        self._seen_at = now
        if facts.serves or not self._still_runs(facts) or self._not_serving_since is None:
            self._forget_how_long()
            return NOTHING
        if condition is not None and facts.unit == "active":
            # A drain also suspends the listeners, and does not always leave another trace.
            is_drained = condition.drained or (condition.is_suspended and not self._is_paused(facts))
            if is_drained or condition.running:
                self._drained = facts.started if is_drained else None
        reason, lasts = self._reason_to_leave(now, facts, condition, rest)
        if reason is None and self._rests(START_ANEW, now):
            reason = "it was restarted less than {} s ago".format(PAUSE_SECONDS)
        waited = now - self._not_serving_since
        self._not_serving_since = None
        if reason is None:
            self.words.append(
                "{} has not served for {:.0f} s although the rest of the cluster does:"
                " restarting rabbitmq-server".format(self._name, waited)
            )
            return START_ANEW
        self._not_before = now + HEALTH_SECONDS if lasts else None
        if reason != self._reason:
            self._reason = reason
            self.words.append("{} does not serve and is left alone: {}".format(self._name, reason))
        return NOTHING

    def _still_runs(self, facts):
        """Whether nobody has stopped or started the broker since it was asked; a stopped one is silent, too."""
        return facts.started == self._started and (facts.unit == "active" or _starts(facts))

    def _reason_to_leave(self, now, facts, condition, rest):
        """Returns why nothing is done, or None if the broker needs a restart, and whether that may take long."""
        if facts.is_busy:
            return "a step of rabbitmq-ha works on it", False
        if _starts(facts) and self._has_worked(now, facts):
            return "it starts, and works", False
        if rest is None:
            return "none of the others answers this host, so the fault may lie between them", False
        if self._name not in rest.members:
            return "the cluster does not count it as a member", True
        running = [name for name in rest.running if name != self._name]
        if not self._is_majority(running) or not self._is_majority(facts.others):
            return "the rest of the cluster is no majority", False
        is_active = facts.unit == "active"
        if condition is not None and condition.drained and is_active:
            return "it is being drained", True
        if (condition is None or not condition.running) and is_active and self._drained == facts.started:
            # A broker that leaves the cluster is drained and then stops. Without Mnesia it no longer knows that it was
            # drained.
            return "it was drained before it stopped", True
        if condition is None:
            return None, False
        if condition.is_suspended and not self._is_paused(facts):
            return "its listeners were suspended", True
        if condition.running:
            if condition.drained is None or condition.ports is None:
                return "it runs, and does not say what keeps it from serving", True
            if self._port in condition.ports:
                return "it runs and listens at port {}, so something lies between".format(self._port), True
            if not facts.is_current:
                # Another port is one, for example; the restart asks first whether the others can do without it.
                return "it runs with its former configuration, until its step restarts it", True
            return None, False
        if condition.booting and (not self._is_idle or self._has_worked(now, facts)):
            return "it starts, and works", False
        return None, False

    def health(self, now, facts, condition):
        """Decides about a broker that serves or is paused: NOTHING, START_PLUGINS, RESTART, PAUSE or RESUME.

        facts: a new observation, after the question, if the answer asks for an action.
        condition: None if the broker did not answer, which proves nothing.
        facts.others counts only if the broker is passed over.
        """
        self.words = []
        self._seen_at = now
        self._looks = max(0, self._looks - 1)
        is_paused = self._is_paused(facts)
        is_up = facts.serves or is_paused
        if not is_paused or (condition is not None and condition.is_cut_off is True):
            self._unclear_since = None
        elif self._unclear_since is None:
            self._unclear_since = now
        if condition is None or not condition.running or not (is_up and self._still_runs(facts)):
            self._forget_answers()
            return NOTHING
        if is_paused or (self._pauses_minority and condition.is_cut_off is True):
            return self._judge_minority(condition, is_paused)
        self._tell_majority(condition.has_majority)
        if condition.ended == []:
            self._attempts = 0
        # Only the same answer twice in a row counts: when a broker stops, its plug-ins end first.
        had_ended, self._had_ended = self._had_ended, bool(condition.ended)
        if condition.ended and self._attempts < ATTEMPTS and not facts.is_busy:
            self._look_again()
            if had_ended:
                self._attempts += 1
                return START_PLUGINS
        return self._judge_passed_over(now, facts, condition)

    def _judge_minority(self, condition, is_paused):
        """Decides about a broker that is cut off, or was: a drain suspends its listeners, too, and is left alone."""
        self._forget_answers()
        if condition.drained is not False:
            return NOTHING
        if is_paused and condition.has_majority is True:
            self.words.append("{} has a majority again, and accepts connections".format(self._name))
            return RESUME
        if condition.is_cut_off is True and condition.is_suspended is False:
            return PAUSE
        return NOTHING

    def _tell_majority(self, has_majority):
        """Reports once that a broker with Khepri is in a minority, where no restart helps, and once that it is not."""
        if has_majority is None or has_majority is not self._lacks_majority:
            return
        self._lacks_majority = not has_majority
        words = "{} serves, and no majority of the members answers it: nothing can be declared or changed there"
        self.words.append((words if self._lacks_majority else "{} has a majority again").format(self._name))

    def _judge_passed_over(self, now, facts, condition):
        if condition.passed_over is not True:
            self._was_passed_over = False
            return NOTHING
        if not self._was_passed_over:
            self._was_passed_over = True
            self._look_again()
            return NOTHING
        if self._rests(RESTART, now):
            return NOTHING
        is_left_alone = facts.is_busy or condition.drained is not False or condition.is_suspended is not False
        if is_left_alone or not self._is_majority(facts.others) or not self._has_turn(now, facts.others):
            return NOTHING
        self._was_passed_over = False
        self.words.append(
            "{} serves, and the rest of the cluster no longer tells it what changes: restarting rabbitmq-server".format(
                self._name
            )
        )
        return RESTART

    def _has_turn(self, now, others):
        """Whether this broker may restart now.

        Another one that does not serve may be restarting; it is not waited for if that takes too long.
        """
        absent = frozenset(self._brokers) - {self._name} - frozenset(others)
        if absent != self._absent:
            self._absent, self._absent_since = absent, now
        return not absent or now - self._absent_since >= TURN_SECONDS

    def _look_again(self):
        self._looks = max(self._looks, 1)

    def unclear(self):
        """Handles an incomplete answer to ASK_WHY: it is no reason to act, and the waiting time begins again."""
        self._forget_how_long()

    # Actions

    def pausing(self):
        """Records that PAUSE has begun."""
        self._paused = self._started

    def paused(self):
        """Records that PAUSE is done."""
        self.words.append(
            "{} is cut off from the majority of its cluster: it accepts no connections until it is back".format(
                self._name
            )
        )

    def resumed(self):
        """Records that RESUME is done, or that PAUSE was not due."""
        self._paused = ""
        self._unclear_since = None

    def restarted(self, now, action):
        """Records that START_ANEW or RESTART has begun."""
        self._seen_at = now
        self._restarted_at[action] = now
        self._awaited = self._started
        self._was_down = False
