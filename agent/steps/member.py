"""Makes the host's broker a member of the stack's cluster, of the wanted type, with its copies of the cluster's queues.

As a rule the brokers have found each other at their first start. One that has not joins the largest cluster that there
is, if it has nothing of its own, which a join would delete. It is a member when every member lists the same members.
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
MIRRORS_SECONDS = 1200

# A run has stopped the broker's application: nobody else starts it again where that run is killed.
STOPPED = host.RUN + "/application-stopped"

# The members and the running brokers as each of some members lists them.
_VIEWS = """
[{N, rpc:call(N, rabbit_nodes, all, [], 30000), rpc:call(N, rabbit_nodes, all_running, [], 30000)} || N <- %s]
"""

# What only this broker has and joining would delete. What every broker comes with, or its configuration makes, is none
# of it: the exchanges amq.*, the user guest or default_user, the virtual host / or default_vhost.
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

# Streams that get a replica on a node, and what comes of each.
_REPLICATE = "[rabbit_stream_queue:add_replica(V, base64:decode(Q), %s) || {V, Q} <- [%s]]"

# What enabling the feature flags that this broker lacks has come to; with `true` those that no other member has, too.
# Enabling takes turns across the cluster, so that members may do it at once.
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
    """The host's broker on its way to a member."""

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
        # A member of old with most brokers, which agree: those that are new join in their turn.
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

    # What is seen

    def _see_it_form(self):
        """The cluster, once all brokers are in it; None where they do not come in time.

        The others may still be starting. Whether they are there is seen from their ports: each question to a broker
        starts an Erlang machine. A member of old stands in a cluster already, so it does not wait.
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
        """Its own list holds every broker, and all of them run."""
        return all(name in seen.members and name in seen.running for name in self.brokers)

    def has_type(self, seen):
        return (self.name in seen.disc) == (self.kind == "disc")

    def agreed(self, seen):
        """Whether every member lists the same members as this one, and has it among those that run."""
        members = sorted(rabbitmq.node(name) for name in seen.members)
        views = rabbitmq.evaluate(_VIEWS % erlang.atoms(members), seconds=120)
        whole = isinstance(views, list) and all(isinstance(view, tuple) and len(view) == 3 for view in views)
        if not whole or sorted(view[0] for view in views) != members:
            raise NoAnswer("{} does not say what the members list".format(self.name))
        # A member that cannot be asked is a tuple in the place of each list.
        answered = all(isinstance(listed, list) and isinstance(running, list) for _, listed, running in views)
        return answered and all(sorted(listed) == members and self.node in running for _, listed, running in views)

    def hear(self, own):
        """What every broker says of its cluster. Raises NoAnswer for one that takes connections and does not say it.

        One that is down is in no cluster that could be joined; one that is silent may be in the largest.
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
        """The broker whose cluster has most members; of two equal ones that with the broker that comes first."""

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
            # Joining empties the node that joins, so what it holds decides, each time.
            self.check_empty(best)
            if self.name in target.members:
                self._check_forgotten(best)
            # Whatever it was a member of: it is a new one now, and gets its copies, also from the next run.
            files.remove(rabbitmq.MEMBER_MARK)
            self.was_member = False
            self.say("joins the cluster of {} (try {})".format(best, attempt))
            try:
                with self.without_application():
                    if self.name in target.members:
                        # The cluster remembers a node of this name that is no more.
                        self._forget_self(best)
                    ram = ["--ram"] if self.kind == "ram" else []
                    rabbitmq.tell("join_cluster", *(ram + [rabbitmq.node(best)]), seconds=300)
            except StepError as failed:
                said = failed.log or failed.message
            # Whether it has joined is for this broker to say, before anything is tried again.
            if best in self._look_patiently(said).members:
                return
            if deadline.passed():
                break
        raise StepError("{}: did not get into the cluster of {}:".format(self.name, best), log=said)

    def _look_patiently(self, log):
        """What this broker says of its cluster, once it answers again."""
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
        """That the cluster forgets the former node of this name deletes what only that one had."""
        alone = [
            queue
            for queue in queues.look(best).only_on(self.name)
            if self.name in queue.holders() or not queue.holders()
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
        """With the broker's application stopped meanwhile; it is started again whatever happens."""
        files.write(STOPPED, "", labelled=False)
        try:
            rabbitmq.tell("stop_app")
            yield
        finally:
            # Also where this run's time is up.
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
        """What this broker has that no new one has: [(what, names)]. Raises NoAnswer unless it says all of it."""
        answer = rabbitmq.evaluate(_OWN)
        lists = {}
        for key in ("vhosts", "users", "usual_users", "exchanges", "policies", "parameters"):
            names = answer.get(key) if isinstance(answer, dict) else None
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise NoAnswer("{}: the broker does not say which {} it has".format(self.name, key))
            lists[key] = names
        # Every virtual host has these: without them, and without any user, the lists are not whole.
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

    # Another type

    def change_type(self, seen):
        """Another type empties the node and has it join anew, so it is done as if it left: by another member's word."""
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
            leaver.step_down()
            self.say("becomes a {} node".format(self.kind))
            with self.without_application():
                leaver.check_copies()
                leaver.check_others(leaver.look())
                rabbitmq.tell("change_cluster_node_type", self.kind, seconds=300)

    def leaver(self, seen):
        """This broker as another member sees it that goes; None where no other one runs."""
        running = [name for name in self.brokers + seen.running if name in seen.running and name != self.name]
        if not running:
            return None
        return leaving.Leaving(self.name, self.brokers, running[0], "become a {} node".format(self.kind))

    # Once it is one

    def finish(self, seen):
        if seen.disabled and seen.loses_flags():
            self.enable_features(seen.is_unnamed())
        # A cluster without a name of its own is just being made and has no queues yet: asking would cost a second.
        if not self.was_member and not seen.is_unnamed():
            self.take_copies()
        self._take_back(seen)
        if not self.was_member:
            files.write(rabbitmq.MEMBER_MARK, time.strftime("%Y-%m-%dT%H:%M:%SZ\n", time.gmtime()))
        known = files.read(rabbitmq.KNOWN_BROKERS, "").split()
        new = [name for name in self.brokers if name not in known]
        if new:
            files.write(rabbitmq.KNOWN_BROKERS, "".join(name + "\n" for name in known + new))

    def _take_back(self, seen):
        """Its places in quorum queues and its mirrors, after this or an earlier run has changed its type."""
        if leaving.Note(self.name).is_empty:
            return
        leaver = self.leaver(seen) or leaving.Leaving(self.name, self.brokers)
        if not leaver.give_back():
            raise NoAnswer("{}: the other members do not see it run".format(self.name))
        self._fill_mirrors()

    def enable_features(self, is_new_cluster):
        """Each feature flag that another member has; in a new cluster all, as RabbitMQ does when it makes one."""
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
        """A new member gets a place in each quorum queue and stream, and its mirrors are filled."""
        self.say("takes its copies of the cluster's queues")
        deadline = clock.Deadline(PLACES_SECONDS)
        told: set = set()
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
                # Another new member may still be on its way to a vote: then it is told again.
                said = rabbitmq.tell("grow", self.node, "all", tool="rabbitmq-queues", seconds=600)
            streams = [queue for queue in lacking if queue.kind == queues.STREAM and queue.key not in told]
            if streams:
                refused = self._replicate(streams)
                said = refused or said
                told.update(queue.key for queue in streams if not refused)
            clock.pause(1)
        self._fill_mirrors()

    def _replicate(self, streams):
        listed = ", ".join('{{{}, <<"{}">>}}'.format(erlang.text(queue.vhost), queue.code) for queue in streams)
        question = _REPLICATE % (erlang.atom(self.node), listed)
        said = rabbitmq.have(question, seconds=600)
        return said if "error" in said else ""

    def _fill_mirrors(self):
        deadline = clock.Deadline(MIRRORS_SECONDS)
        while True:
            lacking = queues.look().unsynchronised_on(self.name)
            if not lacking:
                return
            if deadline.passed():
                raise StepError(
                    "{}: its mirrors of these queues are still not in sync: {}".format(
                        self.name, queues.named(lacking)
                    ),
                    "Without ha-sync-mode automatic, 'rabbitmqctl sync_queue NAME' fills one.",
                )
            clock.pause(2)
