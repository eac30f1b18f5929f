"""A broker with Khepri: what it waits for, and its start without members that are gone, only after whole answers."""

import base64
import os
import unittest
from unittest import mock

from agent import broker_conf, condition, khepri, starting
from agent.steps import member

from .broker_host import DATA, LOG, MEMBER, BrokerHost, cluster, node
from .brokers import quorum
from .support import Atom, Ended, Hangs, evaluated

VHOST = DATA + "/msg_stores/vhosts/628WB79CIFDYO9LJI6DKMI09L/.vhost"
FORCE_BOOT = ("force-boot", "--gone", "mq2,mq3", "--brokers", "mq1,mq2,mq3", "--port", "5672")
START = ("start", "--brokers", "mq1,mq2,mq3", "--port", "5672")
FORCED = "rabbitmqctl force_standalone_khepri_boot"


def store(*members, waits=True, connected=(), position=(3, 176)):
    """Returns what a broker reports about its store (agent/khepri.py)."""
    names = members or ("mq1", "mq2", "mq3")
    said = {"waits": waits, "members": [node(each) for each in names], "term": position[0], "index": position[1]}
    said["connected"] = [node(each) for each in connected]
    return {Atom(key): value for key, value in said.items()}


class KhepriHost(BrokerHost):
    def start(self):
        super().start()
        self.put(LOG, "")
        self.put(DATA + "-feature_flags", "[feature_flags_v2,\n khepri_db,\n quorum_queue].\n")
        self.put(DATA + "/coordination/rabbit@mq1/names.dets")
        self.put(VHOST)
        self.state = "activating"
        self.stores = {"mq1": store()}
        self.on("ra_leaderboard", lambda call: self.store_of(call.of or "mq1"))

    def store_of(self, name):
        said = self.stores.get(name, Ended(69))
        if isinstance(said, (Ended, Hangs)):
            raise said
        return evaluated(said)


class Waiting(KhepriHost):
    def test_a_broker_that_waits_tells_the_members_and_how_new_its_tables_are(self):
        self.works("waiting")
        self.assertEqual(self.output, "Beside=mq2 mq3\nPosition=3 176\nWaits=yes\n")

    def test_one_that_runs_or_is_stopped_is_not_asked(self):
        for state in ("active", "inactive", "failed"):
            self.state = state
            self.calls.clear()
            self.works("waiting")
            self.assertEqual(self.output, "Beside=\n")
            self.assertEqual(self.done("rabbitmqctl"), [])

    def test_one_that_starts_without_waiting_or_does_not_answer_has_data_and_does_not_wait(self):
        whole = store()
        parts = [{key: value for key, value in whole.items() if key != missing} for missing in whole]
        for said in (store(waits=False), store("mq2", "mq3"), Ended(1), Hangs(), Atom("unknown"), *parts):
            self.stores["mq1"] = said
            self.works("waiting")
            self.assertEqual(self.output, "Beside=\n")

    def test_without_data_there_is_nothing_to_say(self):
        with mock.patch.object(starting, "has_data", lambda: False):
            self.works("waiting")
        self.assertEqual(self.output, "")

    def test_the_store_is_the_one_of_the_feature_flags(self):
        for flags, used in (
            ("[a,\n khepri_db].", True),
            ("[khepri_db].", True),
            ("[not_khepri_db].", False),
            ("", False),
        ):
            self.put(DATA + "-feature_flags", flags)
            self.assertIs(khepri.is_used(), used, flags)


class Majority(KhepriHost):
    def test_it_is_asked_in_the_way_that_needs_one(self):
        # A leader without a majority answers rabbit_khepri:fence/1 with ok (seen with 4.3.6).
        self.assertIn(khepri.HAS_MAJORITY.strip(), condition.HEALTH)
        self.assertNotIn("fence", condition.HEALTH)


