"""What has to be true before another version of RabbitMQ is installed on a broker, and what follows it."""

import re
import unittest

from agent import clock, jsontext, upgrade_state
from agent.installing import Found

from .broker_host import Atom, BrokerHost, Ended, cluster, node, queue_row

NOTE = "/var/lib/rabbitmq-ha/upgrade"
IN_TURN = ["rabbitmq-upgrade drain", "systemctl stop rabbitmq-server", "systemctl restart rabbitmq-server"]
ENABLE = "rabbit_feature_flags:enable(F)"
REBALANCE = "rabbitmq-queues rebalance quorum"


class Upgrade(BrokerHost):
    def start(self):
        super().start()
        self.upgrading("3.10.8-1", "3.10.8-2")

    def upgrading(self, installed, wanted, others=None):
        """Has the package of one version installed and another one wanted; the broker runs with what is installed."""
        self.with_packages()
        self.packages.found = Found(True, (installed,), "")
        self.packages.version = wanted
        self.version = installed.split("-")[0]
        self.others_version = others or self.version
        self.odd = {}
        self.starting = self.has_new_version

    def has_new_version(self):
        self.version = self.packages.version.split("-")[0]

    def run_it(self):
        self.works("restart", "--version", "given")

    def is_refused(self, because):
        self.refuses("restart", "--version", "given", because=because)
        self.assertEqual(self.changes(), [])
        self.assertFalse(self.has(NOTE))

    def is_refused_before_all(self, because):
        self.is_refused(because)
        self.assertEqual(self.packages.did, [])


class Question(unittest.TestCase):
    def test_no_variable_is_bound_twice_which_erlang_would_take_for_a_comparison(self):
        bound = re.findall(r"^(?:Cluster = begin )?(\w+) =(?![:=])", upgrade_state.QUESTION, re.MULTILINE)
        self.assertIn("Members", bound)
        self.assertEqual(sorted(bound), sorted(set(bound)))


