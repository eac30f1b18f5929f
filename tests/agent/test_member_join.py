"""How a broker joins a cluster: with nothing of its own that would be lost, and with copies of its queues."""

import unittest

from agent import clock

from .brokers import ClusterTest, Queue, quorum
from .member_host import EMPTYING, MARK, MEMBER
from .support import Atom, Ended, cluster

USUAL = {
    "vhosts": [],
    "users": ["guest"],
    "usual_users": ["guest", "guest"],
    "exchanges": ["", "amq.direct", "amq.topic"],
    "policies": [],
    "parameters": [],
}


class Join(ClusterTest):
    """The host's broker b1 is alone, beside the cluster of b2 and b3."""

    def apart(self, queues=(), own=None, remembered=False, version="3.10.8", khepri=False, named="cluster1"):
        self.cluster("b2", "b3", queues=queues, version=version, khepri=khepri, title=named)
        self.serving = {"b1", "b2", "b3"}
        self.own = dict(USUAL, **(own or {}))
        self.own_queues = []
        self.joined = False
        if remembered:
            self.members.append("b1")

        def status(call):
            if call.of is None and not self.joined:
                return cluster("b1", name="rabbit@b1", version=version)
            return self.status(call)

        def listed(call):
            if call.of is None and not self.joined:
                shown, kept = self.own_queues, self.queues
                self.queues, running, self.running = shown, self.running, ["b1"]
                answer = self.listed(call)
                self.queues, self.running = kept, running
                return answer
            return self.listed(call)

        self.on_question("cluster_name()", status)
        self.on_question("list_down", listed)
        self.on_question("list_users", lambda call: {Atom(key): value for key, value in self.own.items()})
        self.on("stop_app", lambda call: self.told.append("stop_app"))
        self.on("start_app", lambda call: self.told.append("start_app"))
        self.on("join_cluster", self.join)

    def join(self, call):
        self.told.append(" ".join(call.line.split()[1:]))
        self.joined = True
        for names in (self.members, self.running) + (() if "--ram" in call.words else (self.disc,)):
            if "b1" not in names:
                names.append("b1")

    def test_it_joins_the_largest_cluster_and_gets_its_copies(self):
        self.apart(queues=[quorum(members=["b2", "b3"])])
        self.works(*MEMBER)
        self.assertEqual(self.told, ["stop_app", "join_cluster rabbit@b2", "start_app", "grow b1"])
        self.assertIn("b1: joins the cluster of b2 (try 1)\n", self.output)
        self.assertTrue(self.has(MARK))

    def test_the_time_limit_after_a_join_is_the_runs_own(self):
        # Filling mirrors may take long.
        orders = Queue("orders", leader="b2", mirrors=["b1"])
        self.apart(queues=[orders])
        left = []

        def wait(seconds):
            self.time += seconds
            left.append(clock.left(60))
            if self.time > 1600:
                orders.in_sync = ["b1"]

        self._stack.callback(setattr, clock, "pause", clock.pause)
        clock.pause = wait
        self.works(*MEMBER)
        self.assertEqual(set(left), {60})

    def test_of_two_equal_clusters_it_goes_to_that_with_the_first_broker(self):
        self.name = "b3"
        self.cluster("b1")
        self.serving = {"b1", "b2", "b3"}
        alone = {None: "b3", "b1": "b1", "b2": "b2"}
        self.on_question("cluster_name()", lambda call: cluster(alone[call.of]))
        self.on_question("list_users", {Atom(key): value for key, value in USUAL.items()})
        for pattern in ("stop_app", "start_app", "join_cluster"):
            self.on(pattern)
        self.step(*MEMBER)
        self.assertEqual(len(self.done("join_cluster rabbit@b1")), 5)
        self.assertEqual(self.done("join_cluster rabbit@b2"), [])

    def test_a_ram_node_joins_as_one(self):
        self.apart()
        self.works(*(MEMBER + ("--type", "ram")))
        self.assertIn("join_cluster --ram rabbit@b2", self.told)

    def test_a_join_never_deletes_the_brokers_own_data(self):
        for own, words in [
            ({"vhosts": ["Prod$EU", "订单"]}, "virtual hosts: Prod$EU, 订单"),
            ({"users": ["guest", "admin"]}, "users: admin"),
            ({"exchanges": ["amq.direct", "", "orders"]}, "exchanges: orders"),
            ({"policies": ["ha-all"]}, "policies: ha-all"),
            ({"parameters": ["my-shovel"]}, "parameters: my-shovel"),
        ]:
            with self.subTest(words=words):
                self.start()
                self.apart(own=own)
                self.refuses(*MEMBER, because="holds data of its own ({})".format(words))
                self.assertEqual(self.told, [])
                self.assertFalse(self.has(MARK))

    def test_queues_that_are_down_count_as_data(self):
        self.apart()
        self.own_queues = [Queue("orders", leader=None)]
        self.refuses(*MEMBER, because="holds data of its own (queues: orders)")
        self.assertEqual(self.told, [])

    def test_the_user_of_the_configuration_is_no_data(self):
        self.apart(own={"users": ["boss"], "usual_users": ["guest", "boss"]})
        self.works(*MEMBER)

    def test_incomplete_lists_are_no_answer(self):
        for own in (
            {"users": []},
            {"exchanges": []},
            {"exchanges": ["orders"]},
            {"vhosts": None},
            {"policies": (Atom("badrpc"), Atom("nodedown"))},
            {"users": [None]},
        ):
            with self.subTest(own=own):
                self.start()
                self.apart(own=own)
                self.step(*MEMBER)
                self.assertIn("b1: the broker does not", self.errors)
                self.assertEqual(self.told, [])

    def test_the_cluster_forgets_a_former_node_of_this_name(self):
        self.apart(remembered=True)
        self.works(*MEMBER)
        self.assertEqual(self.told, ["stop_app", "forget b1", "join_cluster rabbit@b2", "start_app"])
        self.assertEqual([call.of for call in self.calls if "forget_cluster_node" in call.words], ["b2"])

    def test_a_former_node_of_this_name_with_an_only_copy_is_not_forgotten(self):
        self.apart(remembered=True, queues=[Queue("orders", leader="b1"), Queue("theirs", leader="b2")])
        self.running = ["b2", "b3"]
        self.refuses(*MEMBER, because="remembers a former b1, with the only copy of 1 queues: orders (classic, ")
        self.assertEqual(self.told, [])
        # A queue of another broker that is down stays where it is.
        self.queues[0].leader = "b3"
        self.running = ["b2"]
        self.on("join_cluster", lambda call: (self.join(call), self.running.append("b3"), "")[2])
        self.works(*MEMBER)

    def test_one_that_was_reset_is_a_new_member_and_gets_its_copies(self):
        for killed in (False, True):
            with self.subTest(killed=killed):
                self.start()
                self.apart(queues=[quorum(members=["b2", "b3"])])
                self.put(MARK)

                def join(call):
                    self.join(call)
                    raise SystemExit(137)

                if killed:
                    self.on("join_cluster", join)
                    self.assertEqual(self.step(*MEMBER), 137)
                    self.on("join_cluster", self.join)
                self.works(*MEMBER)
                self.assertEqual(self.told[-1], "grow b1")
                self.assertEqual(self.queues[0].members, ["b2", "b3", "b1"])
                self.assertTrue(self.has(MARK))

    def test_a_join_that_fails_is_tried_again_and_its_application_always_started(self):
        self.apart()
        tries = []

        def join(call):
            tries.append(call)
            if len(tries) < 3:
                raise Ended(70, "", "mnesia_not_running")
            self.join(call)

        self.on("join_cluster", join)
        self.works(*MEMBER)
        self.assertEqual(self.told[:5], ["stop_app", "start_app"] * 2 + ["stop_app"])

    def test_the_next_run_starts_the_application_that_a_killed_one_has_stopped(self):
        self.apart()
        status = next(answer for pattern, answer in self.answers if pattern == "cluster_name()")
        runs = [True]

        def killed(call):
            self.join(call)
            raise SystemExit(137)

        def start_app(call):
            if self.joined and not runs[0] and "killed" not in self.told:
                # The process has been killed before this.
                self.told.append("killed")
                raise SystemExit(137)
            self.told.append("start_app")
            runs[0] = True

        def said(call):
            if call.of is None and not runs[0]:
                raise Ended(75, "", "no_exists,rabbit_runtime_parameters")
            return status(call)

        self.on("cluster_name()", said)
        self.on("stop_app", lambda call: runs.__setitem__(0, False))
        self.on("start_app", start_app)
        self.on("join_cluster", killed)
        self.assertEqual(self.step(*MEMBER), 137)
        self.assertFalse(runs[0])
        self.works(*MEMBER)
        self.assertEqual(self.told, ["join_cluster rabbit@b2", "killed", "start_app"])
        self.assertIn("starts its application", self.output)
        self.assertTrue(self.has(MARK))

    def test_a_join_that_never_succeeds_reports_the_cause(self):
        self.apart()
        self.on("join_cluster", Ended(70, "", "inconsistent_cluster"))
        self.refuses(*MEMBER, because="b1: did not get into the cluster of b2:")
        self.assertIn("inconsistent_cluster", self.errors)
        self.assertEqual(self.told, ["stop_app", "start_app"] * 5)

    def test_a_broker_that_serves_and_is_silent_may_be_in_the_largest_cluster(self):
        self.apart()
        status = self.status
        self.status = lambda call: status(call) if call.of == "b2" else (_ for _ in ()).throw(Ended(69))
        self.refuses(*MEMBER, because="b1: b3 takes connections and does not say which cluster it is in")
        self.assertEqual(self.told, [])

    def test_a_broker_that_is_down_is_skipped(self):
        self.apart()
        self.serving = {"b1", "b2"}
        self.members, self.running, self.disc = ["b2", "x4"], ["b2", "x4"], ["b2", "x4"]
        status = self.status
        self.status = lambda call: (_ for _ in ()).throw(Ended(69)) if call.of == "b3" else status(call)
        self.works(*MEMBER)
        self.assertIn("join_cluster rabbit@b2", self.told)

    def test_a_ram_node_on_khepri_is_refused(self):
        self.apart(version="4.0.5", khepri=True)
        self.refuses(*(MEMBER + ("--type", "ram")), because="Khepri, which keeps all on disc")
        self.assertEqual(self.told, [])

    def test_nothing_is_emptied_without_complete_answers(self):
        self.sweep(lambda: self.apart(queues=[quorum(members=["b2", "b3"])]), MEMBER, EMPTYING)

    def test_nothing_is_forgotten_without_complete_answers(self):
        self.sweep(lambda: self.apart(remembered=True), MEMBER, EMPTYING)

    def test_nothing_is_emptied_without_complete_answers_on_rabbitmq_4(self):
        self.sweep(lambda: self.apart(version="4.0.5", khepri=True), MEMBER, EMPTYING)


if __name__ == "__main__":
    unittest.main()
