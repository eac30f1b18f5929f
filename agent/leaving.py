"""Has a broker leave the cluster, requested by a member that stays, if the others can do without it.

Some obstacles show only half-way. Then the broker gets back what it has given up: it serves again, and the quorum
queues have their member there again. A note records what was given up, so that the next run can restore it, too.
"""

import contextlib
import os
import urllib.parse

from . import broker_conf, clock, cluster, delayed, draining, erlang, files, host, khepri, mqtt, queues, rabbitmq
from .errors import NoAnswer, StepError, Stopped

COPIES_SECONDS = 60
DRAIN_SECONDS = 120
DELAYED_SECONDS = 60
SHRINK_SECONDS = 300
GIVE_BACK_SECONDS = 600

NOTES = host.STATE + "/leaving"

# Which brokers are being drained: by the maintenance table, or by their listeners, which a drain suspends. Up to
# RabbitMQ 3.13 the table may have its only copy on the first broker. Once that one has left, nobody can read or write
# the table, and every broker is reported as not drained.
_DRAINING = """
Suspended = fun(N) ->
  case rpc:call(N, ranch, info, [], 10000) of
    {badrpc, _} -> silent;
    Known ->
      Names = case is_map(Known) of true -> maps:keys(Known); false -> [Name || {Name, _} <- Known] end,
      States = [rpc:call(N, ranch, get_status, [Name], 10000) || Name <- Names],
      case [State || State <- States, State =/= running, State =/= suspended] of
        [] -> lists:member(suspended, States);
        _ -> silent
      end
  end
end,
[{N, case rabbit_maintenance:is_being_drained_consistent_read(N) of true -> true; false -> Suspended(N) end} || N <- %s]
"""

# Adds a member of the queues on a node. A queue that has one, or does not exist any more, needs nothing. From 3.12 on
# members can be voters or not, so add_member has one more argument.
_GROW = """
code:ensure_loaded(rabbit_quorum_queue),
Add = case erlang:function_exported(rabbit_quorum_queue, add_member, 5) of
  true -> fun(V, Q) -> rabbit_quorum_queue:add_member(V, Q, %(node)s, promotable, 10000) end;
  false -> fun(V, Q) -> rabbit_quorum_queue:add_member(V, Q, %(node)s, 10000) end
end,
Fine = [ok, {error, not_found}, {error, classic_queue_not_supported}, {error, not_quorum_queue}],
length([Q || {V, Q} <- %(queues)s, not lists:member(Add(V, base64:decode(Q)), Fine)])
"""


class Note:
    """What a broker has given up so far, in a file on the host that requests the leave."""

    def __init__(self, name):
        self.file = "{}/{}".format(NOTES, name)
        self.drain_begun = False
        self.removed_from = set()
        for line in files.read(self.file, "").splitlines():
            words = [urllib.parse.unquote(word) for word in line.split()]
            if words == ["drained"]:
                self.drain_begun = True
            elif len(words) == 3 and words[0] == "place":
                self.removed_from.add((words[1], words[2]))

    @staticmethod
    def names():
        """Returns the brokers that have a note."""
        try:
            return sorted(name for name in os.listdir(host.path(NOTES)) if not name.startswith("."))
        except FileNotFoundError:
            return []

    @property
    def is_empty(self):
        return not self.drain_begun and not self.removed_from

    def write(self):
        lines = ["drained"] if self.drain_begun else []
        for vhost, code in sorted(self.removed_from):
            lines.append("place {} {}".format(urllib.parse.quote(vhost, ""), urllib.parse.quote(code, "")))
        files.write(self.file, "".join(line + "\n" for line in lines), mode=0o600)

    def remove(self):
        self.drain_begun, self.removed_from = False, set()
        files.remove(self.file)


