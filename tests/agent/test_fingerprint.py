"""The note of what the broker was started with: what counts, and that earlier releases' notes are taken over."""

import hashlib
import os
import re
import unittest

import agent
from agent import fingerprint, rabbitmq

from .broker_host import ADVANCED, CONFIGURATION, DROP_IN, LIMITS, NEW_UNIT, NOTE, OLD_UNIT, SECRETS, BrokerHost

OLD_SECOND_NOTE = "/var/lib/rabbitmq-ha/started"


class Fingerprint(BrokerHost):
    def noted_by_the_shell(self):
        """Returns `grep -hv ^cluster_formation FILES
        sha256sum`.
        """
        lines = []
        for name in (CONFIGURATION, ADVANCED, DROP_IN):
            lines += [line for line in self.read(name).splitlines() if not line.startswith("cluster_formation")]
        return hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest() + "  -\n"

    def test_comments_peers_and_what_only_systemd_reads_do_not_count(self):
        for name, text in [
            (CONFIGURATION, LIMITS + "\n# more\ncluster_formation.classic_config.nodes.3 = rabbit@mq4\n"),
            (CONFIGURATION, "prometheus.tcp.ip = 127.0.0.1\n" + LIMITS),
            (ADVANCED, "% other words\n[].\n"),
            (DROP_IN, NEW_UNIT.replace("RestartSec=1s", "RestartSec=2s").replace("StartLimitIntervalSec=0", "")),
            (DROP_IN, NEW_UNIT.replace("RestartSec=1s", "RestartSec=1s\nRestartSteps=0\nTimeoutStopSec=9")),
        ]:
            self.put(name, text)
            self.assertTrue(fingerprint.is_read(), name)

    def test_of_the_programs_own_drop_in_only_the_number_of_open_files_counts(self):
        for system in ("", "debian-13/", "centos-7/"):
            folder = "tests/unit/templates/rendered/{}rabbitmq/".format(system)
            with open(os.path.join(os.path.dirname(agent.__file__), "..", folder, "rabbitmq-ha.conf")) as file:
                self.put(DROP_IN, file.read())
            seen = fingerprint.of_files()
            self.put(DROP_IN, "LimitNOFILE=65536\n")
            self.assertEqual(seen, fingerprint.of_files(), system)

    def test_a_step_waits_for_a_stop_as_long_as_the_drop_in_allows_one(self):
        folder = os.path.join(os.path.dirname(agent.__file__), "..", "tests/unit/templates/rendered/rabbitmq")
        with open(os.path.join(folder, "rabbitmq-ha.conf")) as file:
            (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", file.read(), re.MULTILINE)
        self.assertGreater(rabbitmq.STOP_SECONDS, 2 * int(seconds))

    def test_everything_else_counts(self):
        for name, text in [
            (CONFIGURATION, LIMITS + "channel_max = 2000\n"),
            (CONFIGURATION, LIMITS + "prometheus.tcp.ip = 0.0.0.0\n"),
            (ADVANCED, "[{kernel, [{net_ticktime, 5}]}].\n"),
            (DROP_IN, OLD_UNIT.replace("65536", "131072")),
            (DROP_IN, OLD_UNIT + "Environment=A=B\n"),
        ]:
            self.start()
            self.put(name, text)
            self.assertFalse(fingerprint.is_read(), name)
            self.assertFalse(fingerprint.only_limits_changed(), name)

    def test_settings_with_secrets_count_and_their_file_without_any_does_not(self):
        self.put(SECRETS, "# Written by rabbitmq-ha\n")
        lines = LIMITS.splitlines() + ["--", "[].", "--", "LimitNOFILE=65536"]
        without = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        self.assertEqual(fingerprint.of_files().split("\n")[0], without, "an upgrade would restart every broker")
        self.assertTrue(fingerprint.is_read())
        self.put(SECRETS, "# Written by rabbitmq-ha\nssl_options.password = hunter2\n")
        self.assertFalse(fingerprint.is_read())
        self.assertFalse(fingerprint.only_limits_changed())
        fingerprint.note()
        self.assertTrue(fingerprint.is_read())
        self.put(SECRETS, "# Written by rabbitmq-ha\nssl_options.password = hunter3\n")
        self.assertFalse(fingerprint.is_read())

    def test_nobody_else_can_read_the_note(self):
        os.chmod(self.root + NOTE, 0o644)
        fingerprint.note()
        self.assertEqual(os.stat(self.root + NOTE).st_mode & 0o777, 0o600)

    def test_an_earlier_note_is_taken_over_beside_the_new_file(self):
        self.put(NOTE, self.noted_by_the_shell())
        self.put(SECRETS, "# Written by rabbitmq-ha\n")
        fingerprint.adopt()
        self.assertTrue(fingerprint.is_read())

    def test_changed_limits_alone_are_recognised(self):
        self.configure(LIMITS.replace("0.4", "0.5"))
        self.assertFalse(fingerprint.is_read())
        self.assertTrue(fingerprint.only_limits_changed())
        self.configure(LIMITS + "disk_free_limit.relative = 1.5\n")
        self.assertFalse(fingerprint.only_limits_changed())

    def test_the_old_note_is_taken_over_while_the_files_are_as_they_were(self):
        self.put(NOTE, self.noted_by_the_shell())
        self.put(OLD_SECOND_NOTE, "two digests\n")
        fingerprint.adopt()
        self.assertFalse(self.has(OLD_SECOND_NOTE))
        self.put(DROP_IN, NEW_UNIT)
        self.assertTrue(fingerprint.is_read())
        self.configure(LIMITS.replace("0.4", "0.5"))
        self.assertTrue(fingerprint.only_limits_changed())

    def test_the_old_note_is_taken_over_although_the_metrics_page_gets_an_address(self):
        # A stack may have had the line as a setting of its own.
        for before in (LIMITS, LIMITS + "prometheus.tcp.ip = 127.0.0.1\n"):
            self.start()
            self.configure(before)
            self.put(NOTE, self.noted_by_the_shell())
            self.configure(LIMITS + "prometheus.tcp.ip = 127.0.0.1\n")
            fingerprint.adopt()
            self.assertTrue(fingerprint.is_read(), before)

    def test_a_note_of_other_files_stays_and_a_restart_is_due(self):
        old = self.noted_by_the_shell()
        self.put(NOTE, old)
        self.configure(LIMITS + "channel_max = 2000\n")
        fingerprint.adopt()
        self.assertEqual(self.read(NOTE), old)
        self.assertFalse(fingerprint.is_read())
        self.assertFalse(fingerprint.only_limits_changed())

    def test_without_any_note_a_restart_is_due(self):
        fingerprint.forget()
        fingerprint.adopt()
        self.assertFalse(self.has(NOTE))
        self.assertFalse(fingerprint.is_read())


if __name__ == "__main__":
    unittest.main()
