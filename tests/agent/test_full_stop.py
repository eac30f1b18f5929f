"""One host's part in a full stop: what it says before, and that a marked broker neither starts nor runs while it is changed."""

import json
import os
import unittest
from unittest import mock

from agent import clock, inter_node, lock, sent

from .broker_host import ADVANCED, CONFIGURATION, BrokerHost
from .support import HALF, MODES, NOTHING, Atom, Ended, cluster, node

MARK = "/var/lib/rabbitmq-ha/full-stop"
NOTE = "/var/lib/rabbitmq-ha/inter-node-tls"
ENVIRONMENT = "/etc/rabbitmq/rabbitmq-env.conf"
CERTIFICATE, AUTHORITIES = "/etc/rabbitmq-ha/tls/broker.pem", "/etc/rabbitmq-ha/tls/authorities.pem"
GROUP = "/system.slice/rabbitmq-server.service"
LOOK = ("full-stop", "--look", "--brokers", "mq1,mq2,mq3")
# As hosts/distribution.ts makes them.
CLEAR = "{net_setuptime, 3 }"
BY_TLS = (
    "{net_setuptime, 7 }, {inet_dist_connect_options, [{raw, 6, 18, <<5000:32/native>>}]}, "
    "{inet_dist_listen_options, [{raw, 6, 18, <<5000:32/native>>}]}"
)
# Terms of the user stand on lines of their own.
OWN = ",\n  {inet_dist_listen_options, [{nodelay, true}]}"
CHANGE = ("full-stop", "--change", "--distribution", BY_TLS, "--tls")
STARTS = ("systemctl start", "systemctl restart")