class ForceBoot(KhepriHost):
    def start(self):
        super().start()
        self.queues = [quorum("bills", members=("mq1", "mq2", "mq3"), leader="mq3")]
        self.seen = cluster("mq1", "mq2", "mq3", running=["mq1"], version="4.3.6", khepri=True)
        self.on(FORCED, self.forced)
        self.on_question("rabbit_amqqueue:list()", lambda call: self.listed())
        self.on_question("force_shrink_members_to_current_member", [])

    def listed(self):
        answer = {
            "version": "4.3.6",
            "queues": [each.row() for each in self.queues],
            "count": len(self.queues),
            "vhosts": ["/"],
            "vhosts_then": ["/"],
            "running": [node("mq1")],
        }
        return {Atom(key): value for key, value in answer.items()}

    def forced(self, call):
        self.serving = {"mq1"}
        self.seen = cluster("mq1", version="4.3.6", khepri=True)
        return ""

    def test_the_store_and_the_quorum_queues_go_on_alone(self):
        self.works(*FORCE_BOOT)
        self.assertEqual(self.done(FORCED), [FORCED])
        shrunk = self.done("force_shrink_members_to_current_member")
        self.assertEqual(len(shrunk), 1)
        self.assertIn(base64.b64encode(b"bills").decode(), shrunk[0])
        self.assertIn("mq1: leads 1 quorum queues alone: bills", self.output)

    def test_queues_that_have_a_majority_or_no_member_here_stay_as_they_are(self):
        self.queues = [quorum("a", members=("mq1",)), quorum("b", members=("mq2", "mq3", "mq4"))]
        self.works(*FORCE_BOOT)
        self.assertEqual(self.done("force_shrink_members_to_current_member"), [])

    def test_a_queue_that_stays_without_a_majority_is_named(self):
        self.on_question("force_shrink_members_to_current_member", [base64.b64encode(b"bills").decode()])
        self.refuses(*FORCE_BOOT, because="could not be given one: bills (quorum, virtual host /)")

    def test_a_run_that_was_cut_off_is_gone_on_from(self):
        self.on("force_shrink_members_to_current_member", Ended(69))
        self.refuses(*FORCE_BOOT)
        self.stores["mq1"] = store(waits=False)
        self.state = "active"
        self.works("waiting")
        self.assertIn("Forced=yes", self.output)
        self.on_question("force_shrink_members_to_current_member", [])
        self.works("force-boot", "--brokers", "mq1,mq2,mq3", "--port", "5672")
        self.assertEqual(self.done(FORCED), [FORCED])
        self.assertIn("mq1: leads 1 quorum queues alone: bills", self.output)
        self.works("waiting")
        self.assertNotIn("Forced=yes", self.output)
        self.refuses(*FORCE_BOOT, because="nothing was done: mq1 serves")

    def test_one_that_is_not_alone_any_more_is_not_gone_on_with(self):
        self.on("force_shrink_members_to_current_member", Ended(69))
        self.refuses(*FORCE_BOOT)
        for seen in (cluster("mq1", "mq2", version="4.3.6", khepri=True), Ended(69)):
            self.on("rabbit_nodes:all()", seen if isinstance(seen, Exception) else evaluated(seen))
            self.refused_again()

    def refused_again(self):
        before = len(self.done("force_shrink_members_to_current_member"))
        self.refuses(*FORCE_BOOT, because="nothing was done: mq1 serves")
        self.assertEqual(len(self.done("force_shrink_members_to_current_member")), before)

    def refused(self, because, *words):
        self.refuses(*(words or FORCE_BOOT), because=because)
        self.assertEqual(self.done(FORCED), [])

    def test_refused_while_a_broker_serves(self):
        self.serving = {"mq2"}
        self.refused("nothing was done: mq2 serves")

    def test_refused_if_one_serves_or_comes_back_meanwhile(self):
        def ask(call):
            self.serving = {"mq3"}
            return evaluated(store())

        self.on("ra_leaderboard", ask)
        self.refused("nothing was done: mq3 serves")
        self.start()
        self.stores["mq1"] = store(connected=["mq3"])
        self.refused("nothing was done: mq3 runs, so it is not gone")

    def test_refused_if_the_broker_does_not_wait(self):
        self.stores["mq1"] = store(waits=False)
        self.refused("nothing was done: mq1 does not wait for a majority")

    def test_refused_while_a_majority_is_left(self):
        self.refused("a majority of the members is left", "force-boot", "--gone", "mq3", *FORCE_BOOT[3:])

    def test_refused_if_another_one_that_is_left_has_newer_tables_or_does_not_say(self):
        five = ("mq1", "mq2", "mq3", "mq4", "mq5")
        words = ("force-boot", "--gone", "mq3,mq4,mq5", "--brokers", ",".join(five), "--port", "5672")
        for other in (store(*five, position=(3, 177)), store(*five, position=(4, 1))):
            self.stores = {"mq1": store(*five), "mq2": other}
            self.refused("nothing was done: mq2 has newer tables than mq1", *words)
        for silent in (Ended(69), Hangs(), Atom("unknown"), store("mq1")):
            self.stores = {"mq1": store(*five), "mq2": silent}
            self.refused("mq2 does not say how new its tables are", *words)
        for other in (store(*five), store(*five, position=(2, 900)), store(*five, position=(3, 175))):
            self.start()
            self.stores = {"mq1": store(*five), "mq2": other}
            self.works(*words)

    def test_between_two_starts_it_is_asked_again(self):
        answers = [Ended(69), Ended(69)]

        def ask(call):
            if answers:
                raise answers.pop()
            return evaluated(store())

        self.on("ra_leaderboard", ask)
        self.works(*FORCE_BOOT)

    def test_a_start_that_gives_up_before_it_is_forced_or_between_two_questions_is_asked_anew(self):
        answers = [Ended(69), Ended(69)]
        self.on(FORCED, lambda call: answers.pop() if answers else self.forced(call))
        self.works(*FORCE_BOOT)
        self.assertEqual(self.done(FORCED), [FORCED] * 3)
        self.assertGreater(len(self.done("ra_leaderboard")), 4)

    def test_a_broker_that_can_never_be_reached_is_given_up(self):
        self.on(FORCED, Ended(69, "", "unable to perform an operation on node"))
        self.refuses(*FORCE_BOOT, because="force_standalone_khepri_boot ended with 69")

    def test_nothing_is_forced_without_whole_answers(self):
        self.sweep(lambda: None, FORCE_BOOT, (FORCED,), except_for=("rabbit_nodes:all()", "rabbit_amqqueue:list()"))

    def test_a_broker_that_does_not_come_up_alone_is_reported(self):
        self.on(FORCED, "")
        self.refuses(*FORCE_BOOT, because="mq1: does not run although it waits no more")

    def test_a_command_that_is_refused_is_reported(self):
        self.on(FORCED, Ended(64, "", "This command is not supported"))
        self.refuses(*FORCE_BOOT, because="force_standalone_khepri_boot ended with 64")


