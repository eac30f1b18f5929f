"""What happens to a changed broker in its turn: nothing, a command, a restart, or another package."""

import unittest
from unittest import mock

from agent import clock, draining, fingerprint
from agent.steps import restart

from .broker_host import LIMITS, LOG, NOTE, BrokerHost, Ended, Hangs, cluster

CHANGED = LIMITS + "channel_max = 1000\n"
IN_TURN = ["rabbitmq-upgrade drain", "systemctl restart rabbitmq-server"]
INTERRUPTING = ("rabbitmq-upgrade drain", "systemctl restart", "systemctl stop", "systemctl start")
DRAINED = "/run/rabbitmq-ha/drained"
# Of 3.10.8, when a connection had ended before it could be closed.
CLIENT_LEFT = "{:noproc, {:gen_server, :call, [#PID<1.2.0>, {:shutdown, 'Node was put into maintenance mode'}]}}"


class Restart(BrokerHost):
    def changed(self):
        self.configure(CHANGED)

    def test_a_broker_that_has_read_its_files_is_left_alone_and_no_erlang_is_started_to_see_it(self):
        self.works("restart")
        self.assertEqual(self.done("rabbitmqctl", "rabbitmq-"), self.done("systemctl show rabbitmq-server"))
        self.assertEqual(self.changes(), [])

    def test_a_setting_of_the_unit_that_needs_no_restart_is_read_by_systemd(self):
        self.is_old = True
        self.works("restart")
        self.works("restart")
        self.assertEqual(self.done("daemon-reload"), ["systemctl daemon-reload"])
        self.assertEqual(self.changes(), [])

    def test_a_changed_setting_is_checked_drained_and_restarted_then_nothing_is_due(self):
        self.changed()
        self.works("restart")
        self.assertEqual(self.output, "mq1: restarts with its changed configuration\n")
        self.assertEqual(self.changes(), IN_TURN)
        self.assertFalse(self.has(DRAINED))
        # Each question starts an Erlang VM: one before, one after.
        self.assertEqual(len(self.done("rabbitmqctl eval")), 2)
        self.works("restart")
        self.assertEqual(self.changes(), IN_TURN)

    def test_a_note_of_an_earlier_release_is_taken_over_here_too(self):
        self.put(NOTE, fingerprint._as_noted_before())
        self.works("restart")
        self.assertEqual(self.changes(), [])
        self.assertTrue(fingerprint.is_read())

    def test_limits_alone_are_set_by_command_and_need_no_restart_then_or_later(self):
        for settings, commands in [
            (
                "vm_memory_high_watermark.relative = 0.5\ndisk_free_limit.absolute = 2GB",
                ["set_vm_memory_high_watermark 0.5", "set_disk_free_limit 2GB"],
            ),
            (
                "vm_memory_high_watermark.absolute = 512MB\ndisk_free_limit.relative = 1.5",
                ["set_vm_memory_high_watermark absolute 512MB", "set_disk_free_limit mem_relative 1.5"],
            ),
        ]:
            self.configure(settings)
            self.works("restart")
            self.assertEqual(self.output, "mq1: takes its changed settings without a restart\n")
            self.assertEqual(self.changes(), ["rabbitmqctl " + each for each in commands])
            self.calls = []
            self.works("restart")
            self.assertEqual(self.changes(), [])

    def test_a_restart_that_takes_long_is_not_taken_for_one_that_failed(self):
        self.changed()
        self.on("systemctl restart", Hangs())
        self.refuses("restart", because="rabbitmq-server still starts, such as one that recovers many messages")
        self.assertNotIn("correct", self.errors)

    def test_a_limit_beside_another_setting_needs_a_restart(self):
        self.configure(CHANGED.replace("0.4", "0.5"))
        self.works("restart")
        self.assertEqual(self.changes(), IN_TURN)

    def test_a_limit_that_no_command_takes_needs_a_restart(self):
        self.configure(LIMITS.replace("1GB", "2gb"))
        self.on("set_disk_free_limit", Ended(64))
        self.works("restart")
        self.assertIn("mq1: no command takes disk_free_limit.absolute = 2gb", self.output)
        self.assertEqual(self.changes()[2:], IN_TURN)

    def test_without_a_note_of_what_the_broker_has_read_a_restart_is_due(self):
        fingerprint.forget()
        self.works("restart")
        self.assertEqual(self.changes(), IN_TURN)

    def test_no_broker_is_restarted_while_a_member_is_down(self):
        self.changed()
        self.seen = cluster("mq1", "mq2", "mq3", running=["mq1", "mq2"])
        self.refuses("restart", because="mq1: waited in vain for every member to run before the restart:")
        self.assertIn("the brokers after this one were left as they are", self.errors)
        self.assertIn("not running: mq3", self.errors)
        self.assertEqual(self.changes(), [])

    def test_no_answer_is_reported_differently_from_a_critical_queue(self):
        self.changed()
        self.critical = ["queue 'orders' in vhost '/'"]
        self.refuses("restart", because="for the quorum queues to have a majority without this broker:")
        self.assertIn("queue 'orders' in vhost '/' would lose its majority", self.errors)
        self.critical, self.unsynchronised = [], ["queue 'q%d' in vhost '/'" % each for each in range(20)]
        self.refuses("restart", because="for the mirrors of this broker's queues to be in sync:")
        self.assertIn("and 12 more", self.errors)
        self.on("rabbitmqctl eval", Ended(69, "", "Error: unable to perform an operation on node 'rabbit@mq1'"))
        self.refuses("restart", because="for every member to run before the restart:")
        self.assertIn("unable to perform an operation", self.errors)
        self.assertEqual(self.changes(), [])

    def test_it_waits_until_the_others_can_do_without_it(self):
        self.changed()
        self.critical, self.unsynchronised = ["a"], ["b"]
        real = self.wait

        def wait(seconds):
            real(seconds)
            if self.time > 1100:
                self.critical = []
            if self.time > 1300:
                self.unsynchronised = []

        clock.pause = wait
        self.works("restart")
        self.assertEqual(self.changes(), IN_TURN)

    def test_no_broker_is_interrupted_without_a_complete_answer(self):
        self.sweep(self.changed, ("restart",), INTERRUPTING)

    def test_no_broker_is_upgraded_without_a_complete_answer(self):
        self.sweep(self.with_packages, ("restart", "--version", "3.10.8-2"), INTERRUPTING)

    def test_an_incomplete_answer_is_no_answer(self):
        self.changed()
        for answer in [(cluster("mq1"), []), (cluster("mq1"), [], "none"), [], (cluster(), [], [])]:
            self.on_question("list_with_minimum_quorum", answer)
            self.refuses("restart", because="waited in vain for every member to run before the restart:")
        self.assertEqual(self.changes(), [])

    def test_a_broker_that_cannot_be_drained_serves_on(self):
        self.changed()
        self.on("rabbitmq-upgrade drain", Ended(70, "", "Feature flag 'maintenance_mode_status' is not enabled"))
        self.refuses("restart", because="mq1: could not be drained before its restart:")
        self.assertIn("Feature flag", self.errors)
        self.assertEqual(self.changes(), ["rabbitmq-upgrade drain", "rabbitmq-upgrade revive"])
        self.assertFalse(self.has(DRAINED))

    def test_a_drain_that_breaks_off_since_a_client_leaves_is_asked_for_again(self):
        answers = [Ended(70, "Error:\n" + CLIENT_LEFT + "\n", ""), Ended(70, "", CLIENT_LEFT), Ended(0)]
        self.changed()
        self.on("rabbitmq-upgrade drain", lambda call: answers.pop(0))
        self.works("restart")
        self.assertEqual(self.changes(), [IN_TURN[0]] * 2 + IN_TURN)

    def test_a_drain_that_is_broken_off_every_time_is_given_up(self):
        self.changed()
        self.on("rabbitmq-upgrade drain", Ended(70, "", CLIENT_LEFT))
        self.refuses("restart", because="mq1: could not be drained before its restart:")
        self.assertEqual(self.changes(), [IN_TURN[0]] * draining.ATTEMPTS + ["rabbitmq-upgrade revive"])

    def test_one_whose_drain_took_long_is_restarted_only_if_the_others_still_can_do_without_it(self):
        def takes_long(call):
            self.wait(60)
            self.seen = cluster("mq1", "mq2", "mq3", running=["mq1", "mq2"])

        self.changed()
        self.on("rabbitmq-upgrade drain", takes_long)
        self.refuses("restart", because="mq1: waited in vain for every member to run before the restart:")
        self.assertEqual(self.changes(), ["rabbitmq-upgrade drain", "rabbitmq-upgrade revive"])

    def test_only_a_broker_that_a_run_has_drained_is_revived(self):
        self.put(DRAINED, "ExecMainStartTimestampMonotonic=1\n")
        self.works("restart")
        self.assertEqual(self.output, "mq1: was drained for a restart that has not come, and serves again\n")
        self.assertEqual(self.changes(), ["rabbitmq-upgrade revive"])
        self.works("restart")
        # A drain before the broker's last start is over.
        self.put(DRAINED, "ExecMainStartTimestampMonotonic=0\n")
        self.works("restart")
        self.assertEqual(self.changes(), ["rabbitmq-upgrade revive"])
        self.assertFalse(self.has(DRAINED))

    def test_a_failed_revive_is_repeated_by_the_next_run(self):
        self.put(DRAINED, "ExecMainStartTimestampMonotonic=1\n")
        self.on("rabbitmq-upgrade revive", Ended(69))
        self.works("restart")
        self.assertTrue(self.has(DRAINED))

    def test_a_broker_that_does_not_start_again_is_named_at_each_run_until_it_does(self):
        self.configure(LIMITS + "channel_maxx = 1000\n")

        def refused():
            raise Ended(1)

        self.starting = refused
        self.on(
            "journalctl", "2026-11-24 [error] <0.132.0> Conf file attempted to set unknown variable: channel_maxx\n"
        )
        words = (
            "mq1: rabbitmq-server did not restart with its changed configuration; if it refuses a line of it, correct"
        )
        self.refuses("restart", because=words)
        self.assertIn("Conf file attempted to set unknown variable", self.errors)
        self.assertIn("the brokers after this one were left as they are", self.errors)
        self.assertEqual(self.changes(), IN_TURN)
        self.refuses("restart", because="mq1: rabbitmq-server did not start with its changed configuration")
        self.assertEqual(self.changes()[2:], ["systemctl start rabbitmq-server"])
        self.starting = lambda: None
        self.configure(CHANGED)
        self.works("restart")
        self.assertEqual(self.changes()[3:], ["systemctl restart rabbitmq-server"])

    def test_a_member_that_does_not_come_back_stops_the_rolling_restart(self):
        self.changed()

        def alone():
            self.seen = cluster("mq1", "mq2", "mq3", running=["mq1"])

        self.starting = alone
        self.refuses("restart", because="mq1: waited in vain for every member to run after the restart:")
        self.assertIn("not running: mq2, mq3", self.errors)

    def test_another_version_is_fetched_while_the_broker_serves_and_installed_while_it_is_stopped(self):
        self.with_packages()
        self.works("restart", "--version", "3.10.8-2")
        self.assertEqual(self.output, "mq1: stops, and rabbitmq-server becomes 3.10.8-2\n")
        self.assertEqual(self.packages.did, ["fetch while active", "install while inactive", "install"])
        order = ["rabbitmq-upgrade drain", "systemctl stop rabbitmq-server", "systemctl restart rabbitmq-server"]
        self.assertEqual(self.changes(), order)
        self.works("restart", "--version", "3.10.8-2")
        self.assertEqual(self.changes(), order)
        # A killed run may have left something.
        self.assertEqual(self.packages.did[3:], ["tidy"])

    def test_a_broker_that_comes_up_while_the_version_is_fetched_is_drained_in_its_turn(self):
        self.with_packages()
        fetch, self.state, self.phase = self.packages.fetch, "activating", "auto-restart"

        def takes_long():
            fetch()
            self.state = "active"

        self.packages.fetch = takes_long
        self.critical = ["queue 'orders' in vhost '/'"]
        self.refuses("restart", "--version", "3.10.8-2", because="the quorum queues to have a majority without this")
        self.assertEqual(self.changes(), [])
        self.critical = []
        self.works("restart", "--version", "3.10.8-2")
        order = ["rabbitmq-upgrade drain", "systemctl stop rabbitmq-server", "systemctl restart rabbitmq-server"]
        self.assertEqual(self.changes(), order)

    def starts(self, ends="active", after=3, works=1.0):
        """Has the broker start with its former configuration, and use so many seconds of processor time between two looks."""
        self.changed()
        self.put(LOG, "Starting broker\n")
        self.state = "activating"
        self.on("--property=ControlGroup", "ControlGroup=/system.slice/rabbitmq-server.service\n")
        looks = []

        def work(_group):
            looks.append(1)
            if len(looks) > after:
                self.state = ends
            return None if works is None else works * len(looks)

        patch = mock.patch.object(restart.cgroup, "work_seconds", work)
        patch.start()
        self.addCleanup(patch.stop)

    def test_a_start_that_works_is_awaited_and_the_restart_waits_for_its_turn(self):
        # One that recovers many messages would begin anew, and take as long again.
        self.starts()
        self.critical = ["queue 'orders' in vhost '/'"]
        self.refuses("restart", because="the quorum queues to have a majority without this broker")
        self.assertEqual(self.changes(), [])
        self.critical = []
        self.works("restart")
        self.assertEqual(self.changes(), IN_TURN)

    def test_a_start_that_is_not_over_in_time_is_left_alone_also_where_nobody_sees_it_work(self):
        for works in (1.0, None):
            self.start()
            self.starts(after=10**9, works=works)
            self.refuses("restart", because="still starts, such as one that recovers many messages")
            self.assertEqual(self.changes(), [])

    def test_a_start_that_fails_hangs_or_waits_for_others_begins_anew_with_the_changed_files(self):
        for options in ({"ends": "failed"}, {"after": 10**9, "works": 0}, {"after": 10**9}):
            self.start()
            self.starts(**options)
            if len(options) == 1 and "after" in options:
                self.put(LOG, "Waiting for Mnesia tables for 30000 ms\n")
            self.works("restart")
            self.assertEqual(self.changes(), ["systemctl restart rabbitmq-server"], options)

    def test_an_unavailable_version_is_reported_before_any_drain(self):
        self.with_packages(unfetchable=True)
        self.refuses("restart", "--version", "3.10.8-2", because="could not be fetched")
        self.assertEqual(self.changes(), [])

    def test_a_package_that_cannot_be_installed_leaves_the_broker_serving_with_the_one_that_it_had(self):
        self.with_packages(uninstallable=True)
        self.refuses("restart", "--version", "3.10.8-2", because="mq1: serves again, with the package that it had")
        self.assertIn("E: broken", self.errors)
        self.assertEqual(self.changes()[1:], ["systemctl stop rabbitmq-server", "systemctl restart rabbitmq-server"])


if __name__ == "__main__":
    unittest.main()
