"""When a broker leaves its cluster, and when it is refused; and that a refused one has all that it had before."""

import unittest

from agent import broker_conf, leaving

from .brokers import DESTRUCTIVE, ClusterTest, Queue, mirrored, quorum
from .member_host import KNOWN
from .support import Atom, Ended, Hangs, cluster, evaluated, node

LEAVE = ("leave", "--broker", "b3", "--brokers", "b1,b2,b3")
NOTE = "/var/lib/rabbitmq-ha/leaving/b3"
ALL = ["shrink b3", "drain", "stop", "forget b3"]


class Leave(ClusterTest):
    def usual(self):
        self.cluster(queues=[mirrored(), quorum(), Queue("mine", exclusive=True)])

    def test_a_running_broker_gives_up_its_queue_members_is_drained_stops_and_is_forgotten(self):
        self.usual()
        self.works(*LEAVE)
        self.assertEqual(self.told, ALL)
        self.assertIn("b3: has left; members are b1 b2\n", self.output)
        self.assertFalse(self.has(NOTE))
        self.works(*LEAVE)
        self.assertEqual(self.told, ALL, "it left twice")

    def test_a_queue_with_two_members_removes_its_member_before_the_drain(self):
        self.cluster(queues=[quorum(members=["b1", "b3"])])
        self.works(*LEAVE)
        self.assertEqual(self.told, ["add bills on b2", *ALL])
        self.assertEqual(self.queues[0].members, ["b1", "b2"])

    def test_a_queue_has_no_fewer_members_afterwards_if_there_are_brokers_for_them(self):
        def scenario(running):
            self.start()
            self.cluster(
                "b1", "b2", "b3", "b4", "b5", queues=[quorum(), quorum("more"), quorum("on", ("b1", "b4", "b5"))]
            )
            self.running = list(running)

        wider = ("leave", "--broker", "b3", "--brokers", "b1,b2,b3,b4,b5")
        scenario(["b1", "b2", "b3", "b4", "b5"])
        self.works(*wider)
        self.assertEqual(self.told, ["add bills on b4", "add more on b5", *ALL])
        # One that does not run: others become members once its own are removed.
        scenario(["b1", "b2", "b4", "b5"])
        self.works(*wider)
        self.assertEqual(self.told, ["shrink b3", "add bills on b4", "add more on b5", "forget b3"])
        self.assertEqual(
            [queue.members for queue in self.queues],
            [["b1", "b2", "b4"], ["b1", "b2", "b5"], ["b1", "b4", "b5"]],
        )

    def test_it_stays_if_nobody_becomes_a_member_in_its_place(self):
        for said, because in (
            ("1\n", "b2 did not become a member of 1 of its quorum queues"),
            (Ended(69), ""),
            (Hangs(), ""),
        ):
            with self.subTest(because):
                self.start()
                self.cluster(queues=[quorum(members=["b1", "b3"])])
                self.on("add_member", said)
                self.refuses(*LEAVE, because=because)
                self.assertEqual(self.told, [])

    def test_it_also_gives_up_members_of_queues_declared_during_the_drain(self):
        self.usual()

        def drain(call):
            self.queues.append(quorum("newer"))
            return self.drain(call)

        self.on("rabbit_maintenance, drain", drain)
        self.works(*LEAVE)
        self.assertEqual(self.told, ["shrink b3", "drain", "shrink b3", "stop", "forget b3"])
        self.assertEqual([queue.members for queue in self.queues if queue.kind == "quorum"], 2 * [["b1", "b2"]])

    def test_without_quorum_queues_nothing_is_shrunk(self):
        self.cluster(queues=[mirrored()])
        self.works(*LEAVE)
        self.assertEqual(self.told, ["drain", "stop", "forget b3"])

    def test_a_stopped_broker_is_forgotten_without_a_drain(self):
        self.cluster(queues=[Queue("orders", leader="b1"), quorum()])
        self.running = ["b1", "b2"]
        self.works(*LEAVE)
        self.assertEqual(self.told, ["shrink b3", "forget b3"])
        self.assertIn("b3: does not run, so it is forgotten as it is\n", self.output)

    def test_a_stopped_broker_stays_if_a_queue_has_no_majority_without_it(self):
        # Declared while b2 was down: without b3 what it holds is out of reach for good.
        self.cluster(queues=[quorum(members=["b1", "b3"])])
        self.running = ["b1", "b2"]
        self.on("rabbitmq-queues shrink", "bills error timeout\n")
        self.refuses(*LEAVE, because="its members of 1 quorum queues could not be removed: bills")
        self.assertEqual(self.told, [])
        # Once b2 runs, b3 leaves.
        self.running = ["b1", "b2", "b3"]
        self.on("rabbitmq-queues shrink", self.shrink)
        self.works(*LEAVE)
        self.assertEqual(self.told, ["add bills on b2", *ALL])
        self.assertFalse(self.has(NOTE))

    def test_with_the_host_off_each_queue_may_take_long(self):
        self.cluster(queues=[quorum("q%d" % number) for number in range(5)])
        self.running = ["b1", "b2"]

        def shrink(call):
            for queue in [queue for queue in self.queues if "b3" in queue.members][:2]:
                queue.members.remove("b3")
            if any("b3" in queue.members for queue in self.queues):
                raise Hangs()

        self.on("rabbitmq-queues shrink", shrink)
        self.works(*LEAVE)
        self.assertEqual(len(self.done("rabbitmq-queues shrink")), 3)
        self.assertEqual(self.told, ["forget b3"])
        # A queue that does not remove its member keeps the broker in the cluster.
        self.start()
        self.cluster(queues=[quorum()])
        self.running = ["b1", "b2"]
        self.on("rabbitmq-queues shrink", Hangs())
        self.refuses(*LEAVE, because="its members of 1 quorum queues could not be removed: bills")
        self.assertEqual(len(self.done("rabbitmq-queues shrink")), 1)

    def test_no_broker_leaves_while_another_is_down(self):
        self.usual()
        self.running = ["b1", "b3"]
        self.refuses(*LEAVE, because="b3 does not leave the cluster: b2 would have to run beside it as members")
        self.members = ["b1", "b3"]
        self.refuses(*LEAVE, because="b2 would have to run beside it")
        self.assertEqual(self.told, [])

    def test_a_member_of_another_cluster_has_not_left(self):
        # The asked host was reset: its broker is alone, and knows no other.
        for silent in ("b2", "b3", None):
            self.start()
            self.usual()
            alone = cluster("b1")

            def said(call, silent=silent, alone=alone):
                if call.of == silent is not None:
                    raise Ended(69)
                return self.status(call) if call.of else alone

            self.on_question("cluster_name()", said)
            self.refuses(*LEAVE, because="it is no member where b1 is, but is one where b")
            self.assertEqual(self.told, [])
        # Brokers that have left are alone, or down.
        self.on_question("cluster_name()", lambda call: cluster(call.of or "b1"))
        self.queues = []
        self.works(*LEAVE)

    def test_a_broker_that_serves_apart_with_queues_of_its_own_stays(self):
        self.usual()
        self.on_question("cluster_name()", lambda call: cluster(call.of or "b1"))
        self.refuses(*LEAVE, because="it is no member where b1 is, and serves alone with 2 queues of its own: bills (")
        self.on("list_down", Ended(69))
        self.refuses(*LEAVE, because="ended with 69")
        self.assertEqual(self.told, [])

    def test_a_broker_has_left_only_if_all_say_so(self):
        def scenario(silent, serving):
            self.start()
            self.cluster()
            self.put(broker_conf.FILE, "[broker]\nbrokers = b1,b2,b3\ndiscovery_peers = b1\nport = 5672\n")
            self.serving = {"b1", "b2"} | set(serving)

            def said(call):
                if call.of == silent:
                    raise Ended(69)
                return cluster(call.of or "b1")

            self.on_question("cluster_name()", said)

        for silent, serving in (("b2", ()), ("b3", ("b3",))):
            with self.subTest(silent):
                scenario(silent, serving)
                self.refuses(*LEAVE, because="it is no member where b1 is, and {} does not say".format(silent))
                self.assertEqual(self.told, [])
        # It has left and is down; or its machine is off, and so is that of another one that has left at the same time.
        scenario("b3", ())
        self.works(*LEAVE)
        scenario("b2", ())
        self.serving = {"b1"}
        self.works(*LEAVE)

    def test_a_majority_of_the_members_stays(self):
        self.usual()
        self.members += ["x4", "x5"]
        self.refuses(*LEAVE, because="2 of 5 members would run without it, and that is no majority")
        self.assertEqual(self.told, [])

    def test_the_last_disc_node_stays(self):
        self.usual()
        self.disc = ["b3"]
        self.refuses(*LEAVE, because="it is the last disc node")
        self.members, self.running = ["b1", "b2", "b3", "b4", "x5"], ["b1", "b2", "b3", "b4"]
        self.disc = ["b3", "x5"]
        self.refuses(
            *("leave", "--broker", "b3", "--brokers", "b1,b2,b3,b4"), because="it is the last disc node that runs"
        )
        self.assertEqual(self.told, [])

    def test_a_broker_with_an_only_copy_stays_and_the_queue_is_named(self):
        self.cluster(queues=[mirrored(), quorum(), Queue("alone", vhost="订单"), Queue("down", leader=None)])
        self.refuses(*LEAVE, because="it has the only copy of 2 queues: down (classic, virtual host /); alone (")
        self.assertEqual(self.told, [])
        self.assertGreaterEqual(self.time, 1060)

    def test_a_broker_stays_as_long_as_nobody_else_has_its_queues_messages(self):
        # Brokers that were replaced a moment ago: their members have no vote, and their replicas are being filled.
        for kind in ("quorum", "stream"):
            self.start()
            self.cluster(queues=[Queue("bills", kind, members=["b1", "b2", "b3"], in_sync=["b3"])], version="4.0.5")
            self.refuses(*LEAVE, because="it has the only copy of 1 queues: bills")
            self.assertEqual(self.told, [])

    def test_a_broker_with_delayed_messages_stays_until_they_are_due(self):
        self.usual()
        self.delayed = 2
        self.refuses(*LEAVE, because="it still has messages that the plug-in rabbitmq_delayed_message_exchange delays")
        self.assertEqual(self.told, ["shrink b3", "drain", "revive", "add bills on b3"])
        self.start()
        self.usual()
        counts = [2, 1, 0]
        self.on_question("rabbit_delayed_message", lambda call: counts.pop(0))
        self.works(*LEAVE)
        self.assertEqual(counts, [])
        for silent in (Atom("silent"), None):
            self.start()
            self.usual()
            self.delayed = silent
            self.refuses(*LEAVE, because="b3 does not say whether it has delayed messages")
            self.assertNotIn("stop", self.told)

    def test_it_waits_for_a_mirror_to_be_synchronised(self):
        orders = Queue("orders", mirrors=["b1"])
        self.cluster(queues=[orders])
        self.wait = lambda seconds: (setattr(self, "time", self.time + seconds), orders.in_sync.append("b1"))
        self.start()
        self.cluster(queues=[orders])
        self.works(*LEAVE)

    def test_rabbitmq_4_has_no_mirrors(self):
        for khepri in (False, True):
            with self.subTest(khepri=khepri):
                self.start()
                self.cluster(queues=[quorum(), Queue("alone")], version="4.0.5", khepri=khepri)
                self.refuses(*LEAVE, because="it has the only copy of 1 queues: alone (classic, virtual host /)")
                self.assertEqual(self.told, [])

    def test_a_broker_whose_stream_would_lose_its_majority_stays(self):
        # Up to 3.12 a forgotten broker stays a member of its streams, and only a running one can be removed.
        for version, members, running, leaves in [
            ("3.12.1", ("b1", "b3"), True, False),
            ("3.9.13", ("b1", "b3"), False, False),
            ("3.10.8", ("b1", "b3", "gone"), True, False),
            ("3.12.1", ("b1", "b2", "b3"), True, True),
            ("3.12.1", ("b1", "b2", "b3"), False, True),
            ("3.12.1", ("b1", "b2"), True, True),
            ("3.13.0", ("b1", "b3"), True, True),
            ("3.13.0-rc.1", ("b1", "b3"), False, True),
        ]:
            with self.subTest(version=version, members=members, running=running):
                self.start()
                self.cluster(queues=[Queue("s", "stream", leader="b1", members=members)], version=version)
                self.running = ["b1", "b2", "b3"] if running else ["b1", "b2"]
                if leaves:
                    self.works(*LEAVE)
                else:
                    self.refuses(*LEAVE, because="1 streams would have no majority without it: s (stream, ")
                    self.assertEqual(self.told, [])

    def test_a_queue_without_a_leader_after_the_stop_prevents_the_forget(self):
        self.cluster(queues=[mirrored(), quorum()])

        def stop(call):
            self.stop_broker(call)
            self.queues[0].in_sync = []

        self.on("stop_and_halt", stop)
        self.refuses(*LEAVE, because="it has the only copy of 1 queues: orders")
        self.assertEqual(self.told, ["shrink b3", "drain", "stop"])
        self.assertIn("It is not yet a member of 1 quorum queues again, as it does not run", self.errors)
        # Once it runs again, the next run gives them back, and refuses once more.
        self.running.append("b3")
        self.refuses(*LEAVE, because="It serves again, as a member of 1 quorum queues.")
        self.assertEqual(self.told[3:], ["revive", "add bills on b3"])
        self.assertEqual(sorted(self.queues[1].members), ["b1", "b2", "b3"])
        self.assertFalse(self.has(NOTE))

    def test_a_broker_is_refused_if_another_leaves_at_the_same_moment(self):
        self.usual()

        def drain(call):
            self.drain(call)
            self.draining.add("b2")
            return "ok\n"

        self.on("rabbit_maintenance, drain", drain)
        self.refuses(*LEAVE, because="b2 is being drained.")
        self.assertEqual(self.told, ["shrink b3", "drain", "revive", "add bills on b3"])
        self.assertIn("It serves again", self.errors)

    def test_no_broker_leaves_while_another_is_drained(self):
        self.usual()
        self.draining = {"b2"}
        self.refuses(*LEAVE, because="b2 is being drained.")
        self.assertEqual(self.told, [])

    def test_an_unknown_drain_state_refuses_every_leave(self):
        self.usual()
        self.on_question(
            "is_being_drained_consistent_read",
            [(node("b1"), False), (node("b2"), Atom("silent")), (node("b3"), False)],
        )
        self.refuses(*LEAVE, because="b1 does not say who is being drained")
        self.assertEqual(self.told, [])

    def test_a_member_added_by_somebody_else_may_be_drained_meanwhile(self):
        self.cluster("b1", "b2", "b3", "x4")
        self.draining = {"x4"}
        self.works(*LEAVE)

    def test_one_that_cannot_be_drained_does_not_leave(self):
        for said in ("{error,\"Feature flag 'maintenance_mode_status' is not enabled\"}\n", "{badrpc,timeout}\n", ""):
            with self.subTest(said=said):
                self.start()
                self.usual()
                self.on("rabbit_maintenance, drain", said)
                self.refuses(*LEAVE, because="it could not be drained: " + said.strip())
                self.assertEqual(self.told, ["shrink b3", "revive", "add bills on b3"])

    def test_a_drain_that_breaks_off_since_a_client_leaves_is_asked_for_again(self):
        ended = ['{badrpc,{\'EXIT\',{noproc,{gen_server,call,[<1.2.0>,\n  {shutdown,"Node was put "\n "into"}]}}}}\n']
        self.usual()
        self.on("rabbit_maintenance, drain", lambda call: ended.pop() if ended else self.drain(call))
        self.works(*LEAVE)
        self.assertEqual(self.told, ALL)
        self.assertEqual(ended, [])

    def test_a_drain_that_the_others_do_not_see_does_not_count(self):
        self.usual()
        self.on("rabbit_maintenance, drain", "ok\n")
        self.refuses(*LEAVE, because="it was drained, and b1 does not see it")

    def test_a_broker_that_somebody_else_has_drained_stays_drained(self):
        self.usual()
        self.draining = {"b3"}
        self.on("shrink", Ended(70, "", "no majority"))
        self.refuses(*LEAVE, because="shrink rabbit@b3 ended with 70")
        self.assertNotIn("revive", self.told)
        self.assertEqual(self.draining, {"b3"})

    def test_a_queue_member_that_is_not_removed_refuses_the_leave(self):
        self.usual()
        self.on("shrink", "bills error timeout\n")
        self.refuses(
            *LEAVE, because="its members of 1 quorum queues could not be removed: bills (quorum, virtual host /)"
        )
        self.assertEqual(self.told, ["add bills on b3"])

    def test_only_removed_queue_members_are_restored(self):
        self.cluster(queues=[quorum(), quorum("elsewhere", members=["b1", "b2"])])
        self.on("stop_and_halt", "{badrpc,timeout}\n")
        self.refuses(*LEAVE, because="it was told to stop, and after 610 s that could not be confirmed")
        self.assertEqual(self.told, ["shrink b3", "drain", "revive", "add bills on b3"])
        self.assertEqual(self.queues[1].members, ["b1", "b2"])

    def test_queue_members_are_recorded_before_their_removal(self):
        self.cluster(queues=[quorum("q`$\"'\t\n ü", members=["b1", "b2", "b3"])])
        self.queues[0].vhost = "Prod $EU\t订单"
        self.vhosts = [self.queues[0].vhost]

        def killed(call):
            self.shrink(call)
            raise SystemExit(137)

        self.on("shrink", killed)
        # A killed process gives nothing back.
        give_back, leaving.Leaving._try_to_give_back = leaving.Leaving._try_to_give_back, lambda self: ""
        self.addCleanup(setattr, leaving.Leaving, "_try_to_give_back", give_back)
        self.step(*LEAVE)
        leaving.Leaving._try_to_give_back = give_back
        self.assertEqual(self.queues[0].members, ["b1", "b2"])
        self.assertTrue(self.has(NOTE))
        # The next run is refused, as another broker is down now, and gives back what the killed one had taken.
        self.running.remove("b2")
        self.refuses(*LEAVE, because="b2 would have to run beside it")
        self.assertEqual(self.told, ["shrink b3", "add {} on b3".format(self.queues[0].name)])
        self.assertFalse(self.has(NOTE))

    def test_a_forgotten_broker_has_left_despite_an_error_of_the_tool(self):
        self.usual()

        def forget(call):
            self.forget(call)
            raise Ended(70, "", "some replicas could not be deleted")

        self.on("forget_cluster_node", forget)
        self.works(*LEAVE)
        self.assertIn("some replicas could not be deleted", self.output)

    def test_with_khepri_an_error_of_the_tool_counts_unless_a_majority_has_forgotten_the_broker(self):
        def forget(call):
            self.forget(call)
            raise Ended(70, "", "could not remove the member: timeout")

        for said, works in ((True, True), (False, False), (Ended(69), False)):
            self.start()
            self.cluster(queues=[quorum()], version="4.3.6", khepri=True)
            self.on("forget_cluster_node", forget)
            self.on("ra:consistent_query", said if isinstance(said, Ended) else evaluated(said))
            if works:
                self.works(*LEAVE)
            else:
                self.refuses(*LEAVE, because="could not remove the member: timeout")

    def test_a_broker_that_stays_a_member_has_not_left(self):
        self.usual()
        self.on("forget_cluster_node", "")
        self.refuses(*LEAVE, because="it is still a member after it was forgotten")

    def test_what_cannot_be_restored_stays_noted(self):
        self.usual()
        self.on("stop_and_halt", "{badrpc,timeout}\n")
        self.on("add_member", "1\n")
        self.refuses(*LEAVE, because="again, as b3 did not become a member of 1 quorum queues again")
        self.assertIn("place %2F ", self.read(NOTE))

    def test_an_answer_about_only_some_brokers_is_no_answer(self):
        self.usual()
        self.on_question("is_being_drained_consistent_read", [(node("b3"), False), (node("b1"), Atom("error"))])
        self.refuses(*LEAVE, because="does not say who is being drained")
        self.assertEqual(self.told, [])

    def test_nothing_is_destroyed_without_complete_answers(self):
        self.sweep(self.usual, LEAVE, DESTRUCTIVE)

    def test_nothing_is_destroyed_without_complete_answers_on_rabbitmq_4(self):
        def scenario():
            self.cluster(queues=[quorum(), Queue("s", "stream", members=["b1", "b3"])], version="4.0.5", khepri=True)

        self.sweep(scenario, LEAVE, DESTRUCTIVE)

    def test_a_dead_broker_is_not_forgotten_without_complete_answers(self):
        def scenario():
            self.cluster(queues=[Queue("orders", leader="b1"), quorum()])
            self.running = ["b1", "b2"]

        self.sweep(scenario, LEAVE, ("forget_cluster_node",))

    def test_queue_members_are_restored_after_a_hung_shrink(self):
        self.usual()

        def hang(call):
            self.shrink(call)
            raise Hangs()

        self.on("shrink", hang)
        self.refuses(*LEAVE, because="was not done after")
        self.assertEqual(self.told, ["shrink b3", "add bills on b3"])

    def test_members_that_a_hung_shrink_removes_later_are_restored_by_the_next_run(self):
        self.cluster(queues=[quorum("first"), quorum("second")])

        def hang(_call):
            self.queues[0].members.remove("b3")
            raise Hangs()

        def give_back(call):
            said = self.add_members(call)
            # The broker continues what nobody waits for any more.
            if not later:
                later.append(self.queues[1])
                self.queues[1].members = ["b1", "b2"]
            return said

        def add_members(call):
            for queue in self.queues:
                queue.members = sorted({*queue.members, "b3"})
            return "0\n"

        later = []
        self.add_members = add_members
        self.on("shrink", hang)
        self.on("add_member", give_back)
        self.refuses(*LEAVE, because="The removal may still run: run this again later.")
        self.assertEqual(self.queues[1].members, ["b1", "b2"])
        self.put(KNOWN, "b1\nb2\nb3\n")
        self.works("members", "--brokers", "b1,b2,b3")
        self.assertEqual([queue.members for queue in self.queues], [["b1", "b2", "b3"]] * 2)
        self.assertFalse(self.has(NOTE))


if __name__ == "__main__":
    unittest.main()
