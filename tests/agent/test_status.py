"""What a host shows of itself: always something, and each missing answer as such."""

import os
import unittest

from agent import broker_conf, lock, watch_notes
from agent.steps import status

from .support import Ended, Hangs, HostTest, cluster
from .test_watch_step import answer

SHOWN = "LoadState=loaded\nActiveState=active\nSubState=running\nActiveEnterTimestamp=Thu 2026-11-26 14:31:34 UTC\n"


class Status(HostTest):
    def broker(self):
        for name in status.BROKER_FILES:
            self.put(name)
        self.on("systemctl show", SHOWN)
        self.on_question("ranch:info()", answer())
        self.on_question("rabbit_nodes:all()", cluster("mq1", "mq2", running=["mq1"]))

    def balancer(self):
        for name in status.BALANCER_FILES:
            self.put(name)
        self.put(status.KEEPALIVED_CONF, "virtual_ipaddress {\n    10.0.0.100/24 dev eth0\n}\n")
        self.on("systemctl show", SHOWN)
        self.on("ip -o -4 addr show", "2: eth0    inet 10.0.0.100/24 scope global\n")

    def test_of_a_broker(self):
        self.broker()
        self.works("status")
        for words in (
            "mq1: a broker of rabbitmq-ha",
            "files of the broker: all there",
            "rabbitmq-server: active (running) since Thu",
            "broker: runs; listens at 5672",
            "RabbitMQ 3.10.8, members mq1, mq2; not running: mq2",
        ):
            self.assertIn(words, self.output)

    def test_of_a_balancer(self):
        self.balancer()
        self.works("status")
        self.assertIn("mq1: a balancer of rabbitmq-ha", self.output)
        self.assertIn("virtual address 10.0.0.100: here", self.output)
        self.assertIn("HAProxy's socket: no answer", self.output)

    def test_missing_files_are_named(self):
        self.broker()
        os.unlink(self.root + broker_conf.FILE)
        self.works("status")
        self.assertIn("lacks /etc/rabbitmq-ha/broker.conf", self.output)

    def test_of_a_host_without_a_role(self):
        self.works("status")
        self.assertIn("no host of rabbitmq-ha", self.output)
        self.assertEqual(self.calls, [])

    def test_a_missing_answer_is_shown_as_such(self):
        for way in (Ended(1), Hangs(), "", "LoadState=lo"):
            self.start()
            self.broker()
            self.on("systemctl show", way)
            self.on("ranch:info()", way)
            self.on("rabbit_nodes:all()", way)
            self.works("status")
            self.assertEqual(self.output.count("no answer"), 5, self.output)

    def test_tells_what_the_watch_did_and_which_steps_are_under_way(self):
        self.put(watch_notes.PATH, "2026-11-26T14:59:24Z mq1 serves again\n")
        with lock.held("restart", 0):
            inode = os.stat(self.root + lock.FOLDER + "/restart").st_ino
            self.put("/proc/locks", "1: FLOCK  ADVISORY  WRITE 7 00:32:{} 0 EOF\n2: cut\n".format(inode))
            self.works("status")
        self.assertIn("the watch, last: 2026-11-26T14:59:24Z mq1 serves again", self.output)
        self.assertRegex(self.output, r"under way: restart, process \d+ since 20")
        self.put("/proc/locks", "")
        self.works("status")
        self.assertNotIn("under way", self.output)

    def test_changes_nothing(self):
        self.broker()
        self.works("status")
        self.assertFalse(self.has(lock.FOLDER))
        self.assertTrue(all(call.is_question for call in self.calls))


if __name__ == "__main__":
    unittest.main()