class Before(Upgrade):
    def test_a_skipped_series_is_refused_with_the_way_and_no_broker_is_asked(self):
        for installed, wanted, words in (
            ("3.10.8-1", "3.12.1-1", "from 3.10.8 to 3.12 the way is: first 3.11.18, then 3.12"),
            ("4.0.5-6", "4.3.6-1", "from 4.0.5 to 4.3 the way is: first 4.2, then 4.3"),
            ("4.0.5-6", "3.13.7-1", "does not go back to an earlier version: give 4.0.5 or a later one"),
        ):
            self.upgrading(installed, wanted)
            self.is_refused_before_all("mq1: rabbitmq-server does not become {}: ".format(wanted))
            self.assertIn(words, self.errors)
        self.assertEqual(self.done("eval"), [])

    def test_the_version_that_a_member_runs_counts_too(self):
        self.upgrading("3.10.8-1", "3.11.28-1", others="3.9.29")
        self.is_refused_before_all("from 3.9.29 to 3.11 the way is: first 3.10, then 3.11")
        self.upgrading("3.10.8-1", "3.11.28-1", others="3.11.28")
        self.run_it()
        self.assertEqual(self.changes(), IN_TURN)

    def test_what_is_in_the_way_is_told_and_nothing_is_done(self):
        for odd, words, more in (
            ({"alarms": ["disk on rabbit@mq2"]}, "for the alarms to end before the upgrade", "disk on rabbit@mq2"),
            ({"partitions": [node("mq3")]}, "for the partitions to end", "parted from mq3"),
            ({"cluster": cluster("mq1", "mq2", "mq3", running=["mq1", "mq2"])}, "for every member to run", "mq3"),
            (
                {"versions": [(node("mq1"), "3.10.8"), (node("mq2"), None), (node("mq3"), "3.10.8")]},
                "for every member to run",
                "silent: mq2",
            ),
            (
                {"queues": [queue_row(indexes=(7, 7, None))], "count": 1},
                "for the members of the quorum queues to be in step",
                "the queue orders (virtual host /) is behind on mq3",
            ),
            ({"queues": [queue_row(indexes=(7, 6, 7))], "count": 1}, "to be in step", "is behind on mq2"),
        ):
            self.upgrading("3.10.8-1", "3.10.8-2")
            self.odd = odd
            self.is_refused_before_all("mq1: waited in vain " if words.startswith("for") else words)
            self.assertIn(words, self.errors)
            self.assertIn(more, self.errors)

    def test_what_passes_by_itself_is_awaited(self):
        self.odd = {"alarms": ["memory on rabbit@mq2"]}
        real = self.wait

        def wait(seconds):
            real(seconds)
            if self.time > 1060:
                self.odd = {}

        clock.pause = wait
        self.run_it()
        self.assertEqual(self.changes(), IN_TURN)

    def test_a_member_is_in_step_once_it_has_what_another_one_had_at_first(self):
        indexes = [(9, 5, 9), (30, 9, 31)]
        self.on_question(
            "rabbit_fifo:version()",
            lambda call: dict(
                self.upgrade_state(),
                **{Atom("queues"): [queue_row(indexes=indexes.pop(0) if len(indexes) > 1 else indexes[0])]},
                **{Atom("count"): 1},
            ),
        )
        self.run_it()
        self.assertEqual(self.changes(), IN_TURN)

    def test_an_incomplete_answer_is_no_answer(self):
        for odd in (
            {"count": 1},
            {"queues": [("/", "b3JkZXJz", True, 1)], "count": 1},
            {"queues": [("/", "b3JkZXJz", True, 1, [(node("mq1"), 1)])], "count": 1},
            {"versions": [(node("mq1"), "3.10.8")]},
            {"alarms": "none"},
            {"erlang": None},
            {"cluster": cluster()},
        ):
            self.upgrading("3.10.8-1", "3.10.8-2")
            self.odd = odd
            self.is_refused_before_all("waited in vain for every member to run and to say its version")

    def test_a_broker_that_does_not_answer_is_not_upgraded(self):
        self.on("rabbitmqctl eval", Ended(69, "", "Error: unable to perform an operation on node 'rabbit@mq1'"))
        self.is_refused_before_all("waited in vain for every member to run and to say its version")
        self.assertIn("unable to perform an operation", self.errors)

    def test_a_host_without_the_package_gets_it_and_its_broker_is_not_asked_before(self):
        self.packages.found = Found(False, (), "")
        self.state = "inactive"
        self.run_it()
        self.assertIn("install", self.packages.did)

    def test_an_upgrade_that_was_cut_off_is_finished_though_the_broker_is_down(self):
        self.put(NOTE, '{"messages": 3, "queues": [["/", "b3JkZXJz"]], "to": "3.10.8-2"}\n')
        self.state = "inactive"
        self.run_it()
        self.assertIn("the queue orders (virtual host /) is gone since before the upgrade", self.output)
        self.assertFalse(self.has(NOTE))

    def test_a_broker_that_is_down_for_another_reason_is_not_upgraded(self):
        def silent(call):
            raise Ended(69)

        self.put(NOTE, '{"to": "3.10.8-1"}\n')
        self.state = "inactive"
        self.on("rabbitmqctl eval", silent)
        self.refuses("restart", "--version", "given", because="waited in vain for every member to run")
        self.assertEqual(self.changes(), [])

    def test_a_note_that_cannot_be_read_permits_nothing(self):
        self.put(NOTE, '{"to": "3.10')
        self.refuses("restart", "--version", "given", because="/var/lib/rabbitmq-ha/upgrade cannot be read")
        self.assertEqual(self.changes(), [])

    # Another series

    def test_from_3_13_with_khepri_there_is_no_upgrade(self):
        self.upgrading("3.13.7-1", "4.2.8-1")
        self.seen = cluster("mq1", "mq2", "mq3", khepri=True)
        self.is_refused_before_all("3.13 has its tables in Khepri, of which there is no upgrade")
        self.upgrading("3.13.6-1", "3.13.7-1")
        self.odd = {"erlang": 26}
        self.run_it()

    def test_stable_feature_flags_have_to_be_enabled(self):
        self.upgrading("3.10.8-1", "3.11.28-1")
        self.odd = {"off": [Atom("stream_queue"), Atom("user_limits")]}
        self.is_refused_before_all("these stable feature flags are disabled: stream_queue, user_limits")

    def test_the_flag_of_khepri_is_required_only_by_a_series_without_mnesia(self):
        self.upgrading("4.1.8-1", "4.2.8-1", others="4.2.8")
        self.odd = {"off": [Atom("khepri_db")], "erlang": 27}
        self.run_it()
        self.assertIn("leaves the feature flag khepri_db disabled; RabbitMQ 4.3 requires it", self.output)
        self.assertEqual(self.done(ENABLE), [])
        self.upgrading("4.2.8-1", "4.3.6-1")
        self.odd = {"off": [Atom("khepri_db")], "erlang": 27}
        self.refuses("restart", "--version", "given", because="these stable feature flags are disabled: khepri_db")

    def test_a_deprecated_feature_in_use_that_the_next_series_lacks_is_named(self):
        self.upgrading("3.13.7-1", "4.0.5-1")
        self.odd = {"used": [Atom("classic_queue_mirroring"), Atom("management_metrics_collection")], "erlang": 26}
        self.configure("deprecated_features.permit.classic_queue_mirroring = true")
        self.is_refused_before_all("it no longer has what is in use here: classic_queue_mirroring")
        self.upgrading("4.2.8-1", "4.3.6-1")
        self.odd = {"used": [Atom("transient_nonexcl_queues"), Atom("ram_node_type")], "erlang": 27}
        self.is_refused_before_all("in use here: ram_node_type, transient_nonexcl_queues")

    def test_one_that_is_only_denied_can_be_permitted(self):
        self.upgrading("4.2.8-1", "4.3.6-1")
        self.odd = {"used": [Atom("transient_nonexcl_queues")], "erlang": 27}
        self.configure("deprecated_features.permit.transient_nonexcl_queues = true")
        self.run_it()
        self.assertEqual(self.changes(), IN_TURN)

    def test_within_a_series_flags_and_deprecated_features_are_no_matter(self):
        self.odd = {"off": [Atom("stream_queue")], "used": [Atom("classic_queue_mirroring")]}
        self.run_it()
        self.assertEqual(self.changes(), IN_TURN)

    # Erlang

    def test_the_erlang_that_comes_with_it_has_to_fit(self):
        for installed, wanted, running, coming, words in (
            ("4.1.8-1", "4.2.9-1", 26, "", "it needs Erlang 27, and this host has 26"),
            ("4.1.8-1", "4.2.9-1", 26, "1:26.2.5+dfsg-1", "it needs Erlang 27, and this host has 26"),
            ("4.2.9-1", "4.3.6-1", 27, "1:29.0.1+dfsg-2", "with Erlang 27 at most, and this host has 29"),
            ("4.2.9-1", "4.3.6-1", 28, None, "with Erlang 27 at most, and this host has 28"),
        ):
            self.upgrading(installed, wanted)
            self.odd = {"erlang": running}
            self.packages.coming = coming
            self.is_refused("mq1: rabbitmq-server does not become " + wanted)
            self.assertIn(words, self.errors)

    def test_an_erlang_that_comes_with_it_or_is_to_be_found_by_the_installer_is_enough(self):
        for coming in ("1:27.3.4+dfsg-1", None):
            self.upgrading("4.1.8-1", "4.2.9-1")
            self.odd = {"erlang": 26}
            self.packages.coming = coming
            self.run_it()

    def test_within_a_series_a_newer_erlang_is_only_told(self):
        self.upgrading("4.3.5-1", "4.3.6-1")
        self.odd = {"erlang": 29}
        self.run_it()
        self.assertIn("mq1: RabbitMQ supports it with Erlang 27 at most, and this host has 29", self.output)


