"""When a balancer's host restarts its Keepalived: every rule of the watch, with a simulated clock."""

import unittest

from agent.vrrp_watch import NOTHING, PAUSE_SECONDS, RESTART, Facts, Watch, may_restart


class VrrpWatchTest(unittest.TestCase):
    def setUp(self):
        self.watch = Watch("lb2")
        self.now = 50000.0
        self.facts = Facts(
            unit="active", started="1", state="BACKUP", is_holder=False, obstacles=None, trace=1, is_busy=False
        )
        self.said = []

    def sees(self, **changes):
        self.facts = self.facts._replace(**changes)

    def is_stuck(self, **changes):
        self.sees(state="FAULT", obstacles=[])
        self.sees(**changes)

    def looks(self, seconds, checks=True):
        """Has it look every 5 s. Returns how many restarts it asked for; each of them takes effect at once."""
        restarts = 0
        for _ in range(int(seconds / 5)):
            self.now += 5
            if checks and self.facts.trace is not None:
                self.sees(trace=self.facts.trace + 1)
            decision = self.watch.look(self.now, self.facts)
            self.said += self.watch.words
            if decision == RESTART:
                restarts += 1
                self.watch.restarted(self.now)
            else:
                self.assertEqual(decision, NOTHING)
        return restarts


class Fault(VrrpWatchTest):
    def test_an_instance_that_stays_in_fault_without_a_cause_is_restarted(self):
        self.is_stuck()
        self.assertEqual(self.looks(10), 0)
        self.assertEqual(self.looks(5), 1)
        self.assertEqual(self.said, ["lb2: Keepalived is in FAULT, and the cause has passed: restarting Keepalived"])
        self.sees(state="BACKUP", started="2", obstacles=None)
        self.looks(10)
        self.assertEqual(self.said[-1], "lb2: Keepalived can take the address again, it is BACKUP")
        self.assertEqual(len(self.said), 2)

    def test_one_whose_cause_lasts_is_left_alone_and_named_once(self):
        self.is_stuck(obstacles=["its own address 10.0.0.4 is not configured"])
        self.assertEqual(self.looks(600), 0)
        self.assertEqual(self.said, ["lb2: Keepalived is in FAULT: its own address 10.0.0.4 is not configured"])
        self.sees(obstacles=[])
        self.assertEqual(self.looks(10), 0)
        self.assertEqual(self.looks(5), 1)

    def test_the_cause_has_to_have_passed_without_a_break(self):
        for _ in range(20):
            self.is_stuck()
            self.assertEqual(self.looks(10), 0)
            self.sees(obstacles=["HAProxy does not answer on its socket"])
            self.assertEqual(self.looks(5), 0)

    def test_one_that_leaves_fault_by_itself_is_left_alone(self):
        self.is_stuck()
        self.looks(10)
        self.sees(state="BACKUP", obstacles=None)
        self.assertEqual(self.looks(600), 0)
        self.assertEqual(self.said, [])

    def test_it_is_restarted_once_in_five_minutes_at_most(self):
        self.is_stuck()
        self.assertEqual(self.looks(15), 1)
        self.assertEqual(self.looks(PAUSE_SECONDS - 5), 0)
        self.assertEqual(
            self.said[1:],
            ["lb2: Keepalived is in FAULT, and the cause has passed; it was restarted less than 300 s ago"],
        )
        self.assertEqual(self.looks(15), 1)

    def test_nothing_unknown_permits_a_restart(self):
        for unknown in (
            {"unit": None},
            {"state": None},
            {"is_holder": None},
            {"obstacles": None},
        ):
            self.setUp()
            self.is_stuck(**unknown)
            self.assertEqual(self.looks(600), 0, unknown)

    def test_one_that_somebody_stopped_stays_stopped(self):
        for unit in ("inactive", "failed", "activating", "deactivating", "reloading"):
            self.setUp()
            self.is_stuck(unit=unit)
            self.assertEqual(self.looks(600), 0, unit)

    def test_the_holder_is_left_alone(self):
        for change in ({"state": "MASTER"}, {"is_holder": True}):
            self.setUp()
            self.is_stuck(**change)
            self.assertEqual(self.looks(600), 0, change)

    def test_the_same_is_asked_right_before_the_restart(self):
        self.is_stuck()
        self.assertTrue(may_restart(self.facts))
        for change in (
            {"unit": "inactive"},
            {"unit": None},
            {"state": "MASTER"},
            {"state": None},
            {"is_holder": True},
            {"is_holder": None},
            {"is_busy": True},
        ):
            self.assertFalse(may_restart(self.facts._replace(**change)), change)

    def test_it_waits_while_a_step_works_on_keepalived(self):
        self.is_stuck(is_busy=True)
        self.assertEqual(self.looks(600), 0)
        self.sees(is_busy=False)
        self.assertEqual(self.looks(10), 0)
        self.assertEqual(self.looks(5), 1)

    def test_a_new_start_has_its_own_time(self):
        for start in range(20):
            self.is_stuck(started=str(start))
            self.assertEqual(self.looks(10), 0)

    def test_what_was_seen_before_it_stood_still_does_not_count(self):
        self.is_stuck()
        self.looks(10)
        self.now += 3600
        self.assertEqual(self.looks(10), 0)
        self.assertEqual(self.looks(5), 1)


class Check(VrrpWatchTest):
    """Keepalived has switched the check of HAProxy off."""

    def test_one_that_checks_is_left_alone(self):
        self.assertEqual(self.looks(3600), 0)
        self.assertEqual(self.said, [])

    def test_one_that_does_not_check_is_restarted(self):
        self.assertEqual(self.looks(20, checks=False), 0)
        self.assertEqual(self.looks(5, checks=False), 1)
        self.assertEqual(self.said, ["lb2: Keepalived has not checked HAProxy for 20 s: restarting Keepalived"])

    def test_without_a_trace_it_is_left_alone(self):
        self.sees(trace=None)
        self.assertEqual(self.looks(3600), 0)

    def test_the_holder_is_left_alone_and_named_once(self):
        for change in ({"state": "MASTER", "is_holder": True}, {"state": "MASTER"}):
            self.setUp()
            self.sees(**change)
            self.assertEqual(self.looks(3600, checks=False), 0)
            self.assertEqual(len(self.said), 1)
            self.assertIn("systemctl reload keepalived", self.said[0])

    def test_nothing_unknown_permits_a_restart(self):
        for unknown in ({"state": None}, {"is_holder": None}, {"unit": None}):
            self.setUp()
            self.sees(**unknown)
            self.assertEqual(self.looks(600, checks=False), 0, unknown)


if __name__ == "__main__":
    unittest.main()