class Follow(KhepriHost):
    def start(self):
        super().start()
        self.put(broker_conf.FILE, "[broker]\nbrokers=mq1,mq2\ndiscovery_peers=mq2\nport=5672\n")
        self.others = cluster("mq2", version="4.3.6", khepri=True)
        self.on_question("rabbit_nodes:all()", lambda call: self.others)
        self.became = []
        self._stack.enter_context(
            mock.patch.object(member.Member, "become", lambda it: self.became.append((it.brokers, it.kind, it.port)))
        )

    def test_a_broker_of_the_former_store_joins_anew_and_its_data_is_kept(self):
        self.put(MEMBER, "2026\n")
        self.works("force-boot", "--follow", "--after", "mq2")
        self.assertIn(
            "mq1: joins the cluster of mq2 anew; its old data lies in /var/lib/rabbitmq/mnesia.left-", self.output
        )
        self.assertFalse(self.has(DATA))
        self.assertEqual(self.state, "active")
        self.assertEqual(self.became, [(["mq1", "mq2"], "disc", 5672)])

    def test_one_that_was_cut_off_before_it_had_its_copies_of_the_queues_gets_them(self):
        self.others = cluster("mq1", "mq2", version="4.3.6", khepri=True)
        self.works("force-boot", "--follow", "--after", "mq2")
        self.assertTrue(self.has(VHOST))
        self.assertEqual(self.became, [(["mq1", "mq2"], "disc", 5672)])

    def test_without_the_brokers_names_nothing_is_moved(self):
        os.unlink(self.root + broker_conf.FILE)
        self.refuses("force-boot", "--follow", "--after", "mq2", because=broker_conf.FILE)
        self.assertTrue(self.has(VHOST))

    def test_a_member_or_a_broker_with_mnesia_keeps_its_data(self):
        self.put(MEMBER, "2026\n")
        self.others = cluster("mq1", "mq2", version="4.3.6", khepri=True)
        self.works("force-boot", "--follow", "--after", "mq2")
        self.put(DATA + "-feature_flags", "[].")
        self.others = cluster("mq2")
        self.works("force-boot", "--follow", "--after", "mq2")
        self.assertTrue(self.has(VHOST))
        self.assertEqual(self.became, [])

    def test_no_data_is_moved_without_a_whole_answer(self):
        self.sweep(lambda: None, ("force-boot", "--follow", "--after", "mq2"), ("systemctl stop",))