class FullStop(BrokerHost):
    def start(self):
        super().start()
        self.trusted = "trusted"
        self.rows = []
        self.put(CERTIFICATE, "a certificate")
        self.put(AUTHORITIES, "authorities")
        self.put(ADVANCED, self.advanced(CLEAR))
        self.put("/proc/self/mountinfo", "30 29 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n")
        self.put("/sys/fs/cgroup" + GROUP + "/cgroup.procs", "42\n")
        self.speaks("")
        self.on("--property=ControlGroup", lambda call: "ControlGroup={}\n".format(GROUP))
        self.on_question("rabbit_nodes:all()", lambda call: self.seen)
        self.on_question("list_down", self.queues_seen)
        self.on_question("ssl:connect", lambda call: self.trusted)

    def advanced(self, terms, own=""):
        return "[{kernel, [{net_ticktime, 5 }, " + terms + own + "]}].\n"

    def speaks(self, arguments):
        self.put("/proc/42/cmdline", "/usr/lib/erlang/bin/beam.smp\0-s\0rabbit\0boot\0" + arguments)

    def queues_seen(self, call):
        answer = {
            "version": "3.10.8",
            "queues": self.rows,
            "count": len(self.rows),
            "vhosts": ["/"],
            "vhosts_then": ["/"],
            "running": [node("mq1"), node("mq2"), node("mq3")],
        }
        return {Atom(key): value for key, value in answer.items()}

    def mirrored(self, in_sync):
        mirrors = [node("mq1"), node("mq3")]
        synchronised = mirrors if in_sync else mirrors[1:]
        return ("/", "b3JkZXJz", Atom("rabbit_classic_queue"), False, node("mq2"), None, mirrors, synchronised)

    def said(self, *words):
        self.works(*(LOOK + words))
        return json.loads(self.output)

    # Before

    def test_a_broker_of_a_whole_cluster_has_nothing_against_it(self):
        self.rows = [self.mirrored(True)]
        said = self.said("--tls")
        self.assertEqual([said[key] for key in ("apart", "obstacle", "distrust")], [None, None, None])
        self.assertEqual([said[key] for key in ("byTls", "speaksTls", "isMarked", "runs")], [False, False, False, True])
        self.assertEqual(self.changes(), [])

    def test_it_says_how_it_speaks_now_and_from_the_next_start_on(self):
        self.put(NOTE)
        self.assertEqual([self.said()[key] for key in ("byTls", "speaksTls")], [True, False])
        self.speaks("-proto_dist\0inet_tls")
        self.assertEqual([self.said()[key] for key in ("byTls", "speaksTls")], [True, True])

    def test_what_is_against_it_is_said(self):
        four = cluster("mq1", "mq2", "mq3", "mq4")
        for seen, words in (
            (cluster("mq1", "mq2"), "it does not count mq3 as a member"),
            (four, "it counts mq4 as a member, which is no broker of the stack"),
            (cluster("mq1", "mq2", "mq3", running=["mq1", "mq3"]), "it does not see mq2 run"),
        ):
            self.seen = seen
            self.assertEqual(self.said()["apart"], words)

    def test_mirrors_that_lack_messages_and_a_run_that_is_at_it_are_said(self):
        self.rows = [self.mirrored(False)]
        self.assertIn("its mirrors are not in sync: orders", self.said()["obstacle"])
        self.rows = []
        with lock.held("restart", 0):
            self.assertEqual(self.said()["obstacle"], "rabbitmq-ha restart works on it")
        self.assertIsNone(self.said()["obstacle"])

    def test_a_certificate_that_the_others_would_not_trust_is_said_before_tls_alone(self):
        self.trusted = "{tls_alert,unknown_ca}"
        self.assertEqual(self.said("--tls")["distrust"], "its certificate is not trusted: {tls_alert,unknown_ca}")
        self.assertIsNone(self.said()["distrust"])
        os.unlink(self.root + CERTIFICATE)
        self.assertEqual(self.said("--tls")["distrust"], CERTIFICATE + " is missing")

    def test_the_certificate_is_tried_as_another_broker_would_see_it(self):
        self.said("--tls")
        question = self.done("ssl:connect")[0]
        for words in ('{server_name_indication, "mq1"}', "{verify, verify_peer}", '{certfile, "%s"}' % CERTIFICATE):
            self.assertIn(words, question)

    def test_other_authorities_are_another_digest(self):
        before = self.said()["authorities"]
        self.put(AUTHORITIES, "others")
        self.assertNotEqual(self.said()["authorities"], before)

    def test_a_stopped_broker_is_asked_nothing(self):
        self.state = "inactive"
        self.put("/sys/fs/cgroup" + GROUP + "/cgroup.procs", "")
        said = self.said("--tls")
        self.assertEqual(
            [said[key] for key in ("runs", "speaksTls", "obstacle", "distrust")], [False, None, None, None]
        )
        self.assertEqual(said["apart"], "its broker does not run")
        self.assertEqual(self.done("rabbitmqctl"), [])

    def test_one_that_waits_before_its_start_does_not_run_and_one_that_starts_may(self):
        self.state = "activating"
        self.put("/sys/fs/cgroup" + GROUP + "/cgroup.procs", "")
        self.assertTrue(self.said()["runs"])
        self.put(MARK)
        self.assertFalse(self.said()["runs"])

    def test_without_a_whole_answer_it_never_looks_as_if_nothing_were_against_it(self):
        self.said("--tls")
        good = list(self.calls)
        swept = []
        for index, call in enumerate(good):
            if not call.is_question or "ControlGroup" in call.line:
                continue
            for mode in MODES:
                if mode in (NOTHING, HALF) and len(call.output) <= 1:
                    continue
                with self.subTest(question=call.line[:100], mode=mode):
                    self.start()
                    self.broken = (index, mode)
                    if self.step(*(LOOK + ("--tls",))) == 0:
                        said = json.loads(self.output)
                        reasons = [said[key] for key in ("apart", "obstacle", "distrust")]
                        self.assertEqual(len([each for each in reasons if each]), 1, reasons)
                        swept.append("reason")
                    else:
                        self.assertEqual(self.output, "")
                        swept.append("refused")
                    self.assertNotIn("a fault of its own", self.errors)
        self.assertEqual((swept.count("reason"), swept.count("refused")), (12, 4))

    def test_another_stacks_machine_is_left_alone(self):
        keys = '{"host": "other1", "identity": "x", "role": "broker", "stack": "other", "stackId": "theirs"}'
        self.put("/var/lib/rabbitmq-ha/owner", keys)
        for action in ("--look", "--stop", "--change", "--release"):
            words = ("full-stop", action, "--stack-id", "ours", "--host", "mq1")
            self.refuses(*words, because="the machine belongs to stack other as other1 now")
        self.assertEqual(self.changes(), [])
        self.assertFalse(self.has(MARK))

    # Stopped

    def test_it_is_marked_before_it_is_stopped(self):
        marked = []

        def stop(call):
            marked.append(self.has(MARK))
            self.stopped()

        self.on("systemctl stop rabbitmq-server", stop)
        self.works("full-stop", "--stop")
        self.assertEqual(marked, [True])
        self.works("full-stop", "--stop")
        self.assertEqual(len(marked), 1)

    def test_one_that_does_not_stop_for_sure_is_a_failure(self):
        self.on("systemctl stop rabbitmq-server", "")
        self.refuses("full-stop", "--stop", because="mq1: rabbitmq-server does not stop")
        self.on("systemctl stop rabbitmq-server", Ended(1))
        self.refuses("full-stop", "--stop")
        self.on("systemctl show rabbitmq-server --property=ActiveState", "")
        self.refuses("full-stop", "--stop")

    def test_nothing_starts_a_marked_broker(self):
        self.put(MARK)
        self.state = "inactive"
        for words in (
            ("start", "--brokers", "mq1,mq2,mq3", "--port", "5672"),
            ("restart",),
            ("inter-node", "--brokers", "mq1,mq2,mq3"),
        ):
            self.refuses(*words, because="mq1: its broker does not start, since a full stop is under way")
            self.assertIn("npm run up -- --full-stop", self.errors)
        self.assertEqual(self.done(*STARTS), [])

    def test_a_start_by_anybody_else_waits_and_reads_what_was_changed_meanwhile(self):
        self.put(MARK)
        waited = []

        def wait(seconds):
            waited.append(seconds)
            if len(waited) == 1000:
                self.configure("channel_max = 7\n")
                os.unlink(self.root + MARK)

        clock.pause = wait
        self.works("may-start")
        self.assertEqual(len(waited), 1000)
        self.assertEqual(self.output.count("a full stop is under way; complete it: npm run up -- --full-stop"), 1)
        self.assertIn("channel_max", self.read(CONFIGURATION))

    def test_a_mark_that_cannot_be_seen_does_not_count_as_missing(self):
        lstat = os.lstat

        def hidden(name, *more, **options):
            if str(name) == self.root + MARK:
                raise PermissionError(13, "Permission denied")
            return lstat(name, *more, **options)

        with mock.patch("os.lstat", hidden):
            self.refuses("may-start", because="it cannot be seen whether " + MARK)

    # Changed

    def change(self, *words):
        self.put(MARK)
        self.state = "inactive"
        self.works(*(words or CHANGE))

    def test_the_stopped_broker_is_changed_and_back(self):
        sent.note(ADVANCED, self.read(ADVANCED).encode(), "mq1-tick-time")
        self.change()
        self.assertIn("inet_tls", self.read(ENVIRONMENT))
        self.assertTrue(self.has(NOTE))
        self.assertEqual(self.read(ADVANCED), self.advanced(BY_TLS))
        self.assertEqual(sent.changed(), [])
        self.change("full-stop", "--change", "--distribution", CLEAR)
        self.assertFalse(self.has(ENVIRONMENT) or self.has(NOTE))
        self.assertEqual(self.read(ADVANCED), self.advanced(CLEAR))
        self.assertEqual(sent.changed(), [])
        self.assertEqual(self.done(*STARTS), [])

    def test_only_the_programs_own_terms_are_changed_in_advanced_config(self):
        self.put(ADVANCED, self.advanced(CLEAR, OWN))
        self.change()
        self.assertEqual(self.read(ADVANCED), self.advanced(BY_TLS, OWN))
        self.change("full-stop", "--change", "--distribution", CLEAR)
        self.assertEqual(self.read(ADVANCED), self.advanced(CLEAR, OWN))

    def test_an_advanced_config_without_that_line_stays_as_it_is(self):
        self.put(ADVANCED, "[].\n")
        self.change()
        self.assertEqual(self.read(ADVANCED), "[].\n")

    def test_without_a_mark_nothing_is_changed(self):
        self.refuses(*CHANGE, because="no full stop has begun here, so nothing is changed")
        self.assertFalse(self.has(ENVIRONMENT) or self.has(NOTE))
        self.assertEqual(self.changes(), [])

    def test_without_certificates_it_is_not_changed_to_tls(self):
        self.put(MARK)
        os.unlink(self.root + AUTHORITIES)
        self.refuses(*CHANGE, because=AUTHORITIES + " is missing, so nothing is changed")
        self.assertFalse(self.has(ENVIRONMENT) or self.has(NOTE))

    def test_one_that_has_started_all_the_same_is_stopped_first(self):
        self.put(MARK)
        self.works(*CHANGE)
        self.assertEqual(self.done("systemctl stop"), ["systemctl stop rabbitmq-server"])
        self.assertEqual(self.state, "inactive")

    def test_unless_it_is_stopped_for_sure_nothing_is_changed(self):
        self.on("systemctl stop rabbitmq-server", "")
        self.put(MARK)
        self.refuses(*CHANGE, because="rabbitmq-server does not stop")
        self.assertFalse(self.has(ENVIRONMENT) or self.has(NOTE))
        self.on("systemctl show rabbitmq-server --property=ActiveState", "")
        self.refuses(*CHANGE)
        self.assertFalse(self.has(ENVIRONMENT) or self.has(NOTE))

    def test_killed_at_any_point_it_is_not_said_to_be_changed_before_all_is_written(self):
        for name in ("write", "write_terms", "note"):
            self.start()
            self.put(MARK)
            self.state = "inactive"
            killed = mock.patch.object(inter_node, name, side_effect=KeyboardInterrupt)
            with killed, self.assertRaises(KeyboardInterrupt):
                self.step(*CHANGE)
            self.assertFalse(self.has(NOTE), name)
            self.works(*CHANGE)
            self.assertTrue(self.has(NOTE))
            self.assertEqual(self.read(ADVANCED), self.advanced(BY_TLS))
            self.assertIn("inet_tls", self.read(ENVIRONMENT))

    # Started

    def test_released_it_may_start(self):
        self.change()
        self.works("full-stop", "--release")
        self.works("full-stop", "--release")
        self.works("may-start")
        self.assertEqual(self.output, "")
        self.works("start", "--brokers", "mq1,mq2,mq3", "--port", "5672")
        self.assertEqual(self.done(*STARTS), ["systemctl start rabbitmq-server"])

    def test_findings_have_it(self):
        for is_marked in (False, True):
            self.works("findings")
            self.assertIs(json.loads(self.output.split("=", 1)[1])["isFullStop"], is_marked)
            self.put(MARK)


if __name__ == "__main__":
    unittest.main()
