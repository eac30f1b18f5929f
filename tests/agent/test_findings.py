"""What a host tells verify: files that somebody has changed, never one that is right, and the watch's last answer."""

import io
import json
import os
import stat
import sys
import threading

from agent import clock, condition, files, fingerprint, health, host, lock, sent

from .support import Atom, Ended, HostTest
from .test_watch_step import CONF, answer

CFG, STATS = "/etc/haproxy/haproxy.cfg", "/etc/haproxy/stats.cfg"


class Findings(HostTest):
    content = "content\n"

    def step(self, *words):
        before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(self.content.encode()))
        try:
            return super().step(*words)
        finally:
            sys.stdin = before

    def write(self, path, content, *more):
        self.content = content
        self.works("file", "--path", path, *more)

    def start(self):
        super().start()
        self.on("systemctl show rabbitmq-server", Ended(1))
        self.write(CFG, "one\n", "--resource", "haproxy-lb1-config")
        self.write(STATS, "two\n", "--resource", "haproxy-lb1-stats", "--mode", "0600")

    def findings(self):
        self.works("findings")
        self.assertRegex(self.output, r"\AFindings=\{.*\}\n\Z")
        return json.loads(self.output.split("=", 1)[1])

    def changed(self):
        return [(each["path"], each["resource"], each["fault"]) for each in self.findings()["files"]]

    def test_files_that_are_as_they_were_written_are_no_finding(self):
        self.assertEqual(self.changed(), [])
        # Also when the same is written once more, by hand, with another mode, or when the content is new.
        self.write(CFG, "one\n", "--resource", "haproxy-lb1-config", "--mode", "0600")
        self.write(CFG, "new\n", "--resource", "haproxy-lb1-config")
        self.write(STATS, "by hand\n")
        self.assertEqual(self.changed(), [])

    def test_a_file_that_was_edited_or_deleted_is_named_with_its_resource(self):
        self.put(CFG, "edited\n")
        os.unlink(self.root + STATS)
        self.assertEqual(
            self.changed(), [(CFG, "haproxy-lb1-config", "differs"), (STATS, "haproxy-lb1-stats", "is missing")]
        )
        self.write(CFG, "one\n", "--resource", "haproxy-lb1-config")
        self.assertEqual([path for path, _, _ in self.changed()], [STATS])

    def test_a_content_that_was_refused_is_not_noted(self):
        self.on("haproxy", Ended(1))
        self.content = "bad\n"
        self.refuses("file", "--path", CFG, "--resource", "haproxy-lb1-config", "--check", "haproxy -c {}")
        self.assertEqual(self.changed(), [])

    def test_a_file_that_is_being_written_is_no_finding(self):
        self.put(CFG, "just written, and not yet noted\n")
        with lock.held(sent.lock_of(CFG), 0):
            self.assertEqual(self.changed(), [])

    def test_without_a_note_that_can_be_read_nothing_is_known(self):
        self.put(CFG, "edited\n")
        for text in ("", "{", "[]", '{"%s": {"sha256": 1}}' % CFG, '{"%s": "x"}' % CFG):
            self.put(sent.NOTE, text)
            self.assertEqual(self.changed(), [], text)
        os.unlink(self.root + sent.NOTE)
        self.assertEqual(self.changed(), [])

    def test_a_file_without_a_resource_is_not_noted(self):
        self.write("/etc/other", "x\n")
        self.assertEqual(sorted(json.loads(self.read(sent.NOTE))), [CFG, STATS])

    def test_only_root_may_read_the_note(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.root + sent.NOTE).st_mode), 0o600)

    def test_steps_that_write_side_by_side_lose_no_note(self):
        writers = [
            threading.Thread(target=sent.note, args=("/etc/{}".format(number), b"x", "r{}".format(number)))
            for number in range(20)
        ]
        write = files.write

        def slowly(*words, **options):
            threading.Event().wait(0.005)
            return write(*words, **options)

        self._stack.callback(setattr, files, "write", write)
        files.write = slowly
        # Waiting threads must not move the simulated clock on.
        clock.pause = lambda seconds: threading.Event().wait(0.001)
        for each in writers:
            each.start()
        for each in writers:
            each.join()
        self.assertEqual(len(json.loads(self.read(sent.NOTE))), 22)

    # The watch's last answer

    def heard(self, started="7", **changes):
        health.note(condition.Condition(answer(**changes)), started)

    def broker(self, started="7", state="active"):
        said = "ExecMainStartTimestampMonotonic={}\nActiveState={}\n".format(started, state)
        self.on("systemctl show rabbitmq-server", said)

    def test_the_brokers_last_answer_is_passed_on(self):
        self.broker()
        self.heard(passed_over=True, partition_handling=Atom("autoheal"))
        found = self.findings()
        self.assertEqual((found["passedOver"], found["partitionHandling"]), (True, "autoheal"))
        down = (Atom("pause_if_all_down"), [Atom("rabbit@mq2")], Atom("ignore"))
        self.heard(partition_handling=down)
        self.assertEqual(self.findings()["partitionHandling"], "pause_if_all_down")
        self.heard(partition_handling=Atom("unknown"), passed_over=Atom("unknown"))
        found = self.findings()
        self.assertEqual((found["passedOver"], found["partitionHandling"]), (None, None))

    def test_with_khepri_the_partition_handling_means_nothing_and_the_majority_is_told(self):
        self.broker()
        for majority, handling in ((True, "khepri"), (False, "khepri"), (Atom("unused"), "pause_minority")):
            self.heard(partition_handling=Atom("pause_minority"), has_majority=majority)
            found = self.findings()
            self.assertEqual(found["partitionHandling"], handling)
            self.assertIs(found["hasMajority"], majority if isinstance(majority, bool) else None)

    def test_an_answer_from_before_the_brokers_last_start_does_not_count(self):
        self.heard(passed_over=True)
        for started, state in (("8", "active"), ("7", "inactive"), ("7", "activating")):
            self.broker(started, state)
            self.assertNotIn("passedOver", self.findings())
        self.on("systemctl show rabbitmq-server", Ended(1))
        self.assertNotIn("passedOver", self.findings())
        self.broker()
        self.put(health.NOTE, "{")
        self.assertNotIn("passedOver", self.findings())

    def test_a_broker_that_runs_with_other_files_than_those_on_disk_is_named(self):
        conf = "/etc/rabbitmq/rabbitmq.conf"
        self.write(conf, "channel_max = 5\n", "--resource", "mq1-config")
        self.broker()
        self.assertFalse(self.findings()["unread"], "it is not known what it was started with")
        fingerprint.note()
        self.assertFalse(self.findings()["unread"])
        self.write(conf, "# a comment\nchannel_max = 5\n")
        self.assertFalse(self.findings()["unread"])
        self.write(conf, "channel_max = 6\n")
        self.assertTrue(self.findings()["unread"])
        self.broker(state="activating")
        self.assertFalse(self.findings()["unread"])
        self.on("systemctl show rabbitmq-server", Ended(1))
        self.assertFalse(self.findings()["unread"])

    def test_a_file_that_somebody_has_changed_is_not_to_be_read(self):
        conf = "/etc/rabbitmq/rabbitmq.conf"
        self.write(conf, "channel_max = 5\n", "--resource", "mq1-config")
        self.broker()
        fingerprint.note()
        self.put(conf, "channel_max = 6\n")
        found = self.findings()
        self.assertEqual((found["unread"], [each["path"] for each in found["files"]]), (False, [conf]))

    def test_no_broker_is_asked(self):
        self.broker()
        self.heard()
        self.findings()
        self.assertEqual(self.done("rabbitmqctl"), [])

    def test_the_note_goes_with_the_clean_up(self):
        self.on("systemctl show", "LoadState=not-found\n")
        self.on("daemon-reload")
        self.put("/var/lib/rabbitmq-ha/member")
        self.put("/etc/hosts", "")
        self.works("clean-up", "--role", "broker")
        self.assertFalse(self.has(sent.NOTE))
        self.assertTrue(self.has(host.STATE + "/member"))


class Watched(HostTest):
    """What the watch notes."""

    def test_each_answer_of_a_serving_broker_is_noted(self):
        from agent.steps import watch as step

        self.put("/etc/rabbitmq-ha/broker.conf", CONF)
        self.serving = {"mq1", "mq2", "mq3"}
        properties = "ActiveState=active\nSubState=running\nExecMainStartTimestampMonotonic=7\nControlGroup=/x\n"
        self.on("systemctl show rabbitmq-server", properties)
        self.on_question("passed_over", answer(partition_handling=Atom("pause_minority")))
        step.Looker(step.broker_conf.read()).look()
        self.assertEqual(json.loads(self.read(health.NOTE))["partitionHandling"], "pause_minority")
