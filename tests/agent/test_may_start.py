"""Before a start of the broker: a former member without data never serves alone, also if files cannot be read."""

import base64
import os
import unittest
from unittest import mock

from agent import clock, fingerprint, starting

from .broker_host import DATA, LIMITS, MEMBER, NOTE, BrokerHost, Ended, cluster
from .support import Hangs, evaluated

CONF = "/etc/rabbitmq-ha/broker.conf"
VHOST = DATA + "/msg_stores/vhosts/628WB79CIFDYO9LJI6DKMI09L/.vhost"


def hiding(hidden, lstat=os.lstat):
    """Returns os.lstat of a host on which one path cannot be seen."""

    def seen(path, *more, **options):
        if str(path) == hidden:
            raise PermissionError(13, "Permission denied")
        return lstat(path, *more, **options)

    return seen


class MayStart(BrokerHost):
    def start(self):
        super().start()
        self.on_question("del_table_copy", False)

    def former_member_without_data(self):
        self.put(MEMBER, "2026\n")
        self.put(CONF, "[broker]\nbrokers = mq1,mq2,mq3\ndiscovery_peers = mq2,mq3\nport = 5672\nmetrics_port = 0\n")

    def test_what_the_broker_starts_with_is_noted(self):
        fingerprint.forget()
        self.works("may-start")
        self.assertTrue(fingerprint.is_read())
        self.assertEqual(len(self.read(NOTE).splitlines()), 2)

    def test_a_first_start_or_one_with_data_does_not_wait(self):
        self.works("may-start")
        self.put(MEMBER, "2026\n")
        self.put(DATA + "/cluster_nodes.config", "{[],[]}.")
        self.put(VHOST)
        self.works("may-start")
        self.assertEqual(self.output, "")

    def test_a_member_with_khepri_has_data(self):
        # 4.3 writes no cluster_nodes.config: without this check, no broker would start again after a power cut of all.
        self.put(MEMBER, "2026\n")
        self.put(DATA + "/coordination/rabbit@mq1/names.dets")
        self.put(VHOST)
        self.works("may-start")
        self.assertEqual(self.output, "")

    def test_what_a_start_writes_before_it_has_joined_is_no_data(self):
        early = ("cluster_nodes.config", "rabbitmq_metadata/x", "coordination/rabbit@mq1/names.dets", "quorum/x")
        for names in [early[:1], early[1:2], early[2:], early, (*early, "msg_stores/x")]:
            self.start()
            self.former_member_without_data()
            for name in names:
                self.put(DATA + "/" + name)
            clock.pause = lambda seconds: self.serving.add("mq2")
            self.works("may-start")
            self.assertIn("does not start alone", self.output, names)

    def test_folders_of_virtual_hosts_without_tables_are_no_data(self):
        self.former_member_without_data()
        self.put(VHOST)
        clock.pause = lambda seconds: self.serving.add("mq2")
        self.works("may-start")
        self.assertIn("does not start alone", self.output)

    def test_a_former_member_without_data_waits_for_the_cluster(self):
        self.former_member_without_data()
        fingerprint.forget()
        waited = []

        def wait(seconds):
            self.assertFalse(self.has(NOTE), "noted before the start")
            waited.append(seconds)
            if len(waited) == 5000:
                self.serving = {"mq3"}
            if len(waited) == 4000:
                # A change during the wait is part of what the broker is started with.
                self.configure(LIMITS + "channel_max = 2000\n")

        clock.pause = wait
        self.works("may-start")
        self.assertEqual(len(waited), 5000)
        self.assertIn("does not start alone; waits until one of these serves: mq2 mq3", self.output)
        self.assertIn("joins anew, since mq3 serves", self.output)
        self.assertTrue(fingerprint.is_read())

    def test_it_starts_only_once_a_member_has_forgotten_the_former_one(self):
        # RabbitMQ 3.13 to 4.2 with Mnesia refuse it otherwise, and it would serve alone after two minutes.
        self.former_member_without_data()
        self.serving = {"mq2", "mq3"}
        asked = []

        def forgets(call):
            asked.append(call.of)
            self.assertIn(base64.b64encode(b"rabbit@mq1").decode(), call.stdin)
            return True

        self.on_question("del_table_copy", forgets)
        self.works("may-start")
        self.assertEqual(asked, ["mq2"])
        self.assertIn("mq1: mq2 has forgotten the member that mq1 was\n", self.output)

    def test_it_does_not_start_while_no_member_says_that_it_can_join(self):
        for answer in (Ended(69), Hangs(), '<<"g2', "", evaluated("yes"), evaluated(None)):
            self.start()
            self.former_member_without_data()
            self.serving = {"mq2", "mq3"}
            waited = []

            def wait(seconds, waited=waited):
                waited.append(seconds)
                if len(waited) == 20:
                    self.on_question("del_table_copy", False)

            clock.pause = wait
            self.on("del_table_copy", answer)
            self.works("may-start")
            self.assertEqual(len(waited), 20)
            self.assertIn("mq1: does not start yet: ", self.output)
            self.assertIn("it joins anew, since mq2 serves", self.output)

    def test_the_next_peer_is_asked_where_one_does_not_answer(self):
        self.former_member_without_data()
        self.serving = {"mq2", "mq3"}

        def says(call):
            if call.of == "mq2":
                raise Ended(69)
            return True

        self.on_question("del_table_copy", says)
        self.works("may-start")
        self.assertIn("mq3 has forgotten the member that mq1 was", self.output)

    def test_removing_the_mark_ends_the_wait(self):
        self.former_member_without_data()
        clock.pause = lambda seconds: os.unlink(self.root + MEMBER)
        self.works("may-start")

    def test_without_known_peers_it_does_not_start(self):
        self.former_member_without_data()
        for text in (
            "",
            "[broker]\nbrokers = mq1\n",
            "no section\n",
            "[broker]\nbrokers=a\ndiscovery_peers=b\nport=x\n",
        ):
            self.put(CONF, text)
            self.refuses("may-start", because="/etc/rabbitmq-ha/broker.conf")
        os.unlink(self.root + CONF)
        self.refuses("may-start", because="/etc/rabbitmq-ha/broker.conf")

    def test_an_unreadable_mark_does_not_count_as_missing(self):
        for name in (MEMBER, DATA + "/cluster_nodes.config", DATA + "/coordination"):
            self.start()
            self.former_member_without_data()
            with mock.patch("os.lstat", hiding(self.root + name)):
                self.refuses("may-start", because="it cannot be seen whether " + name)
        self.put(DATA + "/cluster_nodes.config")
        with mock.patch("os.listdir", side_effect=PermissionError(13, "Permission denied")):
            self.refuses("may-start", because="it cannot be seen whether " + DATA + "/msg_stores/vhosts")

    def test_a_note_that_cannot_be_written_does_not_prevent_the_start(self):
        def full():
            raise OSError(28, "No space left on device")

        real, fingerprint.note = fingerprint.note, full
        try:
            self.works("may-start")
        finally:
            fingerprint.note = real
        self.assertFalse(self.has(NOTE))
        self.assertIn("No space left", self.errors)

    def test_a_full_disk_on_which_nothing_can_be_removed_either_does_not_prevent_the_start(self):
        for name in ("os.unlink", "os.rename", "os.fsync", "os.open"):
            self.start()
            self.configure(LIMITS + "channel_max = 2000\n")
            full = OSError(28, "No space left on device")
            with mock.patch("os.unlink", side_effect=full), mock.patch(name, side_effect=full):
                self.works("may-start")
            self.assertIn("No space left", self.errors, name)

    def test_a_label_that_cannot_be_set_does_not_prevent_the_start(self):
        self.on("restorecon", Hangs())
        self.configure(LIMITS + "channel_max = 2000\n")
        self.works("may-start")
        self.assertFalse(self.has(NOTE))


