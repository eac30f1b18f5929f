"""Keepalived's state on its host, what the watch does about it, what `verify` is told, and a start that waits."""

import contextlib
import io
import os
import pwd
import subprocess
import sys
import unittest

from agent import addresses, files, lock, notes, vrrp, vrrp_watch
from agent.errors import NoAnswer
from agent.steps import check_haproxy
from agent.steps import vrrp_watch as step

from .support import Ended, Hangs, HostTest

CONF = """vrrp_instance rabbitmq {
    state BACKUP
    interface eth0
    unicast_src_ip 10.0.0.4
    virtual_ipaddress {
        10.0.0.100/24 dev eth0
    }
}
"""
LEAF = "           |-- {}\n              /32 host LOCAL\n"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOURNAL = "Starting Keepalived v2.2.7 (01/16,2022)\n(rabbitmq) Entering MASTER STATE\n"
JOURNAL += "Starting Keepalived v2.2.7 (01/16,2022)\n"


class Base(HostTest):
    name = "lb2"

    def start(self):
        super().start()
        self.unit = {"ActiveState": "active", "MainPID": "700", "ExecMainStartTimestampMonotonic": "5"}
        self.is_well = True
        self.put(vrrp.CONF, CONF)
        self.put("/sys/class/net/eth0/operstate", "up\n")
        self.has_addresses("10.0.0.4")
        self.process(700, 1000)
        self.put(check_haproxy.TRACE)
        self.on("systemctl show", self.show)
        self.on("systemctl try-restart", self.restarts)
        self.on("journalctl -u keepalived", "")
        for module, key, value in [
            (check_haproxy, "is_well", lambda path: self.is_well),
            (pwd, "getpwnam", lambda name: pwd.getpwuid(os.getuid())),
        ]:
            self._stack.callback(setattr, module, key, getattr(module, key))
            setattr(module, key, value)

    def show(self, call):
        names = [word.split("=")[1] for word in call.arguments if word.startswith("--property=")]
        return "".join("{}={}\n".format(name, self.unit[name]) for name in names)

    def restarts(self, _call):
        self.unit.update({"MainPID": "701", "ExecMainStartTimestampMonotonic": "6"})
        self.process(701, 9000)

    def has_addresses(self, *held):
        self.put(addresses.TABLE, "".join(LEAF.format(each) for each in ("127.0.0.1",) + held))

    def process(self, number, ticks):
        self.put("/proc/{}/stat".format(number), "{} (keep a) lived) S {}{} 0 0\n".format(number, "0 " * 18, ticks))

    def says(self, state, ticks=2000):
        """Has Keepalived's script record a state; it was started at these ticks."""
        self.process("self", ticks)
        vrrp.record(state)


class State(Base):
    def test_the_latest_state_counts(self):
        for ticks, state in ((2000, "FAULT"), (2001, "BACKUP"), (2002, "MASTER")):
            self.says(state, ticks)
            self.assertEqual(vrrp.state("700"), state)

    def test_a_script_that_is_late_changes_nothing(self):
        self.says("BACKUP", 3000)
        self.says("FAULT", 2999)
        self.assertEqual(vrrp.state("700"), "BACKUP")

    def test_what_an_earlier_keepalived_recorded_does_not_count(self):
        self.says("MASTER", 999)
        self.assertIsNone(vrrp.state("700"))

    def test_one_that_has_recorded_nothing_is_known_by_its_journal(self):
        for words, state in (
            ("(rabbitmq) Entering FAULT STATE (init)\n(rabbitmq) Entering BACKUP STATE\n", "BACKUP"),
            ("(rabbitmq): entering FAULT state (src address not configured)\n", "FAULT"),
            ("VRRP_Instance(rabbitmq) Now in FAULT state\n", "FAULT"),
            ("", None),
        ):
            self.start()
            self.on("journalctl -u keepalived", JOURNAL + words)
            self.assertEqual(vrrp.state("700"), state)
        self.assertIsNone(vrrp.state("700", asks_journal=False))

    def test_the_journal_is_read_once_and_gives_way_to_what_keepalived_records(self):
        self.on("journalctl -u keepalived", JOURNAL + "(rabbitmq) Entering BACKUP STATE\n")
        vrrp.state("700")
        self.assertEqual(vrrp.state("700"), "BACKUP")
        self.assertEqual(len(self.done("journalctl")), 1)
        self.says("FAULT", 1000)
        self.assertEqual(vrrp.state("700"), "FAULT")

    def test_a_record_that_is_not_whole_is_no_state(self):
        for text in ("", "BACK", "BACKUP 2000", "BACKUP 2000 1"):
            self.put(vrrp.STATE, text)
            self.assertIsNone(vrrp.state("700"))

    def test_a_process_that_is_gone_has_no_state(self):
        self.says("BACKUP")
        self.assertIsNone(vrrp.state("0"))

    def test_a_real_process_has_a_start(self):
        with open("/proc/self/stat", encoding="utf-8") as file:
            self.put("/proc/self/stat", file.read())
        self.assertGreater(vrrp._start_ticks("self"), 0)