class Start(KhepriHost):
    GAVE_UP = "[error] <0.209.0> exit:timeout_waiting_for_leader"

    def test_without_a_majority_it_is_not_tried_again(self):
        self.state = "inactive"
        self.fails_with(self.GAVE_UP)
        self.refuses(*START, because="mq1: waits for a majority of the cluster's members, and too few of them came.")
        self.assertEqual(len(self.done("systemctl start")), 1)
        self.assertTrue(self.has(VHOST))

    def test_one_that_had_left_joins_again(self):
        self.state = "inactive"
        self.serving = {"mq2", "mq3"}
        self.on_question("rabbit_nodes:all()", cluster("mq2", "mq3", version="4.3.6", khepri=True))
        self.works(*START)
        self.assertIn("had left the cluster and joins it anew", self.output)
        self.assertFalse(self.has(VHOST))
        self.assertEqual(self.state, "active")

    def test_no_data_is_moved_unless_most_brokers_answer_from_elsewhere(self):
        elsewhere = cluster("mq2", "mq3", version="4.3.6", khepri=True)
        for serving, answer in ((set(), elsewhere), ({"mq2", "mq3"}, Ended(69)), ({"mq2", "mq3"}, Hangs())):
            self.start()
            self.state = "inactive"
            self.serving = serving
            self.on("rabbit_nodes:all()", answer if isinstance(answer, Exception) else evaluated(answer))
            self.works(*START)
            self.assertTrue(self.has(VHOST))

    def test_one_that_a_cluster_of_few_has_gone_on_without_is_not_started(self):
        self.state = "inactive"
        self.serving = {"mq2"}
        self.on_question("rabbit_nodes:all()", cluster("mq2", version="4.3.6", khepri=True))
        self.refuses(*START, because="mq1: mq2 serves in a cluster that has gone on without mq1")
        self.assertIn("rabbitmq-ha force-boot --follow --after mq2", self.errors)
        self.assertEqual(self.done("systemctl start"), [])
        self.assertTrue(self.has(VHOST))

    def test_one_that_the_others_list_keeps_its_data(self):
        self.state = "inactive"
        self.fails_with(self.GAVE_UP)
        self.serving = {"mq2", "mq3"}
        self.on_question("rabbit_nodes:all()", cluster("mq1", "mq2", "mq3", version="4.3.6", khepri=True))
        self.refuses(*START, because="waits for a majority")
        self.assertTrue(self.has(VHOST))


if __name__ == "__main__":
    unittest.main()
