"""How the host's broker becomes a member: join, type, copies of queues; and what is never deleted."""

import unittest

from agent import clock, leaving

from .brokers import ClusterTest, Queue, quorum
from .support import Atom, Ended, Hangs, cluster, evaluated, node

MEMBER = ("member", "--brokers", "b1,b2,b3")
MARK = "/var/lib/rabbitmq-ha/member"
KNOWN = "/var/lib/rabbitmq-ha/brokers"
NOTE = "/var/lib/rabbitmq-ha/leaving/b1"
EMPTYING = ("stop_app", "join_cluster", "forget_cluster_node", "change_cluster_node_type")

USUAL = {
    "vhosts": [],
    "users": ["guest"],
    "usual_users": ["guest", "guest"],
    "exchanges": ["", "amq.direct", "amq.topic"],
    "policies": [],
    "parameters": [],
}


class Formed(ClusterTest):
    """The brokers have found each other."""

    def formed(self, title="rabbit@b1", **options):
        self.cluster(title=title, **options)
        self.serving = set(self.running)

    def test_a_new_cluster_needs_one_question(self):
        self.formed()
        self.works(*MEMBER)
        self.assertEqual(len(self.calls), 1)
        self.assertTrue(self.has(MARK))
        self.assertEqual(self.read(KNOWN), "b1\nb2\nb3\n")
        self.works(*MEMBER)
        self.assertEqual(len(self.calls), 2)

    def test_known_brokers_are_kept(self):
        self.formed()
        self.put(KNOWN, "old\nb1\n")
        self.works(*MEMBER)
        self.assertEqual(self.read(KNOWN), "old\nb1\nb2\nb3\n")

    def test_the_others_may_still_be_starting(self):
        def wait(seconds):
            self.time += seconds
            if self.time > 1010:
                self.serving = {"b1", "b2", "b3"}
                self.members = self.running = self.disc = ["b1", "b2", "b3"]

        self.wait = wait
        self.start()
        self.formed()
        self.serving = {"b1"}
        self.members = self.running = self.disc = ["b1"]
        self.works(*MEMBER)
        self.assertEqual(len(self.calls), 1, "asked before the others were there")
        self.assertLess(self.time, 1012)

    def test_a_broker_that_does_not_answer_is_no_member(self):
        for said in (Ended(69), Hangs(), ""):
            self.start()
            self.formed()
            self.on("cluster_name()", said)
            self.step(*MEMBER)
            self.assertNotEqual(self.errors, "")
            self.assertFalse(self.has(MARK))

    def test_a_former_member_does_not_wait_for_new_brokers(self):
        self.formed(title="cluster1")
        self.serving = {"b1", "b2"}
        self.members = self.running = self.disc = ["b1", "b2"]
        self.put(MARK)
        self.works(*MEMBER)
        self.assertEqual(self.time, 1000)
        self.assertEqual(self.read(KNOWN), "b1\nb2\nb3\n")

    def test_a_first_broker_alone_is_a_cluster(self):
        self.formed()
        self.serving = {"b1"}
        self.members = self.running = self.disc = ["b1"]
        self.on("-n rabbit@", Ended(69))
        for name in ("b2", "b3"):
            self.silence(name)
        self.works(*MEMBER)
        self.assertTrue(self.has(MARK))

    def silence(self, name):
        """Makes a broker silent over the network; the others answer as before."""
        before = self.status

        def status(call):
            if call.of == name:
                raise Ended(69)
            return before(call)

        self.status = status
        self.on_question("cluster_name()", status)

    def test_a_feature_flag_that_got_lost_is_enabled(self):
        """Seen with 3.10.8: after the first start of all three, the first broker refused quorum queues for good."""
        for title, everything in (("rabbit@b1", "true"), ("cluster1", "false")):
            self.start()
            self.formed(title=title)
            self.disabled = ["quorum_queue"]
            self.on_question("rabbit_feature_flags:enable", [(Atom("quorum_queue"), "ok")])
            self.works(*MEMBER)
            asked = next(call.stdin for call in self.calls if "rabbit_feature_flags:enable" in call.stdin)
            self.assertIn(everything + " orelse", asked)
            self.assertIn("enables the feature flag quorum_queue", self.output)
            self.assertTrue(self.has(MARK))

    def test_a_feature_flag_that_cannot_be_enabled_is_named(self):
        terms = [(Atom("quorum_queue"), "{error,unsupported}")], Atom("badrpc")
        for answer in [evaluated(term) for term in terms] + [Ended(75), Hangs(), ""]:
            self.start()
            self.formed()
            self.disabled = ["quorum_queue"]
            self.on("rabbit_feature_flags:enable", answer)
            self.step(*MEMBER)
            self.assertNotEqual(self.errors, "")
            self.assertFalse(self.has(MARK))

    def test_from_3_11_on_feature_flags_are_left_to_the_operator(self):
        self.formed(version="4.0.5")
        self.disabled = ["khepri_db"]
        self.works(*MEMBER)
        self.assertEqual(len(self.calls), 1)

    def test_differing_lists_of_members_fail_the_step(self):
        self.formed(title="cluster1")
        self.put(MARK)
        self.members = self.disc = ["b1", "b2", "b3"]
        self.running = ["b1", "b2"]
        self.on_question(
            "rabbit_nodes, all_running", [(node(name), (Atom("badrpc"), Atom("nodedown")), []) for name in self.members]
        )
        self.refuses(*MEMBER, because="b1: after 180 s not every member lists the same members, b1 as disc among them:")
        self.assertIn("b2 lists: b1 b2 b3; running: b1 b2", self.errors)


