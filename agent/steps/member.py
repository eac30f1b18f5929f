"""Makes the host's broker a member of the stack's cluster, with the wanted type and its copies of the queues.

Normally the brokers have found each other at their first start. A broker that has not joins the largest existing
cluster, unless it has data of its own, which a join would delete. It is a member once every member lists the same
members.
"""

import contextlib
import time

from .. import clock, cluster, erlang, files, host, leaving, queues, rabbitmq
from ..arguments import listed
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 1800

# How long the others may take for their own first start.
FORMING_SECONDS = 20
PATIENCE_SECONDS = 180
JOIN_ATTEMPTS = 5
PLACES_SECONDS = 120
FILLED_SECONDS = 1200

# Marks that a run has stopped the broker's application. If that run is killed, only the next run starts it again.
STOPPED = host.RUN + "/application-stopped"

# The members and the running brokers, as each of some members lists them.
_VIEWS = """
[{N, rpc:call(N, rabbit_nodes, all, [], 30000), rpc:call(N, rabbit_nodes, all_running, [], 30000)} || N <- %s]
"""

# The data that only this broker has and a join would delete, without what every broker has or gets from its
# configuration: the exchanges amq.*, the user guest or default_user, the virtual host / or default_vhost.
_OWN = """
Get = fun(Key, Otherwise) -> application:get_env(rabbit, Key, Otherwise) end,
Named = fun(Lists) -> [proplists:get_value(name, P) || P <- Lists] end,
Defaults = [element(1, U) || U <- Get(default_users, [])],
Operator = case Get(default_policies, []) of [] -> rabbit_policy:list_op(); _ -> [] end,
Exchanges = [{element(2, R), element(4, R)} || R <- [element(2, X) || X <- rabbit_exchange:list()]],
Made = [<<"operator_policy">>, <<"vhost-limits">>],
#{vhosts => rabbit_vhost:list_names() -- [<<"/">>, Get(default_vhost, <<"/">>)],
  users => [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()],
  usual_users => [<<"guest">>, Get(default_user, <<"guest">>) | Defaults],
  exchanges => [N || {_, N} <- Exchanges],
  policies => Named(rabbit_policy:list() ++ Operator),
  parameters => Named([P || P <- rabbit_runtime_parameters:list(),
    not lists:member(proplists:get_value(component, P), Made)])}
"""

# Adds a replica on a node to streams, and returns each result.
_REPLICATE = "[rabbit_stream_queue:add_replica(V, base64:decode(Q), %s) || {V, Q} <- [%s]]"

# Enables the feature flags that this broker lacks, and returns the results; with `true` also those that no other member
# has. The cluster enables one at a time, so members may do this at the same time.
_ENABLE = """
Others = rabbit_nodes:all_running() -- [node()],
Theirs = [F || N <- Others, F <- maps:keys(rpc:call(N, rabbit_feature_flags, list, [enabled], 30000))],
[{F, iolist_to_binary(io_lib:format("~0p", [rabbit_feature_flags:enable(F)]))}
  || F <- maps:keys(rabbit_feature_flags:list(disabled)), %s orelse lists:member(F, Theirs)]
"""


def arguments(parser):
    parser.add_argument("--brokers", required=True, type=listed, help="every broker, a,b,c, the first one first")
    parser.add_argument("--type", choices=("disc", "ram"), default="disc", help="where the node keeps its tables")
    parser.add_argument("--port", type=int, default=5672, help="where brokers take connections")


def run(wanted):
    Member(wanted.brokers, wanted.type, wanted.port).become()


