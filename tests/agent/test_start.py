"""The broker's start: conflicting data is moved aside only if this start's log and the others' answers show it."""

import os
import unittest
from unittest import mock

from agent.starting import STANDARD_ERROR

from .broker_host import DATA, LOG, MEMBER, BrokerHost, Ended, Hangs, cluster

START = ("start", "--brokers", "mq1,mq2,mq3", "--port", "5672")
CONFLICT = "error: schema_integrity_check_failed"
HAD_LEFT = '{error,{inconsistent_cluster,"Node rabbit@mq1 thinks it\'s clustered with rabbit@mq2"}}'


class Start(BrokerHost):
    def stopped_broker(self):
        self.state = "inactive"
        self.put(DATA + "/schema.DAT", "tables")
        self.put(DATA + "-feature_flags", "flags")
        self.put("/var/lib/rabbitmq/mnesia/rabbit@mq10/schema.DAT", "another's")

    def left_broker(self, second=None, third=None):
        """A former member that the others do not list any more."""
        self.stopped_broker()
        self.put(MEMBER, "2026\n")
        self.fails_with(HAD_LEFT)
        self.serving = {"mq2", "mq3"}
        others = cluster("mq2", "mq3")
        answers = {"mq2": second or others, "mq3": third or others}
        self.on_question("rabbit_nodes:all()", lambda call: answers[call.of])

    def aside(self, why):
        folder = self.root + "/var/lib/rabbitmq"
        return [name for name in os.listdir(folder) if name.startswith("mnesia." + why)]

    def starts(self):
        return self.done("systemctl start")

    def test_a_broker_that_runs_is_left_alone(self):
        self.works(*START)
        self.assertEqual(self.changes(), [])

    def test_is_enabled_and_started(self):
        self.state = "inactive"
        self.on("is-enabled", Ended(1))
        self.works(*START)
        self.assertEqual(self.done("systemctl enable"), ["systemctl enable rabbitmq-server"])
        self.assertEqual(len(self.starts()), 1)

    JOINS = ("start", "--brokers", "mq2,mq1,mq3", "--port", "5672")

    def waited(self, *arguments):
        """Returns the seconds until the start of a stopped broker; mq2 serves after 7 s."""
        self.state = "inactive"
        begun = self.time

        def wait(seconds):
            self.time += seconds
            if self.time - begun >= 7:
                self.serving.add("mq2")

        with mock.patch("agent.clock.pause", wait):
            self.works(*arguments)
        return self.time - begun

    def test_a_new_broker_starts_once_another_one_serves(self):
        self.assertEqual(self.waited(*self.JOINS), 7)
        self.assertEqual(len(self.starts()), 1)

    def test_the_first_broker_and_one_with_data_or_a_members_mark_wait_for_nobody(self):
        self.assertEqual(self.waited(*START), 0)
        self.serving.clear()
        self.put(MEMBER, "2026\n")
        self.assertEqual(self.waited(*self.JOINS), 0)
        os.remove(self.root + MEMBER)
        self.put(DATA + "/schema.DAT", "tables")
        self.assertEqual(self.waited(*self.JOINS), 0)

    def test_a_new_broker_that_locks_feature_flags_waits_for_nobody(self):
        folder = self.root + "/usr/lib/rabbitmq/lib/rabbitmq_server-"
        os.rename(folder + "3.10.8", folder + "4.3.6")
        self.assertEqual(self.waited(*self.JOINS), 0)

    def test_a_new_broker_starts_although_no_other_one_comes(self):
        self.state = "inactive"
        self.works(*self.JOINS)
        self.assertEqual(len(self.starts()), 1)

    def test_a_broker_that_waits_for_others_is_not_tried_again(self):
        self.stopped_broker()
        self.put(DATA + "/nodes_running_at_shutdown", "[rabbit@mq1,rabbit@mq2,\n rabbit@mq3].")
        self.fails_with("Waiting for Mnesia tables for 30000 ms, 9 retries left")
        self.refuses(
            *START, because="mq1: waits for brokers that still ran when it stopped: mq2 mq3 and none of them came."
        )
        self.assertEqual(len(self.starts()), 1)

    def test_a_table_conflict_at_the_first_start_puts_the_data_aside(self):
        self.stopped_broker()
        self.fails_with("{case_clause,{ok,[]}}")
        self.works(*START)
        self.assertEqual(len(self.aside("conflict")), 1)
        kept = "/var/lib/rabbitmq/{}".format(self.aside("conflict")[0])
        self.assertEqual(self.read(kept + "/rabbit@mq1/schema.DAT"), "tables")
        self.assertEqual(self.read(kept + "/rabbit@mq1-feature_flags"), "flags")
        self.assertTrue(self.has("/var/lib/rabbitmq/mnesia/rabbit@mq10/schema.DAT"))
        self.assertIn("what was there lies in", self.output)

    def test_a_members_data_stays_whatever_its_start_says(self):
        self.stopped_broker()
        self.put(MEMBER, "2026\n")
        self.fails_with(CONFLICT, CONFLICT, CONFLICT)
        self.refuses(*START, because="mq1: rabbitmq-server did not start")
        self.assertTrue(self.has(DATA + "/schema.DAT"))

    def test_log_lines_of_an_earlier_start_do_not_count(self):
        self.stopped_broker()
        self.put(LOG, "\n".join([CONFLICT, HAD_LEFT, "incompatible_feature_flags", "Waiting for Mnesia tables"]) + "\n")
        self.fails_with("something else")
        self.refuses(*START, because="rabbitmq-server did not start")
        self.assertEqual(len(self.starts()), 1)
        self.assertTrue(self.has(DATA + "/schema.DAT"))

    def test_a_new_log_is_read_from_its_beginning(self):
        self.stopped_broker()
        self.put(LOG, "x" * 1000)

        def rotated():
            self.put(LOG, "incompatible_feature_flags\n")
            self.starting = lambda: None
            raise Ended(1)

        self.starting = rotated
        self.works(*START)
        self.assertEqual(len(self.starts()), 2)

    def test_a_broker_that_has_left_joins_again(self):
        self.left_broker()
        self.works(*START)
        self.assertIn("had left the cluster and joins it anew; its old data", self.output)
        self.assertEqual(len(self.aside("left")), 1)
        self.assertFalse(self.has(MEMBER))

    def test_after_a_kill_half_way_the_member_mark_is_gone(self):
        self.left_broker()
        rename = os.rename

        def killed(old, new):
            rename(old, new)
            raise SystemExit(137)

        with mock.patch.object(os, "rename", killed):
            self.assertEqual(self.step(*START), 137)
        self.assertFalse(self.has(MEMBER))
        self.works(*START)

    def test_a_broker_that_the_others_still_list_keeps_its_data(self):
        self.left_broker(second=cluster("mq1", "mq2", "mq3"))
        self.refuses(*START, because="rabbitmq-server did not start")
        self.assertTrue(self.has(DATA + "/schema.DAT"))
        self.assertTrue(self.has(MEMBER))

    def test_other_brokers_that_are_not_together_do_not_count_as_the_cluster(self):
        self.left_broker(second=cluster("mq2"), third=cluster("mq3"))
        self.refuses(*START, because="rabbitmq-server did not start")
        self.assertTrue(self.has(DATA + "/schema.DAT"))

    def test_with_too_few_others_the_data_is_kept_as_they_may_have_lost_theirs(self):
        self.left_broker()
        self.serving = {"mq2"}
        self.refuses(*START, because="rabbitmq-server did not start")
        self.assertTrue(self.has(DATA + "/schema.DAT"))

    def test_incomplete_feature_flags_cause_another_start_and_no_data_is_moved(self):
        self.stopped_broker()
        self.fails_with("incompatible_feature_flags", "incompatible_feature_flags")
        self.works(*START)
        self.assertEqual(len(self.starts()), 3)
        self.assertTrue(self.has(DATA + "/schema.DAT"))

    def test_a_start_that_takes_long_is_not_taken_for_a_failed_one(self):
        self.left_broker()
        self.on("systemctl start", Hangs())
        self.refuses(*START, because="rabbitmq-server still starts, such as one that recovers many messages")
        self.assertIn("Once it serves, run this again", self.errors)
        self.assertEqual(len(self.starts()), 1)
        self.assertTrue(self.has(DATA + "/schema.DAT"))

    def test_the_start_is_tried_three_times(self):
        self.stopped_broker()
        self.fails_with(*["incompatible_feature_flags"] * 5)
        self.refuses(*START, because="rabbitmq-server did not start")
        self.assertEqual(len(self.starts()), 3)

    def test_the_brokers_own_errors_are_reported(self):
        self.stopped_broker()
        self.on(
            "journalctl", "2026-11-24 16:44:14+00:00 [error] <0.132.0> Conf file attempted to set unknown variable\n"
        )
        self.fails_with("2026-11-24 [error] <0.1.0>   crasher:")
        self.refuses(*START, because="Conf file attempted to set unknown variable")

    def test_what_the_unit_says_in_a_file_is_reported_while_it_is_of_this_start(self):
        self.stopped_broker()
        self.fails_with("no", "no")
        self.put(STANDARD_ERROR, "mq1: was told to stop\n")
        self.refuses(*START, because="mq1: was told to stop")
        os.utime(self.root + STANDARD_ERROR, (1, 1))
        self.refuses(*START, because="rabbitmq-server did not start")
        self.assertNotIn("was told to stop", self.errors)

    def test_no_data_is_moved_without_an_answer(self):
        """Leaves each question on the way unanswered once, in each way: the data and the mark stay."""
        for scenario, mark in ((self.left_broker, True), (self.conflicting, False)):
            self.start()
            scenario()
            self.works(*START)
            calls = list(self.calls)
            moved = max(index for index, call in enumerate(calls) if "systemctl stop" in call.line) + 1
            questions = [index for index, call in enumerate(calls[: moved + 1]) if call.is_question]
            self.assertGreater(len(questions), 1)
            for index in questions:
                for mode in ("fails", "hangs", "answers nothing", "answers half"):
                    with self.subTest(question=calls[index].line[:60], mode=mode):
                        self.start()
                        scenario()
                        self.broken = (index, mode)
                        self.assertEqual(self.step(*START), 1)
                        self.assertNotIn("a fault of its own", self.errors)
                        self.assertTrue(self.has(DATA + "/schema.DAT"))
                        self.assertEqual(self.has(MEMBER), mark)

    def conflicting(self):
        self.stopped_broker()
        self.fails_with(CONFLICT)

    def test_data_of_a_broker_that_does_not_stop_stays(self):
        self.conflicting()
        self.on("systemctl stop", Ended(1))
        self.refuses(*START, because="did not stop")
        self.assertTrue(self.has(DATA + "/schema.DAT"))
        self.conflicting()
        self.on("systemctl stop", lambda call: setattr(self, "state", "activating"))
        self.refuses(*START, because="its data stays where it is")
        self.assertTrue(self.has(DATA + "/schema.DAT"))


class Waiting(BrokerHost):
    def test_it_shows_which_brokers_ran_beside_it_and_that_it_waits(self):
        self.put(DATA + "/nodes_running_at_shutdown", "[rabbit@mq1,rabbit@mq2].")
        self.works("waiting")
        self.assertEqual(self.output, "Beside=mq2\nWaits=yes\n")

    def test_a_start_that_is_over_waits_no_more(self):
        self.put(DATA + "/nodes_running_at_shutdown", "[rabbit@mq1].")
        for end in ("Successfully synced tables from a peer", "Server startup complete", "incompatible_feature_flags"):
            self.put(LOG, "Waiting for Mnesia tables for 30000 ms\n" + end + "\n")
            self.works("waiting")
            self.assertEqual(self.output, "Beside=\n")

    def test_without_data_there_is_nothing_to_say(self):
        os.unlink(self.root + LOG)
        self.works("waiting")
        self.assertEqual(self.output, "")


if __name__ == "__main__":
    unittest.main()