class Copies(ClusterTest):
    """A new member of a cluster with queues."""

    def scenario(self, *queues):
        self.cluster(queues=queues)
        self.serving = set(self.running)

    def test_a_new_member_joins_each_quorum_queue_and_stream(self):
        stream = Queue("s", "stream", members=["b2"])
        self.scenario(quorum(members=["b2", "b3"]), stream)
        self.on("add_replica", lambda call: stream.members.append("b1") or "[ok]\n")
        self.works(*MEMBER)
        self.assertEqual(self.told, ["grow b1"])
        self.assertEqual(len([line for line in self.lines() if "add_replica" in line]), 1)
        self.assertIn("b1: takes its copies of the cluster's queues\n", self.output)

    def test_a_broker_that_could_not_join_a_queue_is_no_member_yet(self):
        self.scenario(quorum(members=["b2", "b3"]))
        self.on("rabbitmq-queues grow", "bills\terror\tnon_voters_found\n")
        self.refuses(*MEMBER, because="b1: got no place in bills (quorum, virtual host /)")
        self.assertIn("non_voters_found", self.errors)
        self.assertFalse(self.has(MARK))
        self.assertGreaterEqual(self.time, 1120)

    def test_its_mirrors_are_filled(self):
        orders = Queue("orders", leader="b2", mirrors=["b1"])
        self.scenario(orders)
        self.refuses(
            *MEMBER, because="its mirrors of these queues are still not in sync: orders (classic, virtual host /)"
        )
        self.assertIn("sync_queue", self.errors)
        self.assertFalse(self.has(MARK))
        orders.in_sync = ["b1"]
        self.works(*MEMBER)

    def test_without_an_answer_it_has_no_copies(self):
        for said in (Ended(69), Hangs(), ""):
            self.start()
            self.scenario(quorum())
            self.on("list_down", said)
            self.step(*MEMBER)
            self.assertFalse(self.has(MARK))

    def test_without_queues_no_tool_is_started(self):
        self.scenario()
        self.works(*MEMBER)
        self.assertEqual(self.told, [])


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


