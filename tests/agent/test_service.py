"""When a service is started, reloaded or restarted, when a later step does that, and when nothing is done."""

import hashlib
import os
import unittest

from agent import addresses, installed, notes

from .support import Ended, Hangs, HostTest

DROP_IN = "/etc/systemd/system/haproxy.service.d/rabbitmq-ha.conf"
BUILT = "/usr/local/haproxy/rabbitmq-ha.built"
CFG, STATS = "/etc/haproxy/haproxy.cfg", "/etc/haproxy/stats.cfg"
OPTIONS = ("--unit", "haproxy", "--restart", DROP_IN + "," + BUILT, "--reload", CFG + "," + STATS)
LATER = ("service",) + OPTIONS
SERVICE = LATER + ("--held-address", "10.0.0.100")
NOTE = "/run/rabbitmq-ha/haproxy.started"
INTERRUPTS = ("systemctl restart", "systemctl reload", "systemctl stop")
UNIT = """# Written by rabbitmq-ha: a drop-in of haproxy.service.
[Unit]
StartLimitIntervalSec=0

[Service]
Environment="EXTRAOPTS=-f /etc/haproxy/stats.cfg"
# A restart is quicker than any move of the virtual address.
Restart=always
RestartSec=200ms
ExecStartPre=-/usr/local/bin/rabbitmq-ha note --unit haproxy
"""
# As release 0.1.0 wrote it.
EARLIER = UNIT.replace(
    "ExecStartPre=-/usr/local/bin/rabbitmq-ha note --unit haproxy\n",
    "ExecStartPre=/bin/sh -c 'mkdir -p /run/rabbitmq-ha && cat /dev/null {0} {1} | sha256sum"
    " >/run/rabbitmq-ha/haproxy.restart && cat /dev/null {2} {3} | sha256sum >/run/rabbitmq-ha/haproxy.reload'\n"
    "ExecReload=/bin/sh -c 'cat /dev/null {2} {3} | sha256sum >/run/rabbitmq-ha/haproxy.reload'\n".format(
        DROP_IN, BUILT, CFG, STATS
    ),
)
ROUTES = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/31 1 0 0
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
        |-- 10.0.0.0
           /24 link UNICAST
        |-- {}
           /32 host LOCAL
        |-- 10.0.0.255
           /32 link BROADCAST