class Member:
    """The host's broker while it becomes a member."""

    def __init__(self, brokers, kind, port):
        self.name = host.name()
        self.node = rabbitmq.node(self.name)
        self.brokers = brokers
        self.kind = kind
        self.port = port
        self.was_member = host.exists(rabbitmq.MEMBER_MARK)

    def say(self, words):
        print("{}: {}".format(self.name, words))

    def become(self):
        if host.exists(STOPPED):
            self.say("starts its application, which a run that was killed has stopped")
            self.start_application()
        seen = self._see_it_form()
        if seen is not None:
            self.finish(seen)
            return
        seen = cluster.look()
        # A broker that was a member before, in an agreeing majority, does not wait for new ones: they join in turn.
        if self.was_member and 2 * len(seen.members) > len(self.brokers) and self.has_type(seen) and self.agreed(seen):
            self.finish(seen)
            return
        heard = self.hear(seen)
        best = self.largest(heard)
        if best not in seen.members:
            self.join(best)
        elif not self.has_type(seen):
            self.change_type(seen)
        self.finish(self._await_agreement(best))

    # Observing the cluster

    def _see_it_form(self):
        """Returns the cluster once all brokers are in it; None if they are not in time.

        The others may still be starting. Their ports show whether they run, since each question to a broker starts an
        Erlang VM. A broker that was a member before is already in a cluster, so it does not wait.
        """
        deadline = clock.Deadline(0 if self.was_member else FORMING_SECONDS)
        for name in self.brokers:
            while not rabbitmq.serves(name, self.port) and not deadline.passed():
                clock.pause(0.3)
        while True:
            seen = cluster.look()
            if self.is_whole(seen) and self.has_type(seen):
                return seen
            if deadline.passed():
                return None
            clock.pause(1)

    def is_whole(self, seen):
        """Whether this broker's own list has every broker, and all of them run."""
        return all(name in seen.members and name in seen.running for name in self.brokers)

    def has_type(self, seen):
        return (self.name in seen.disc) == (self.kind == "disc")

    def agreed(self, seen):
        """Whether every member lists the same members as this one, and lists this one as running."""
        members = sorted(rabbitmq.node(name) for name in seen.members)
        views = rabbitmq.evaluate(_VIEWS % erlang.atoms(members), seconds=120)
        whole = isinstance(views, list) and all(isinstance(view, tuple) and len(view) == 3 for view in views)
        if not whole or sorted(view[0] for view in views) != members:
            raise NoAnswer("{} does not say what the members list".format(self.name))
        # A member that cannot be asked has a tuple in the place of each list.
        answered = all(isinstance(listed, list) and isinstance(running, list) for _, listed, running in views)
        return answered and all(sorted(listed) == members and self.node in running for _, listed, running in views)

    def hear(self, own):
        """Returns every broker's answer about its cluster.

        Raises NoAnswer for a broker that accepts connections and does not answer. A broker that is down is in no
        cluster that could be joined; a silent one may be in the largest.
        """
        others = [name for name in self.brokers if name != self.name]
        heard = {self.name: own}
        for name, answer in cluster.look_all(others).items():
            if isinstance(answer, cluster.Cluster):
                heard[name] = answer
            elif rabbitmq.serves(name, self.port):
                raise NoAnswer(
                    "{}: {} takes connections and does not say which cluster it is in".format(self.name, name),
                    "look at the broker there, and run this again",
                    answer.log or answer.message,
                )
        return heard

    def largest(self, heard):
        """Returns the broker whose cluster has most members; of equal ones, that with the first broker of the list."""

        def rank(name):
            places = [place for place, each in enumerate(self.brokers) if each in heard[name].members]
            return -len(heard[name].members), min(places, default=len(self.brokers)), name

        return min(heard, key=rank)

    def _await_agreement(self, best):
        last = {}

        def whole():
            try:
                seen = last["seen"] = cluster.look()
                return best in seen.members and self.has_type(seen) and self.agreed(seen)
            except NoAnswer as silent:
                last["silent"] = silent
                return False

        clock.await_(whole, PATIENCE_SECONDS, self._disagreement)
        return last["seen"]

    def _disagreement(self):
        lines = []
        for name, said in cluster.look_all(self.brokers).items():
            if isinstance(said, cluster.Cluster):
                lines.append("{} lists: {}; running: {}".format(name, " ".join(said.members), " ".join(said.running)))
            else:
                lines.append("{} does not answer".format(name))
        return StepError(
            "{}: after {} s not every member lists the same members, {} as {} among them:".format(
                self.name, PATIENCE_SECONDS, self.name, self.kind
            ),
            "\n".join(lines),
            files.tail(rabbitmq.log_file()),
        )

    # Joining

    def join(self, best):
        deadline = clock.Deadline(PATIENCE_SECONDS)
        said = ""
        for attempt in range(1, JOIN_ATTEMPTS + 1):
            target = cluster.look(best)
            self.check_type(target)
            # A join empties the joining node, so its data is checked before each attempt.
            self.check_empty(best)
            if self.name in target.members:
                self._check_forgotten(best)
            # Whatever it was a member of, it is a new member now and gets its copies, if necessary from the next run.
            files.remove(rabbitmq.MEMBER_MARK)
            self.was_member = False
            self.say("joins the cluster of {} (try {})".format(best, attempt))
            try:
                with self.without_application():
                    if self.name in target.members:
                        # The cluster still lists a former node of this name.
                        self._forget_self(best)
                    ram = ["--ram"] if self.kind == "ram" else []
                    rabbitmq.tell("join_cluster", *(ram + [rabbitmq.node(best)]), seconds=300)
            except StepError as failed:
                said = failed.log or failed.message
            # Before anything is tried again, this broker must say whether it has joined.
            if best in self._look_patiently(said).members:
                return
            if deadline.passed():
                break
        raise StepError("{}: did not get into the cluster of {}:".format(self.name, best), log=said)

    def _look_patiently(self, log):
        """Waits until this broker answers again. Returns its answer about the cluster."""
        last = {}

        def answers():
            try:
                last["seen"] = cluster.look()
            except NoAnswer as silent:
                last["silent"] = silent
                return False
            return True

        clock.await_(
            answers,
            60,
            lambda: NoAnswer(
                "{}: the broker does not answer after it was to join: {}".format(self.name, last["silent"].message),
                log="\n".join([log, last["silent"].log, files.tail(rabbitmq.log_file(), 8)]),
            ),
        )
        return last["seen"]

    def _check_forgotten(self, best):
        """Checks that the former node of this name has no queue's only copy.

        The cluster deletes such a queue when it forgets the node.
        """
        alone = [
            queue for queue in queues.look(best).only_on(self.name) if self.name in queue.places() or not queue.places()
        ]
        if alone:
            raise StepError(
                "{}: the cluster of {} remembers a former {}, with the only copy of {} queues: {}. Joining would delete"
                " them.".format(self.name, best, self.name, len(alone), queues.named(alone)),
                "Bring its data back; or, if they may go, run 'rabbitmqctl forget_cluster_node {}' on {}, and this"
                " again.".format(self.node, best),
            )

    def _forget_self(self, best):
        try:
            rabbitmq.tell("forget_cluster_node", self.node, of=best, seconds=300)
        except StepError as failed:
            self.say("{} does not forget the former {}: {}".format(best, self.name, failed.message))

    def check_type(self, target):
        if self.kind == "ram" and target.khepri:
            raise StepError(
                "{}: cannot be a ram node: the cluster's store is Khepri, which keeps all on disc".format(self.name),
                "give the broker the type disc",
            )

    @contextlib.contextmanager
    def without_application(self):
        """Stops the broker's application for the block, and always starts it again."""
        files.write(STOPPED, "", labelled=False)
        try:
            rabbitmq.tell("stop_app")
            yield
        finally:
            # Also if this run's time is up.
            clock.extend(330)
            self.start_application()

    def start_application(self):
        rabbitmq.tell("start_app", seconds=300)
        files.remove(STOPPED)

    def check_empty(self, best):
        held = self.own_data()
        if held:
            words = "; ".join("{}: {}".format(kind, ", ".join(names[:5])) for kind, names in held)
            raise StepError(
                "{}: this broker is not in the cluster of {} and holds data of its own ({}). Joining would delete"
                " it.".format(self.name, best, words),
                "Move the data away, run 'rabbitmqctl stop_app && rabbitmqctl reset && rabbitmqctl start_app' on {},"
                " and run this again.".format(self.name),
            )

    def own_data(self):
        """Returns the data that a new broker does not have: [(kind, names)]. Raises NoAnswer unless it is complete."""
        answer = rabbitmq.evaluate(_OWN)
        lists = {}
        for key in ("vhosts", "users", "usual_users", "exchanges", "policies", "parameters"):
            names = answer.get(key) if isinstance(answer, dict) else None
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise NoAnswer("{}: the broker does not say which {} it has".format(self.name, key))
            lists[key] = names
        # Every virtual host has this exchange: without it, or without any user, the lists are incomplete.
        if "amq.direct" not in lists["exchanges"] or not lists["users"]:
            raise NoAnswer("{}: the broker does not list all its exchanges and users".format(self.name))
        found = [
            ("virtual hosts", lists["vhosts"]),
            ("queues", [queue.name for queue in queues.look().all]),
            ("users", [name for name in lists["users"] if name not in lists["usual_users"]]),
            ("exchanges", [name for name in lists["exchanges"] if name and not name.startswith("amq.")]),
            ("policies", lists["policies"]),
            ("parameters", lists["parameters"]),
        ]
        return [(kind, sorted(set(names))) for kind, names in found if names]

    # Changing the type

    def change_type(self, seen):
        """Changes the node's type.

        This empties the node and has it join again, so the checks and steps of a leave apply, done by another member.
        """
        self.check_type(seen)
        leaver = self.leaver(seen)
        if leaver is None:
            raise StepError(
                "{} does not become a {} node: no other member runs, to take it back".format(self.name, self.kind),
                "start another broker, and run this again",
            )
        with leaver.or_give_back():
            theirs = leaver.look()
            leaver.check_others(theirs)
            leaver.check_copies()
            leaver.remove_members_and_drain()
            self.say("becomes a {} node".format(self.kind))
            with self.without_application():
                leaver.check_copies()
                leaver.check_others(leaver.look())
                rabbitmq.tell("change_cluster_node_type", self.kind, seconds=300)

    def leaver(self, seen):
        """Returns this broker as another member sees it leave; None if no other one runs."""
        running = [name for name in self.brokers + seen.running if name in seen.running and name != self.name]
        if not running:
            return None
        return leaving.Leaving(self.name, self.brokers, running[0], "become a {} node".format(self.kind))

    # After it has joined

    def finish(self, seen):
        if seen.disabled and seen.loses_flags():
            self.enable_features(seen.is_unnamed())
        # A further question would cost a second.
        if not self.was_member and not seen.is_new():
            self.take_copies()
        self._take_back(seen)
        if not self.was_member:
            files.write(rabbitmq.MEMBER_MARK, time.strftime("%Y-%m-%dT%H:%M:%SZ\n", time.gmtime()))
        known = files.read(rabbitmq.KNOWN_BROKERS, "").split()
        new = [name for name in self.brokers if name not in known]
        if new:
            files.write(rabbitmq.KNOWN_BROKERS, "".join(name + "\n" for name in known + new))

    def _take_back(self, seen):
        """Restores its quorum queue members and its mirrors, after this or an earlier run has changed its type."""
        if leaving.Note(self.name).is_empty:
            return
        leaver = self.leaver(seen) or leaving.Leaving(self.name, self.brokers)
        if not leaver.give_back():
            raise NoAnswer("{}: the other members do not see it run".format(self.name))
        self._await_filled(lambda: queues.look().unsynchronised_on(self.name))

    def enable_features(self, is_new_cluster):
        """Enables each feature flag that another member has; in a new cluster all of them, as RabbitMQ does."""
        answer = rabbitmq.act(_ENABLE % ("true" if is_new_cluster else "false"))
        if not isinstance(answer, list):
            raise NoAnswer("{}: the broker does not say which feature flags it has enabled".format(self.name))
        for flag, said in answer:
            if said != "ok":
                raise StepError(
                    "{}: the feature flag {} cannot be enabled: {}".format(self.name, flag, said),
                    "run 'rabbitmqctl enable_feature_flag {}' on {}, and this again".format(flag, self.name),
                )
            self.say("enables the feature flag {}, which got lost as the brokers started together".format(flag))

    def take_copies(self):
        """Adds a member to each quorum queue and stream on this new broker, and awaits that all its copies are filled."""
        self.say("takes its copies of the cluster's queues")
        deadline = clock.Deadline(PLACES_SECONDS)
        reported: set = set()
        said = ""
        while True:
            lacking = queues.look().without_member(self.name)
            if not lacking:
                break
            if deadline.passed():
                raise StepError(
                    "{}: got no place in {}".format(self.name, queues.named(lacking)),
                    "Each needs a majority of its members for that: start those, and run this again.",
                    said,
                )
            if any(queue.kind == queues.QUORUM for queue in lacking):
                # Another new member may not have its vote yet; then the command is repeated.
                said = rabbitmq.tell("grow", self.node, "all", tool="rabbitmq-queues", seconds=600)
            streams = [queue for queue in lacking if queue.kind == queues.STREAM and queue.key not in reported]
            if streams:
                refused = self._replicate(streams)
                said = refused or said
                reported.update(queue.key for queue in streams if not refused)
            clock.pause(1)
        self._await_filled(lambda: queues.look().unfilled_on(self.name))

    def _replicate(self, streams):
        listed = ", ".join('{{{}, <<"{}">>}}'.format(erlang.text(queue.vhost), queue.code) for queue in streams)
        question = _REPLICATE % (erlang.atom(self.node), listed)
        said = rabbitmq.have(question, seconds=600)
        return said if "error" in said else ""

    def _await_filled(self, look):
        deadline = clock.Deadline(FILLED_SECONDS)
        while True:
            lacking = look()
            if not lacking:
                return
            if deadline.passed():
                raise StepError(
                    "{}: its copies of these queues still lack messages: {}".format(self.name, queues.named(lacking)),
                    "Run this again: it waits for them. Of a mirrored queue without ha-sync-mode automatic,"
                    " 'rabbitmqctl sync_queue NAME' fills the copy.",
                )
            clock.pause(2)