class Place(BrokerHost):
    """A member with data of Khepri, which other members of a former cluster could give a majority."""

    def start(self):
        super().start()
        self.put(MEMBER, "2026\n")
        self.put(CONF, "[broker]\nbrokers = mq1,mq2,mq3\ndiscovery_peers = mq2,mq3\nport = 5672\nmetrics_port = 0\n")
        self.put(DATA + "-feature_flags", "[khepri_db].")
        self.put(DATA + "/coordination/rabbit@mq1/names.dets")
        self.put(VHOST)
        self.serving = {"mq2", "mq3"}
        self.answers_of = {"mq2": cluster("mq1", "mq2", "mq3"), "mq3": cluster("mq1", "mq2", "mq3")}
        self.on_question("rabbit_nodes:all()", lambda call: self.said(call.of))
        self.waited = []
        clock.pause = self.waits

    def said(self, name):
        if isinstance(self.answers_of[name], Exception):
            raise self.answers_of[name]
        return self.answers_of[name]

    def waits(self, seconds):
        self.time += seconds
        self.waited.append(seconds)
        self.assertLess(len(self.waited), 1000)
        if len(self.waited) == 100:
            self.serving = set()

    def test_a_member_starts_at_once(self):
        self.works("may-start")
        self.answers_of["mq2"] = cluster("mq2")
        self.works("may-start")
        self.serving = set()
        self.works("may-start")
        self.assertEqual((self.waited, self.output), ([], ""))

    def test_one_that_the_cluster_has_gone_on_without_waits_as_long_as_that_serves(self):
        for answers in ({"mq2": cluster("mq2"), "mq3": cluster("mq3")}, {"mq2": cluster("mq2"), "mq3": Ended(69)}):
            self.start()
            self.answers_of = answers
            self.works("may-start")
            self.assertEqual(len(self.waited), 100)
            self.assertIn("mq2 serves in a cluster that has gone on without mq1, so it does not start", self.output)
            self.assertIn(
                "\nTo have it join anew, with that data kept aside, run on mq1: rabbitmq-ha force-boot --follow --after mq2",
                self.output,
            )

    def test_brokers_that_do_not_answer_are_waited_for_a_minute(self):
        self.answers_of = {"mq2": Ended(69), "mq3": Hangs()}
        self.works("may-start")
        self.assertEqual(sum(self.waited), 60)

    def test_it_starts_although_it_does_not_know_the_others(self):
        os.unlink(self.root + CONF)
        self.works("may-start")
        self.assertIn(CONF, self.errors)

    def test_with_mnesia_or_before_it_was_a_member_nobody_is_asked(self):
        self.put(DATA + "-feature_flags", "[].")
        self.works("may-start")
        self.put(DATA + "-feature_flags", "[khepri_db].")
        os.unlink(self.root + MEMBER)
        self.works("may-start")
        self.assertEqual(self.done("rabbitmqctl"), [])


class Data(BrokerHost):
    def test_a_path_below_a_file_does_not_exist(self):
        self.put("/var/lib/rabbitmq/mnesia", "")
        self.assertFalse(starting.has_data())


if __name__ == "__main__":
    unittest.main()
