"""How the host's broker becomes a member: join, type, copies of queues; and what is never deleted."""

import unittest

from agent import leaving

from .brokers import ClusterTest, Queue, quorum
from .member_host import EMPTYING, KNOWN, MARK, MEMBER, NOTE
from .support import Atom, Ended, Hangs, evaluated, node


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

    def test_a_cluster_that_is_being_formed_and_has_queues_already_is_no_new_one(self):
        # An `up` was cut off after the first brokers, whose clients have declared queues since.
        for queues, told in (([quorum(members=["b2", "b3"])], ["grow b1"]), ([], [])):
            self.start()
            self.scenario(*queues)
            self.title = "rabbit@b2"
            self.works(*MEMBER)
            self.assertEqual(self.told, told)
            self.assertTrue(self.has(MARK))

    def test_its_mirrors_are_filled(self):
        orders = Queue("orders", leader="b2", mirrors=["b1"])
        self.scenario(orders)
        self.refuses(
            *MEMBER, because="its copies of these queues still lack messages: orders (classic, virtual host /)"
        )
        self.assertIn("sync_queue", self.errors)
        self.assertFalse(self.has(MARK))
        orders.in_sync = ["b1"]
        self.works(*MEMBER)

    def test_its_queue_members_are_filled(self):
        bills = Queue("bills", "quorum", members=["b1", "b2", "b3"], in_sync=["b2", "b3"])
        self.scenario(bills)
        self.refuses(*MEMBER, because="its copies of these queues still lack messages: bills (quorum, virtual host /)")
        self.assertFalse(self.has(MARK))
        bills.in_sync.append("b1")
        self.works(*MEMBER)
        self.assertTrue(self.has(MARK))

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