"""


class ServiceTest(HostTest):
    name = "lb1"

    def start(self):
        super().start()
        self.given()

    def given(self):
        """A host whose service runs with its current files."""
        self.state, self.is_old = "active", False
        self.put(DROP_IN, UNIT)
        for name in (BUILT, CFG, STATS):
            self.put(name, "old\n")
        self.put(addresses.TABLE, ROUTES.format("10.0.0.4"))
        self.on("systemctl is-enabled")
        self.on("systemctl reset-failed")
        self.on("systemctl show haproxy", self.shown)
        self.on("systemctl daemon-reload", lambda call: setattr(self, "is_old", False))
        for action in ("start", "restart"):
            self.on("systemctl {} haproxy".format(action), self.started)
        self.on("systemctl reload haproxy", lambda call: self.works("note", *OPTIONS, "--reloaded"))
        self.works("note", *OPTIONS)

    def shown(self, call):
        values = {"ActiveState": self.state, "NeedDaemonReload": "yes" if self.is_old else "no"}
        return "".join("{}={}\n".format(key, values[key]) for key in values if "--property=" + key in call.line)

    def started(self, _call):
        self.state = "active"
        self.works("note", *OPTIONS)

    def holds(self):
        self.put(addresses.TABLE, ROUTES.format("10.0.0.4\n           /32 host LOCAL\n        |-- 10.0.0.100"))

    def did(self, *words):
        """Returns what the step had systemd do with the service."""
        before = len(self.calls)
        self.works(*words)
        actions = ("start", "restart", "reload", "stop")
        return [call.words[1] for call in self.calls[before:] if call.words[1] in actions]


class Service(ServiceTest):
    def test_a_service_that_runs_with_its_current_files_is_left_alone(self):
        self.assertEqual(self.did(*SERVICE), [])
        self.assertEqual(self.did(*LATER), [])
        self.assertEqual(self.done("daemon-reload"), [])

    def test_a_host_without_the_address_restarts_at_once(self):
        self.put(BUILT, "new\n")
        self.assertEqual(self.did(*SERVICE), ["restart"])
        self.assertLess(self.lines().index("systemctl daemon-reload"), self.lines().index("systemctl restart haproxy"))
        self.assertEqual(self.did(*LATER), [])

    def test_the_holder_of_the_address_leaves_its_restart_to_a_later_step(self):
        self.holds()
        self.put(BUILT, "new\n")
        for _ in range(2):
            self.assertEqual(self.did(*SERVICE), [])
            self.assertEqual(self.output, "lb1: holds 10.0.0.100, so haproxy is restarted here after the others\n")
        self.assertEqual(self.did(*LATER), ["restart"])
        self.assertEqual(self.did(*SERVICE), [])

    def test_a_longer_address_with_the_same_beginning_is_a_different_one(self):
        self.put(addresses.TABLE, ROUTES.format("110.0.0.100"))
        self.put(BUILT, "new\n")
        self.assertEqual(self.did(*SERVICE), ["restart"])

    def test_a_network_is_no_address(self):
        self.put(addresses.TABLE, ROUTES.format("10.0.0.4").replace("10.0.0.255", "10.0.0.100"))
        self.put(BUILT, "new\n")
        self.assertEqual(self.did(*SERVICE), ["restart"])

    def test_neither_a_reload_nor_a_start_waits(self):
        self.holds()
        self.put(CFG, "new\n")
        self.assertEqual(self.did(*SERVICE), ["reload"])
        self.assertEqual(self.did(*SERVICE), [])
        self.state = "failed"
        self.put(BUILT, "new\n")
        self.assertEqual(self.did(*SERVICE), ["start"])
        self.assertTrue(self.done("reset-failed"))

    def test_a_service_that_is_not_enabled_gets_enabled(self):
        self.on("systemctl is-enabled", Ended(1))
        self.on("systemctl enable haproxy")
        self.works(*LATER)
        self.assertEqual(self.done("enable haproxy")[-1], "systemctl enable haproxy")

    def test_a_service_started_without_the_programs_drop_in_is_restarted(self):
        os.unlink(self.root + NOTE)
        self.assertEqual(self.did(*LATER), ["restart"])

    def test_a_new_or_removed_file_counts_as_changed(self):
        os.unlink(self.root + BUILT)
        self.assertEqual(self.did(*LATER), ["restart"])
        self.assertEqual(self.did(*LATER), [])
        self.put(BUILT, "old\n")
        self.assertEqual(self.did(*LATER), ["restart"])

    def test_settings_for_systemd_alone_need_no_restart_but_a_daemon_reload(self):
        changed = UNIT.replace("200ms", "1s").replace("# A restart", "\n# Some other")
        changed = changed.replace("--unit haproxy\n", "--unit haproxy --more\n")
        changed = changed.replace("[Unit]\n", "[Unit]\nAfter=network-online.target\nWants=network-online.target\n")
        self.put(DROP_IN, changed.replace("StartLimitIntervalSec=0\n", ""))
        self.is_old = True
        self.assertEqual(self.did(*LATER), [])
        self.assertEqual(self.done("daemon-reload"), ["systemctl daemon-reload"])

    def test_any_other_line_of_a_unit_needs_a_restart(self):
        others = (UNIT.replace("stats.cfg", "other.cfg"), UNIT + "LimitNOFILE=9\n", UNIT.replace("[Service]", "[X]"))
        for changed in others:
            self.given()
            self.put(DROP_IN, changed)
            self.assertEqual(self.did(*LATER), ["restart"], changed)

    def test_a_failed_start_is_reported_with_the_end_of_the_journal(self):
        self.state = "inactive"
        self.on("systemctl start haproxy", Ended(1, "", "Job failed."))
        self.on("journalctl", "line 1\n")
        self.refuses(*LATER, because="lb1: haproxy did not start; the end of its journal:\nline 1")

    # A missing answer permits nothing

    def test_nothing_is_restarted_or_reloaded_without_a_complete_answer(self):
        def restart():
            self.put(BUILT, "new\n")

        def reload():
            self.put(CFG, "new\n")

        self.sweep(restart, LATER, INTERRUPTS)
        self.start()
        self.sweep(reload, LATER, INTERRUPTS)

    def test_the_holder_is_not_restarted_where_the_addresses_are_unknown(self):
        self.put(BUILT, "new\n")
        for text in ("", ROUTES[:40]):
            self.put(addresses.TABLE, text)
            self.refuses(*SERVICE, because="does not say which addresses")
        os.unlink(self.root + addresses.TABLE)
        self.refuses(*SERVICE, because="cannot be read")
        self.assertEqual(self.done(*INTERRUPTS), [])

    def test_an_incomplete_note_permits_nothing(self):
        whole = self.read(NOTE)
        self.put(BUILT, "new\n")
        for text in ("", "\n", whole[: len(whole) // 2], whole[:-4], whole.replace("/etc", "etc"), "x" + whole):
            with self.subTest(text=text):
                self.put(NOTE, text)
                self.refuses(*LATER, because="is not whole")
        self.assertEqual(self.done(*INTERRUPTS), [])

    def test_an_unreadable_note_or_file_permits_nothing(self):
        for name in (NOTE, CFG, BUILT):
            with self.subTest(name=name):
                self.given()
                os.unlink(self.root + name)
                os.makedirs(self.root + name)
                self.refuses(*LATER, because="cannot be read")
                os.rmdir(self.root + name)
        self.assertEqual(self.done(*INTERRUPTS), [])

    def test_an_unknown_state_permits_nothing(self):
        self.put(BUILT, "new\n")
        self.state = "odd"
        self.refuses(*LATER, because="does not say whether haproxy runs: odd")
        self.assertEqual(self.done(*INTERRUPTS, "systemctl start"), [])


class Note(ServiceTest):
    def test_a_reload_updates_only_the_files_that_it_has_read(self):
        before = notes.read("haproxy")
        self.put(CFG, "new\n")
        self.put(BUILT, "new\n")
        self.works("note", *OPTIONS, "--reloaded")
        after = notes.read("haproxy")
        self.assertNotEqual(after[CFG], before[CFG])
        self.assertEqual(after[BUILT], before[BUILT])

    def test_a_reload_does_not_change_an_incomplete_note(self):
        self.put(NOTE, "half")
        self.refuses("note", *OPTIONS, "--reloaded", because="is not whole")
        self.assertEqual(self.read(NOTE), "half")

    def test_a_start_replaces_an_incomplete_note(self):
        self.put(NOTE, "half")
        self.works("note", *OPTIONS)
        self.assertEqual(self.did(*LATER), [])

    def test_an_unreadable_file_does_not_prevent_the_note(self):
        os.unlink(self.root + CFG)
        os.makedirs(self.root + CFG)
        self.works("note", *OPTIONS)
        self.assertEqual(notes.read("haproxy")[CFG], notes.UNKNOWN)

    def test_calls_no_program_and_takes_no_lock(self):
        self.calls.clear()
        self.on("restorecon")
        self.put(CFG, "new\n")
        os.makedirs(self.root + "/run/rabbitmq-ha/locks", exist_ok=True)
        locks = os.listdir(self.root + "/run/rabbitmq-ha/locks")
        self.works("note", *OPTIONS)
        self.assertEqual(self.calls, [])
        self.assertEqual(os.listdir(self.root + "/run/rabbitmq-ha/locks"), locks)

    def test_a_continued_line_is_one_setting(self):
        text = "[Service]\nExecStartPre=/bin/a \\\n b\nEnvironment=a \\\n b\n"
        self.assertEqual(notes.essence(text), "[Service] Environment=a   b\n")


class TakeOver(ServiceTest):
    """Notes of release 0.1.0, which had one checksum of all files."""

    def given(self):
        super().given()
        os.unlink(self.root + NOTE)
        self.put(DROP_IN, EARLIER)
        self.earlier("restart", EARLIER, "old\n")
        self.earlier("reload", "old\n", "old\n")

    def earlier(self, kind, *texts):
        said = hashlib.sha256("".join(texts).encode()).hexdigest()
        self.put("/run/rabbitmq-ha/haproxy." + kind, said + "  -\n")

    def finish(self):
        os.makedirs(self.root + "/usr/local/lib/rabbitmq-ha", exist_ok=True)
        installed.finish("/usr/local/lib/rabbitmq-ha", "new")

    def test_an_upgrade_restarts_nothing(self):
        self.finish()
        self.put(DROP_IN, UNIT)
        self.is_old = True
        self.assertEqual(self.did(*LATER), [])
        self.assertEqual(self.done("daemon-reload"), ["systemctl daemon-reload"])

    def test_a_restart_that_was_due_stays_due(self):
        self.put(BUILT, "new\n")
        self.finish()
        self.put(DROP_IN, UNIT)
        self.assertEqual(self.did(*LATER), ["restart"])

    def test_a_reload_that_was_due_stays_due(self):
        self.put(STATS, "new\n")
        self.finish()
        self.put(DROP_IN, UNIT)
        self.assertEqual(self.did(*LATER), ["reload"])
        self.assertEqual(self.did(*LATER), [])

    def test_the_service_step_also_takes_over_an_earlier_note(self):
        self.assertEqual(self.did(*LATER), [])
        self.assertTrue(self.has(NOTE))

    def test_a_newer_note_stays(self):
        self.works("note", *OPTIONS)
        before = self.read(NOTE)
        self.put(BUILT, "new\n")
        self.finish()
        self.assertEqual(self.read(NOTE), before)

    def test_an_incomplete_note_permits_nothing_and_does_not_prevent_the_installation(self):
        self.put("/run/rabbitmq-ha/haproxy.restart", "")
        self.finish()
        self.assertFalse(self.has(NOTE))
        self.refuses(*LATER, because="is not whole")
        self.assertEqual(self.done(*INTERRUPTS), [])

    def test_without_an_earlier_note_nothing_is_taken_over(self):
        os.unlink(self.root + "/run/rabbitmq-ha/haproxy.restart")
        self.finish()
        self.assertFalse(self.has(NOTE))

    def test_the_programs_own_socket_and_service_are_found_too(self):
        name = "/etc/systemd/system/rabbitmq-ha-agent.socket"
        text = EARLIER.replace("haproxy.re", "rabbitmq-ha-agent.socket.re").replace(DROP_IN + " " + BUILT, name)
        text = text.replace(" {} {}".format(CFG, STATS), "")
        self.put(name, text)
        for kind, content in (("restart", text), ("reload", "")):
            said = hashlib.sha256(content.encode()).hexdigest()
            self.put("/run/rabbitmq-ha/rabbitmq-ha-agent.socket." + kind, said + "  -\n")
        self.finish()
        self.assertEqual(notes.read("rabbitmq-ha-agent.socket"), {name: notes.digest(name)})


class LogSocket(HostTest):
    WORDS = ("log-socket", "--chroot", "/var/lib/haproxy")

    def test_is_mounted_once(self):
        self.on("mount --bind")
        self.works(*self.WORDS)
        self.assertEqual(self.done("mount"), ["mount --bind /dev/log {}/var/lib/haproxy/dev/log".format(self.root)])
        self.assertTrue(self.has("/var/lib/haproxy/dev/log"))

    def test_an_existing_mount_stays(self):
        import socket

        os.makedirs(self.root + "/var/lib/haproxy/dev")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.bind(self.root + "/var/lib/haproxy/dev/log")
            self.works(*self.WORDS)
        self.assertEqual(self.calls, [])

    def test_a_failure_is_reported_with_its_cause(self):
        for fault in (Ended(32, "", "denied"), Hangs()):
            self.on("mount --bind", fault)
            self.refuses(*self.WORDS, because="mount")


if __name__ == "__main__":
    unittest.main()