class After(Upgrade):
    def last(self, **odd):
        """Makes this broker the last one with the former version."""
        self.upgrading("3.10.8-1", "3.11.28-1", others="3.11.28")
        real = self.starting

        def starting():
            real()
            self.odd = odd

        self.starting = starting

    def test_a_broker_that_is_not_the_last_enables_and_moves_nothing(self):
        self.upgrading("3.10.8-1", "3.11.28-1")
        self.odd = {}
        self.starting = lambda: (self.has_new_version(), self.odd.update(off=[Atom("new_flag")]))
        self.run_it()
        self.assertEqual(self.done(ENABLE, REBALANCE), [])
        self.assertFalse(self.has(NOTE))

    def test_the_last_one_spreads_the_leaders_and_then_enables_the_flags(self):
        self.last(off=[Atom("new_flag")], queues=[queue_row(indexes=(7, 7, 7))], count=1)
        self.on_question(ENABLE, lambda call: [(Atom("new_flag"), "ok")])
        self.run_it()
        self.assertEqual(
            [line[:30] for line in self.done(REBALANCE, ENABLE)], [REBALANCE[:30], self.done(ENABLE)[0][:30]]
        )
        self.assertIn("all brokers have their new version; enables the feature flags new_flag", self.output)
        self.assertFalse(self.has(NOTE))

    def test_no_flag_is_enabled_while_a_member_of_a_queue_runs_an_older_machine_version_or_is_silent(self):
        for machine, words in ((2, "runs the machine version 2 on mq1"), (None, "no answer on mq1")):
            self.last(off=[Atom("new_flag")], queues=[queue_row(indexes=(7, 7, 7), machine=machine)], count=1)
            self.refuses("restart", "--version", "given", because="the feature flags stay as they are")
            self.assertIn(words, self.errors)
            self.assertEqual(self.done(ENABLE), [])
            self.assertTrue(self.has(NOTE))

    def test_the_next_run_ends_what_could_not_be_ended(self):
        self.last(off=[Atom("new_flag")], queues=[queue_row(indexes=(7, 7, 7), machine=2)], count=1)
        self.refuses("restart", "--version", "given", because="the feature flags stay as they are")
        done = self.changes()
        self.odd["queues"] = [queue_row(indexes=(7, 7, 7))]
        self.on_question(ENABLE, lambda call: [(Atom("new_flag"), "ok")])
        self.run_it()
        self.assertIn("enables the feature flags new_flag", self.output)
        self.assertEqual(self.changes(), done)
        self.assertFalse(self.has(NOTE))

    def test_the_flags_wait_for_the_machine_versions(self):
        self.last(off=[Atom("new_flag")], queues=[queue_row(indexes=(7, 7, 7), machine=2)], count=1)
        self.on_question(ENABLE, lambda call: [(Atom("new_flag"), "ok")])
        real = self.wait

        def wait(seconds):
            real(seconds)
            if self.time > 1100 and "queues" in self.odd:
                self.odd["queues"] = [queue_row(indexes=(7, 7, 7))]

        clock.pause = wait
        self.run_it()
        self.assertGreater(self.time, 1100)
        self.assertIn("enables the feature flags new_flag", self.output)

    def test_a_flag_that_cannot_be_enabled_is_named(self):
        self.last(off=[Atom("new_flag")])
        self.on_question(ENABLE, lambda call: [(Atom("new_flag"), "{error,unsupported}")])
        self.refuses("restart", "--version", "given", because="these feature flags cannot be enabled:")
        self.assertIn("new_flag: {error,unsupported}", self.errors)
        self.assertTrue(self.has(NOTE))

    def test_leaders_that_cannot_be_spread_are_no_failure(self):
        self.on(REBALANCE, Ended(70))
        self.run_it()
        self.assertIn("the leaders are not spread", self.output)

    def test_queues_and_messages_are_compared(self):
        self.odd = {"queues": [queue_row("orders", 10), queue_row("bills", 7), queue_row("gone soon", 1, stays=False)]}
        self.odd["count"] = 3
        real = self.starting

        def starting():
            real()
            self.odd = {"queues": [queue_row("orders", 9)], "count": 1}

        self.starting = starting
        self.run_it()
        self.assertIn("mq1: the queue bills (virtual host /) is gone since before the upgrade\n", self.output)
        self.assertNotIn("gone soon", self.output)
        self.assertIn("mq1: 17 messages before the upgrade, 9 now; consumers may have taken them\n", self.output)

    def test_queues_that_are_as_before_are_not_mentioned(self):
        self.odd = {"queues": [queue_row("orders", 10)], "count": 1}
        self.run_it()
        self.assertEqual(self.output, "mq1: stops, and rabbitmq-server becomes 3.10.8-2\n")

    def test_a_queue_that_does_not_say_how_many_messages_it_has_is_told(self):
        self.odd = {"queues": [queue_row("orders", None)], "count": 1}
        self.run_it()
        self.assertIn("a queue does not say how many messages it has, so they are not compared", self.output)

    def test_what_the_broker_had_is_noted_before_it_is_stopped(self):
        self.odd = {"queues": [queue_row("orders", 10)], "count": 1}

        def stopped(call):
            self.noted = jsontext.loads(self.read(NOTE))
            self.stopped()

        self.on("systemctl stop rabbitmq-server", stopped)
        self.run_it()
        self.assertEqual(self.noted, {"messages": 10, "queues": [["/", "b3JkZXJz"]], "to": "3.10.8-2"})

    def test_without_a_version_nothing_is_asked_or_done(self):
        self.works("restart")
        self.assertEqual(self.done("eval", REBALANCE), [])

    def test_nothing_is_enabled_without_a_complete_answer(self):
        def scenario():
            self.last(off=[Atom("new_flag")])

        self.sweep(scenario, ("restart", "--version", "given"), (ENABLE,))


if __name__ == "__main__":
    unittest.main()