class Leaving:
    """One broker that is to leave.

    brokers: all brokers of the stack. of: the member that is asked; by default the host's own broker.
    """

    def __init__(self, name, brokers, of=None, wish="leave the cluster"):
        self.name = name
        self.node = rabbitmq.node(name)
        self.brokers = list(brokers)
        self.of = of
        self.wish = wish
        self.note = Note(name)
        self.is_gone = False
        # The broker may still be removing its queue members after the tool that requested it was ended.
        self.removal_may_still_run = False

    def refusal(self, words, remedy="", log=""):
        return StepError("{} does not {}: {}".format(self.name, self.wish, words), remedy, log)

    def look(self):
        return cluster.look(self.of)

    # Checks

    def check_others(self, seen):
        """Checks that the others all run as members, are a majority without this one, and include a disc node."""
        others = [name for name in self.brokers if name != self.name]
        absent = [name for name in others if name not in seen.members or name not in seen.running]
        if absent:
            raise self.refusal(
                "{} would have to run beside it as members, and do not.".format(" ".join(absent)),
                "One broker leaves at a time: start those, or replace them first.",
            )
        staying = [name for name in seen.running if name != self.name]
        if 2 * len(staying) <= len(seen.members):
            raise self.refusal(
                "{} of {} members would run without it, and that is no majority.".format(
                    len(staying), len(seen.members)
                ),
                "A cluster of three brokers or more can do without one.",
            )
        if not any(name in seen.disc for name in staying):
            raise self.refusal("it is the last disc node that runs.", "Give another broker the type disc first.")

    def check_gone(self, seen):
        """Checks that it is in no other cluster of the stack's brokers.

        Neither the broker itself nor any broker outside the asked cluster may list it together with another broker of
        the stack. Raises NoAnswer unless each that serves says so. One that has left as well is down, and its host may
        be gone.
        """
        outside = [name for name in self.brokers if name not in seen.members]
        silent = {}
        for name, said in cluster.look_all(sorted({*outside, self.name})).items():
            if not isinstance(said, cluster.Cluster):
                silent[name] = said
            elif name == self.name and said.members == [name]:
                self._check_no_queues_of_its_own()
            elif self.name in said.members and any(each in self.brokers for each in said.members if each != self.name):
                raise self.refusal(
                    "it is no member where {} is, but is one where {} is: {}.".format(
                        self.of or host.name(), name, " ".join(said.members)
                    ),
                    "Have all brokers in one cluster first: 'rabbitmq-ha member' joins one that is apart.",
                )
        for name, said in silent.items():
            if not rabbitmq.serves(name, broker_conf.read().port):
                continue
            raise NoAnswer(
                "{} does not {}: it is no member where {} is, and {} does not say whether it is one there.".format(
                    self.name, self.wish, self.of or host.name(), name
                ),
                "Have {} answer, and run this again.".format(name),
                said.log or said.message,
            )

    def _check_no_queues_of_its_own(self):
        """Checks that a broker that serves apart from the cluster has no queues: nobody else has a copy of them."""
        own = queues.look(self.name).all
        if own:
            raise self.refusal(
                "it is no member where {} is, and serves alone with {} queues of its own: {}.".format(
                    self.of or host.name(), len(own), queues.named(own)
                ),
                "Move their messages, or delete them: 'rabbitmq-ha member' joins it then.",
            )

    def check_copies(self):
        """Checks that no queue has its only copy here. Returns the queues.

        Mirrors may be about to be synchronised, so it waits for them.
        """
        deadline = clock.Deadline(COPIES_SECONDS)
        while True:
            seen = queues.look(self.of)
            lost = seen.only_on(self.name)
            if not lost:
                return seen
            if deadline.passed():
                raise self.refusal(
                    "it has the only copy of {} queues: {}.".format(len(lost), queues.named(lost)),
                    "Give each a copy elsewhere (up to RabbitMQ 3 a policy mirrors classic queues; 'rabbitmq-queues grow' and"
                    " 'rabbitmq-streams add_replica' do it for the others), move their messages, or delete them.",
                )
            clock.pause(2)

    def check_streams(self, seen):
        """Checks that no stream would lose its majority for good without this broker."""
        lost = seen.out_of_reach_without(self.name)
        if lost:
            raise self.refusal(
                "{} streams would have no majority without it: {}.".format(len(lost), queues.named(lost)),
                "While it runs, give each a replica on another broker (rabbitmq-streams add_replica), or take away the"
                " one that it has (rabbitmq-streams delete_replica).",
            )

    def check_no_other_drains(self):
        """Checks that no other broker of the stack is being drained. Returns whether this one is."""
        names = sorted(set(self.brokers) | {self.name})
        answer = rabbitmq.evaluate(_DRAINING % erlang.atoms(map(rabbitmq.node, names)), of=self.of)
        said = {}
        if isinstance(answer, list):
            said = {rabbitmq.short(pair[0]): pair[1] for pair in answer if isinstance(pair, tuple) and len(pair) == 2}
        if sorted(said) != names or not all(isinstance(each, bool) for each in said.values()):
            raise NoAnswer("{} does not say who is being drained".format(self.of or host.name()))
        others = [name for name in names if said[name] and name != self.name]
        if others:
            raise self.refusal(
                "{} is being drained.".format(" ".join(others)),
                "One broker leaves at a time: wait, or run 'rabbitmq-upgrade revive' on it.",
            )
        return said[self.name]

    # What the broker gives up

    def add_members_elsewhere(self, seen):
        """Adds to each quorum queue with a member here one on a broker that stays and has none.

        So it has no fewer members afterwards, if there are brokers for them.
        """
        added: dict = {name: set() for name in seen.running if name != self.name}
        for queue in queues.look(self.of).all:
            if queue.kind != queues.QUORUM or not (self.name in queue.members or queue.key in self.note.removed_from):
                continue
            free = [name for name in added if name not in queue.members]
            if free:
                added[min(free, key=lambda name: (len(added[name]), name))].add(queue.key)
        for name, keys in sorted(added.items()):
            if not keys:
                continue
            print("{}: {} becomes a member of {} of its quorum queues".format(self.name, name, len(keys)))
            failed = self._grow(name, keys)
            if failed != "0":
                raise self.refusal(
                    "{} did not become a member of {} of its quorum queues.".format(name, failed),
                    "Each needs a majority of its members for that: have those run, and run this again.",
                )

    def remove_members_and_drain(self):
        """Removes the broker's quorum queue members and its clients.

        The members go first: a drain stops its replicas at once, so that a queue of two would have no majority for the
        removal. A replica that was the leader does not come back with `rabbitmq-upgrade revive`, only with a restart.
        """
        is_drained = self.check_no_other_drains()
        self.shrink()
        self._drain(is_drained)
        # Once more, for queues that were declared meanwhile.
        self.shrink()
        self._await_delayed()

    def _await_delayed(self):
        """Waits until a drained broker, which takes no more messages, has no delayed ones left."""
        if not clock.wait_until(lambda: delayed.count(self.name, self.of) == 0, DELAYED_SECONDS, every=2):
            raise self.refusal(
                "it still has messages that the plug-in rabbitmq_delayed_message_exchange delays, and nobody else has a"
                " copy of them.",
                "Once they are due, run this again.",
            )

    def _drain(self, is_drained):
        """Moves the clients to the other brokers. Mirrors are promoted when the broker stops."""
        if not is_drained:
            self.note.drain_begun = True
            self.note.write()
        print("{}: drains: its clients go to the other brokers".format(self.name))
        draining.complete(self._ask_to_drain)
        # If two brokers are told to leave at the same moment, each sees the other now.
        if not self.check_no_other_drains():
            raise self.refusal("it was drained, and {} does not see it.".format(self.of or host.name()))

    def _ask_to_drain(self):
        said = self._rpc("rabbit_maintenance, drain, []", DRAIN_SECONDS)
        if said != "ok":
            raise self.refusal(
                "it could not be drained: {}".format(said),
                "Where that is a feature flag that is not enabled, run 'rabbitmqctl enable_feature_flag all'.",
            )

    def shrink(self, is_down=False):
        """Removes the broker's quorum queue members.

        Once it has stopped, a queue of two would have no majority for that.
        """
        remaining = queues.look(self.of).with_member(self.name)
        if remaining:
            print("{}: removes its members of quorum queues".format(self.name))
        while True:
            before, said = len(remaining), ""
            if remaining:
                self.note.removed_from |= {queue.key for queue in remaining}
                self.note.write()
                said = self._shrink(is_down)
            remaining = self.check_copies().with_member(self.name)
            # If its host is off, each queue may wait for seconds, so that one attempt may be enough for only some of
            # them.
            if not (is_down and 0 < len(remaining) < before):
                break
        if remaining:
            raise self.refusal(
                "its members of {} quorum queues could not be removed: {}.".format(
                    len(remaining), queues.named(remaining)
                ),
                "Each queue needs a majority of its members for that.",
                said,
            )

    def _shrink(self, is_down):
        self.removal_may_still_run = True
        try:
            said = rabbitmq.tell("shrink", self.node, tool="rabbitmq-queues", of=self.of, seconds=SHRINK_SECONDS)
        except StepError as failed:
            if not is_down:
                raise
            return failed.log or failed.message
        self.removal_may_still_run = False
        return said

    def stop(self):
        """Stops the broker from here. The service on its host does not start it again."""
        print("{}: stops".format(self.name))
        clock.extend(rabbitmq.STOP_SECONDS + GIVE_BACK_SECONDS)
        try:
            self._rpc("rabbit, stop_and_halt, []", DRAIN_SECONDS)
        except StepError as unheard:
            # A broker that halts does not always answer.
            print("{}: {}".format(self.name, unheard.message))
        clock.await_(
            self._has_stopped,
            rabbitmq.STOP_SECONDS,
            lambda: self.refusal(
                "it was told to stop, and after {} s that could not be confirmed.".format(rabbitmq.STOP_SECONDS),
                "Stop rabbitmq-server there, and run this again.",
            ),
        )

    def _has_stopped(self):
        try:
            connected = rabbitmq.evaluate("lists:member({}, nodes())".format(erlang.atom(self.node)), of=self.of)
        except NoAnswer:
            return False
        return connected is False

    def forget(self):
        """Has the others forget the broker, and checks that they have."""
        failed = None
        try:
            rabbitmq.tell("forget_cluster_node", self.node, of=self.of, seconds=300)
        except StepError as said:
            failed = said
        seen = self.look()
        if self.name in seen.members:
            raise failed or self.refusal("it is still a member after it was forgotten.")
        if failed is not None and seen.khepri and not self._majority_answers():
            raise failed
        if failed is not None:
            print("{}: was forgotten, but the command reported: {}".format(self.name, failed.log or failed.message))
        self.note.remove()
        print("{}: has left; members are {}".format(self.name, " ".join(seen.members)))

    def _majority_answers(self):
        """Whether a majority has what the asked member's store says. Without one, a member is listed as removed too soon."""
        try:
            return rabbitmq.evaluate(khepri.HAS_MAJORITY, of=self.of) is True
        except NoAnswer:
            return False

    def _rpc(self, call, seconds):
        """Returns the leaving broker's answer to an Erlang call, over the connection that the brokers already have."""
        question = "rpc:call({}, {}, {})".format(erlang.atom(self.node), call, seconds * 1000)
        return rabbitmq.have(question, of=self.of, seconds=seconds + 30).strip()

    # What the broker gets back

    @contextlib.contextmanager
    def or_give_back(self):
        """On any failure in the block, gives back what was given up, and reports what could not be given back."""
        try:
            yield
        except BaseException as failure:
            # Also if this run's time is up, so it gets a time limit of its own.
            clock.limit(GIVE_BACK_SECONDS)
            words = self._try_to_give_back()
            if isinstance(failure, (StepError, Stopped)) and words:
                failure.remedy = "\n".join(line for line in (failure.remedy, words) if line)
            raise

    def _try_to_give_back(self):
        count = len(self.note.removed_from)
        if self.note.is_empty:
            return ""
        try:
            if self.give_back():
                if self.is_gone:
                    return "It is no member any more."
                if self.removal_may_still_run:
                    return (
                        "It serves again, and is a member of {} quorum queues again. The removal may still run: run"
                        " this again later.".format(count)
                    )
                return "It serves again, as a member of {} quorum queues.".format(count)
            reason = "it does not run"
        except StepError as failed:
            reason = failed.message
        return (
            "It is not yet a member of {} quorum queues again, as {}. Start rabbitmq-server there, and run this"
            " again.".format(count, reason)
        )

    def give_back(self):
        """Has the broker serve again with its queue members. Returns False if it does not run, which is no failure."""
        if self.note.is_empty:
            return True
        seen = self.look()
        if self.name not in seen.members:
            # The host's own broker is not leaving: it is about to join again.
            if self.name == host.name():
                return False
            # It was forgotten after all.
            self.is_gone = True
            self.note.remove()
            return True
        if self.name not in seen.running:
            return False
        if self.note.drain_begun:
            said = self._rpc("rabbit_maintenance, revive, []", DRAIN_SECONDS)
            if said != "ok":
                raise StepError("{} cannot be revived: {}".format(self.name, said))
        if self.note.removed_from:
            failed = self._grow(self.name, self.note.removed_from)
            if failed != "0":
                raise StepError("{} did not become a member of {} quorum queues again".format(self.name, failed))
        if self.removal_may_still_run:
            # The note stays, so that the next run gives back what is still taken from now on.
            self.note.drain_begun = False
            self.note.write()
        else:
            self.note.remove()
        return True

    def _grow(self, name, keys):
        """Gives queues a member on a broker. Returns how many refused, as the broker prints it."""
        question = _GROW % {"node": erlang.atom(rabbitmq.node(name)), "queues": queues.source(sorted(keys))}
        return rabbitmq.have(question, of=self.of, seconds=SHRINK_SECONDS).strip()


def leave(name, brokers):
    """Has a broker leave the cluster of the host's own: drain, stop, forget. One that is no member has left already."""
    leaving = Leaving(name, brokers)
    seen = leaving.look()
    if name not in seen.members:
        leaving.check_gone(seen)
        leaving.note.remove()
    else:
        _leave(leaving, seen)
    mqtt.remove_members([name])


def _leave(leaving, seen):
    with leaving.or_give_back():
        leaving.check_others(seen)
        leaving.check_streams(leaving.check_copies())
        if leaving.name in seen.running:
            leaving.add_members_elsewhere(seen)
            leaving.remove_members_and_drain()
            leaving.stop()
            # A queue whose mirrors did not take the lead would be deleted with the broker that led it.
            leaving.check_streams(leaving.check_copies())
            leaving.check_others(leaving.look())
        else:
            print("{}: does not run, so it is forgotten as it is".format(leaving.name))
            # A queue that cannot remove its member has no majority without it: only that broker could bring it back.
            leaving.shrink(is_down=True)
            leaving.add_members_elsewhere(seen)
        leaving.forget()