class Type(ClusterTest):
    """A change disc ⇄ ram empties the node, so it is done like a leave and a new join."""

    RAM = MEMBER + ("--type", "ram")
    CHANGED = ["shrink b1", "drain", "stop_app", "change ram", "start_app", "revive", "add bills on b1"]

    def disc_node(self, queues=None):
        elsewhere = quorum("elsewhere", members=["b2", "b3"])
        self.cluster(queues=[quorum(), elsewhere] if queues is None else queues)
        self.serving = set(self.running)
        self.put(MARK)

        def stop_app(_call):
            self.told.append("stop_app")
            self.running.remove("b1")

        def start_app(_call):
            self.told.append("start_app")
            self.running.append("b1")
            self.draining.discard("b1")

        def change(call):
            self.told.append("change " + call.words[-1])
            if call.words[-1] == "ram":
                self.disc.remove("b1")
            else:
                self.disc.append("b1")

        self.on("stop_app", stop_app)
        self.on("start_app", start_app)
        self.on("change_cluster_node_type", change)

    def test_its_queue_members_are_removed_and_restored(self):
        self.disc_node()
        self.works(*self.RAM)
        self.assertEqual(self.told, self.CHANGED)
        self.assertEqual(self.queues[1].members, ["b2", "b3"])
        self.assertFalse(self.has(NOTE))
        # Another member is asked for the checks: the node itself is empty meanwhile.
        self.assertEqual({call.of for call in self.calls if "is_being_drained" in call.stdin}, {"b2"})

    def test_a_ram_node_becomes_a_disc_node_again(self):
        self.disc_node()
        self.disc.remove("b1")
        self.works(*MEMBER)
        self.assertIn("change disc", self.told)

    def test_the_only_copy_of_a_queue_is_not_deleted(self):
        self.disc_node(queues=[Queue("alone", leader="b1")])
        self.refuses(*self.RAM, because="b1 does not become a ram node: it has the only copy of 1 queues: alone")
        self.assertEqual(self.told, [])

    def test_the_last_disc_node_stays_one(self):
        self.disc_node()
        self.disc = ["b1"]
        self.refuses(*self.RAM, because="b1 does not become a ram node: it is the last disc node")
        self.assertEqual(self.told, [])

    def test_the_type_changes_only_while_the_others_run(self):
        self.disc_node()
        self.running.remove("b3")
        self.refuses(*self.RAM, because="b1 does not become a ram node: b3 would have to run beside it")
        self.assertEqual(self.told, [])

    def test_alone_it_keeps_its_type(self):
        self.disc_node()
        self.members = self.running = self.disc = ["b1"]
        self.serving = {"b1"}
        status = self.status
        self.on_question(
            "cluster_name()", lambda call: status(call) if call.of is None else (_ for _ in ()).throw(Ended(69))
        )
        self.refuses(*self.RAM, because="no other member runs")
        self.assertEqual(self.told, [])

    def test_another_draining_broker_prevents_the_change(self):
        self.disc_node()
        self.draining = {"b2"}
        self.refuses(*self.RAM, because="b2 is being drained")
        self.assertEqual(self.told, [])

    def test_a_change_that_fails_gives_everything_back(self):
        self.disc_node()
        self.on("change_cluster_node_type", Ended(70, "", "no_online_cluster_nodes"))
        self.refuses(*self.RAM, because="change_cluster_node_type ram ended with 70")
        self.assertEqual(self.told, ["shrink b1", "drain", "stop_app", "start_app", "revive", "add bills on b1"])

    def test_queue_members_of_a_broker_that_is_not_back_yet_are_restored_later(self):
        self.disc_node()
        start_app = next(answer for pattern, answer in self.answers if pattern == "start_app")

        def change(_call):
            # It has left, and does not get back in.
            for names in (self.members, self.disc):
                names.remove("b1")
            raise Ended(70, "", "timeout_waiting_for_tables")

        def fails(_call):
            raise Ended(70, "", "failed_to_cluster_with")

        self.on("change_cluster_node_type", change)
        self.on("start_app", fails)
        self.refuses(*self.RAM, because="start_app ended with 70")
        self.assertNotIn("It serves again", self.errors)
        self.assertIn("It is not yet a member of 1 quorum queues again", self.errors)
        self.assertTrue(self.has(NOTE))
        # At its start it finds the others.
        self.on("start_app", lambda call: (self.members.append("b1"), start_app(call), "")[2])
        self.works(*self.RAM)
        self.assertEqual(sorted(self.queues[0].members), ["b1", "b2", "b3"])
        self.assertFalse(self.has(NOTE))

    def test_a_queue_without_a_leader_prevents_the_change(self):
        self.disc_node(queues=[Queue("orders", leader="b1", mirrors=["b2"], in_sync=["b2"])])

        def stop_app(_call):
            self.told.append("stop_app")
            self.running.remove("b1")
            self.queues[0].in_sync = []

        self.on("stop_app", stop_app)
        self.refuses(*self.RAM, because="it has the only copy of 1 queues: orders")
        self.assertEqual(self.told, ["drain", "stop_app", "start_app", "revive"])

    def test_the_run_after_a_killed_one_restores_the_queue_members(self):
        self.disc_node()
        self.disc.remove("b1")
        self.queues[0].members.remove("b1")
        note = leaving.Note("b1")
        note.removed_from = {("/", self.queues[0].code)}
        note.write()
        self.works(*self.RAM)
        self.assertEqual(self.told, ["add bills on b1"])
        self.assertFalse(self.has(NOTE))

    def test_nothing_is_emptied_without_complete_answers(self):
        destructive = EMPTYING + ("rabbit_maintenance, drain", "shrink")
        self.sweep(self.disc_node, self.RAM, destructive, except_for=("rabbit_nodes, all_running",))

    def test_a_ram_node_on_khepri_is_refused(self):
        self.disc_node()
        self.version, self.khepri = "4.2.0", True
        self.refuses(*self.RAM, because="Khepri, which keeps all on disc")
        self.assertEqual(self.told, [])


if __name__ == "__main__":
    unittest.main()