class Obstacles(Base):
    def kinds(self):
        return [each.kind for each in vrrp.obstacles(vrrp.conf())]

    def test_none_if_all_is_there(self):
        self.assertEqual(self.kinds(), [])

    def test_each_is_named(self):
        self.has_addresses()
        self.is_well = False
        self.assertEqual(self.kinds(), ["address", "haproxy"])
        for state in ("down", "lowerlayerdown", "dormant"):
            self.put("/sys/class/net/eth0/operstate", state + "\n")
            self.assertEqual(self.kinds(), ["interface"])

    def test_an_interface_that_does_not_tell_is_up(self):
        self.put("/sys/class/net/eth0/operstate", "unknown\n")
        self.assertEqual(self.kinds(), [])

    def test_an_interface_that_is_gone_is_down(self):
        self.put(vrrp.CONF, CONF.replace("eth0", "eth7"))
        self.assertEqual(self.kinds(), ["interface"])

    def test_what_cannot_be_seen_is_no_answer(self):
        self.put(addresses.TABLE, "")
        with self.assertRaises(NoAnswer):
            self.kinds()
        files.remove_tree("/sys/class/net")
        with self.assertRaises(NoAnswer):
            self.kinds()
        self.put(vrrp.CONF, "vrrp_instance")
        with self.assertRaises(NoAnswer):
            self.kinds()


class Looker(Base):
    def start(self):
        super().start()
        self.looker = step.Looker()

    def looks(self, seconds, checks=True):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            for _ in range(int(seconds / vrrp_watch.EVERY_SECONDS)):
                self.wait(vrrp_watch.EVERY_SECONDS)
                if checks:
                    os.utime(self.root + check_haproxy.TRACE, (self.time, self.time))
                self.looker.look()
        return output.getvalue()

    def interrupted(self):
        return self.done("restart", "systemctl stop", "systemctl start", "systemctl kill")

    def test_an_address_that_came_late_ends_in_a_restart(self):
        self.says("FAULT")
        self.has_addresses()
        said = self.looks(300)
        self.assertEqual(said, "lb2: Keepalived is in FAULT: its own address 10.0.0.4 is not configured\n")
        self.assertEqual(self.interrupted(), [])
        self.has_addresses("10.0.0.4")
        self.looks(15)
        self.assertEqual(self.interrupted(), ["systemctl try-restart keepalived"])
        self.says("BACKUP", 9001)
        self.assertIn("can take the address again, it is BACKUP", self.looks(5))

    def test_one_that_an_earlier_release_has_set_up_is_helped_too(self):
        self.on("journalctl", JOURNAL + "(rabbitmq): entering FAULT state (src address not configured)\n")
        self.looks(30)
        self.assertEqual(self.interrupted(), ["systemctl try-restart keepalived"])

    def test_a_check_that_is_switched_off_ends_in_a_restart(self):
        self.says("BACKUP")
        self.looks(300)
        self.assertEqual(self.interrupted(), [])
        self.looks(30, checks=False)
        self.assertEqual(self.interrupted(), ["systemctl try-restart keepalived"])

    def test_the_trace_is_made_where_there_is_none(self):
        os.unlink(self.root + check_haproxy.TRACE)
        self.looks(5, checks=False)
        self.assertTrue(self.has(check_haproxy.TRACE))

    def test_the_holder_and_one_that_is_stopped_are_left_alone(self):
        for change in ("holds", "inactive", "MASTER"):
            self.start()
            self.says("MASTER" if change == "MASTER" else "FAULT")
            if change == "holds":
                self.has_addresses("10.0.0.4", "10.0.0.100")
            if change == "inactive":
                self.unit["ActiveState"] = "inactive"
            self.looks(300, checks=False)
            self.assertEqual(self.interrupted(), [], change)

    def test_one_that_is_stopped_or_becomes_the_holder_at_the_last_moment_is_left_alone(self):
        def stops():
            self.unit["ActiveState"] = "inactive"

        for change in (stops, lambda: self.has_addresses("10.0.0.4", "10.0.0.100")):
            self.start()
            self.says("FAULT")
            see, seen = self.looker._see, []

            def sees(see=see, seen=seen, change=change):
                seen.append(1)
                if len(seen) == 4:
                    change()
                return see()

            self.looker._see = sees
            self.looks(15)
            self.assertEqual(len(seen), 4)
            self.assertEqual(self.interrupted(), [])

    def test_it_waits_while_a_step_works_on_keepalived(self):
        for name in step.STEPS:
            self.start()
            self.says("FAULT")
            with lock.held(name, 0):
                self.looks(60)
                self.assertEqual(self.interrupted(), [], name)
            self.looks(15)
            self.assertEqual(len(self.interrupted()), 1, name)

    def test_the_steps_wait_while_it_restarts(self):
        held = []
        self.says("FAULT")
        self.on("systemctl try-restart", lambda call: held.append([lock.is_busy(name) for name in step.STEPS]))
        self.looks(15)
        self.assertEqual(held, [[True] * len(step.STEPS)])

    def test_no_question_that_is_unanswered_permits_a_restart(self):
        def systemd_says(way):
            self.on("systemctl show", way)

        for spoil in (
            lambda: systemd_says(Ended(1)),
            lambda: systemd_says(Hangs()),
            lambda: systemd_says(""),
            lambda: systemd_says("ActiveState=act"),
            lambda: self.put(addresses.TABLE, ""),
            lambda: self.put(vrrp.CONF, ""),
            lambda: self.put(vrrp.STATE, "FAULT 20"),
            lambda: files.remove_tree("/sys/class/net"),
            lambda: os.unlink(self.root + "/proc/700/stat"),
        ):
            self.start()
            self.says("FAULT")
            spoil()
            self.looks(300)
            self.assertEqual(self.interrupted(), [])

    def test_a_restart_that_fails_is_said_and_not_tried_again_at_once(self):
        self.says("FAULT")
        self.on("systemctl try-restart", Ended(1, "", "failed"))
        self.assertIn("ended with 1", self.looks(60))
        self.assertEqual(len(self.interrupted()), 1)


class Report(Base):
    def start(self):
        super().start()
        self.put(check_haproxy.TRACE)  # just now

    def reports(self, *lines):
        self.works("vrrp")
        self.assertEqual(self.output.splitlines(), list(lines))

    def test_of_one_that_could_take_the_address(self):
        self.says("BACKUP")
        self.reports("Vrrp=BACKUP", "Checked=yes")

    def test_of_one_in_fault(self):
        self.says("FAULT")
        self.has_addresses()
        self.reports("Vrrp=FAULT", "Obstacle=address its own address 10.0.0.4 is not configured", "Checked=yes")
        self.has_addresses("10.0.0.4")
        self.reports("Vrrp=FAULT", "Checked=yes")

    def test_one_that_has_just_started_has_time_to_pass_its_checks(self):
        self.says("FAULT")

        def wait(seconds, wait=self.wait):
            wait(seconds)
            self.says("BACKUP", 3000)

        self.wait = wait
        self._stack.callback(self.__dict__.pop, "wait", None)
        from agent import clock

        clock.pause = wait
        self.reports("Vrrp=BACKUP", "Checked=yes")

    def test_of_one_that_does_not_check(self):
        self.says("MASTER")
        os.utime(self.root + check_haproxy.TRACE, (1, 1))
        self.reports("Vrrp=MASTER", "Checked=no")
        os.unlink(self.root + check_haproxy.TRACE)
        self.reports("Vrrp=MASTER", "Checked=unknown")

    def test_of_one_that_has_said_nothing(self):
        self.reports("Vrrp=unknown", "Checked=yes")

    def test_of_one_that_is_stopped(self):
        self.says("BACKUP")
        self.unit["ActiveState"] = "inactive"
        self.reports("Vrrp=stopped")

    def test_without_an_answer_it_fails(self):
        for way in (Ended(1), Hangs(), "", "ActiveState=act"):
            self.start()
            self.on("systemctl show", way)
            self.refuses("vrrp")
            self.assertEqual(self.output, "")


class Start(Base):
    """Keepalived's start waits for the host's own address."""

    WORDS = ("note", "--unit", "keepalived", "--address", "10.0.0.4", "--restart", "/unit")

    def test_it_waits_until_the_address_is_there(self):
        from agent import clock

        self.has_addresses()

        def wait(seconds):
            self.time += seconds
            if self.time >= 1030:
                self.has_addresses("10.0.0.4")

        clock.pause = wait
        self.works(*self.WORDS)
        self.assertTrue(1030 <= self.time < 1031)
        self.assertTrue(self.has(notes.path("keepalived")))
        self.assertEqual(self.output, "")

    def test_it_costs_nothing_if_it_is_there(self):
        self.works(*self.WORDS)
        self.assertEqual(self.time, 1000)

    def test_it_starts_all_the_same_after_a_minute(self):
        self.has_addresses("10.0.0.44")
        self.works(*self.WORDS)
        self.assertTrue(1059 <= self.time < 1062, self.time)
        self.assertTrue(self.has(notes.path("keepalived")))
        self.assertIn("lb2: 10.0.0.4 is not configured after 60 s", self.output)

    def test_it_does_not_wait_if_the_kernel_does_not_tell(self):
        self.put(addresses.TABLE, "")
        self.works(*self.WORDS)
        self.assertEqual(self.time, 1000)
        self.assertTrue(self.has(notes.path("keepalived")))


class Trace(Base):
    def test_the_check_leaves_a_trace(self):
        path = self.root + check_haproxy.TRACE
        os.utime(path, (1, 1))
        before = vrrp.trace()
        check_haproxy.leave_trace(path)
        self.assertNotEqual(vrrp.trace(), before)

    def test_a_trace_that_cannot_be_left_fails_nothing(self):
        check_haproxy.leave_trace(self.root + "/none")

    def test_the_check_does_not_import_what_takes_long(self):
        code = "import sys; sys.path.insert(0, {!r}); from agent.steps import check_haproxy; print(*sys.modules)"
        words = [sys.executable, "-IS", "-c", code.format(ROOT)]
        loaded = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode().split()
        for module in ("os", "socket", "contextlib", "argparse"):
            self.assertNotIn(module, loaded)


if __name__ == "__main__":
    unittest.main()
