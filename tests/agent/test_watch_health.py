"""What the watch does about a broker that serves and is not whole."""

import unittest

from agent.watch import ASK_HEALTH, NOTHING, RESTART, START_PLUGINS

from .watch_test import WatchTest, condition


class Health(WatchTest):
    def asked(self, count):
        """Returns at how many seconds it asks, over so many looks."""
        begin, at = self.now, []
        for _ in range(count):
            if self.look() == ASK_HEALTH:
                at.append(self.now - begin)
                self.watch.health(self.now, self.facts, condition())
        return at

    def test_is_asked_three_times_after_a_start_and_then_every_50_seconds(self):
        self.assertEqual(self.asked(30), [5, 10, 15, 65, 115])

    def test_is_asked_three_times_after_each_change_of_connections(self):
        self.settle()
        self.asked(12)
        self.sees(connections=frozenset({("a", "c")}))
        self.assertEqual(len(self.asked(5)), 3)

    def test_is_not_asked_more_often_when_its_connections_are_unknown(self):
        self.settle()
        self.sees(connections=None)
        self.assertLessEqual(len(self.asked(12)), 2)

    def test_a_plug_in_that_ended_is_started_within_a_minute(self):
        self.settle()
        begin = self.now
        self.assertEqual(self.health(ended=["rabbitmq_management_agent"]), NOTHING)
        self.assertEqual(self.health(ended=["rabbitmq_management_agent"]), START_PLUGINS)
        self.assertLessEqual(self.now - begin, 55)

    def test_a_plug_in_that_does_not_stay_is_started_twelve_times(self):
        decisions = [self.health(ended=["x"]) for _ in range(30)]
        self.assertEqual(decisions.count(START_PLUGINS), 12)
        self.health(ended=[])
        self.assertEqual([self.health(ended=["x"]) for _ in range(2)], [NOTHING, START_PLUGINS])

    def test_a_plug_in_that_ended_once_may_be_a_broker_that_is_being_stopped(self):
        # Its plug-ins end first, also if it pauses itself in a minority, after its connections have changed.
        self.settle()
        self.assertEqual(self.health(ended=["x"]), NOTHING)
        self.sees(connections=frozenset())
        self.assertEqual(self.health(ended=["x"]), NOTHING)
        self.look()
        self.assertEqual(self.watch.health(self.now, self.facts, None), NOTHING)
        self.assertEqual(self.health(ended=["x"]), NOTHING)

    def test_a_plug_in_is_left_alone_while_a_step_works_on_the_broker(self):
        self.sees(is_busy=True)
        self.assertEqual(self.health(ended=["x"]), NOTHING)

    def test_a_broker_that_is_passed_over_twice_in_a_row_is_restarted(self):
        self.settle()
        self.sees(others=["mq1", "mq3"])
        begin = self.now
        self.assertEqual(self.health(passed_over=True), NOTHING)
        self.assertEqual(self.health(passed_over=True), RESTART)
        self.assertLessEqual(self.now - begin, 60)
        self.assertRegex(self.watch.words[0], "the rest of the cluster no longer tells it what changes: restarting")

    def test_a_minority_is_reported_once_and_nothing_is_done(self):
        self.settle()
        said = []
        for has_majority in (True, "unknown", False, False, "unknown", False, True, True, "unused"):
            self.assertEqual(self.health(has_majority=has_majority), NOTHING)
            said.append(len(self.watch.words))
        self.assertEqual(said, [0, 0, 1, 0, 0, 0, 1, 0, 0])

    def test_being_passed_over_once_is_not_enough(self):
        self.sees(others=["mq1", "mq3"])
        for between in ({"passed_over": False}, {"passed_over": "none"}, {"running": False}):
            self.health(passed_over=True)
            self.health(**between)
            self.assertEqual(self.health(passed_over=True), NOTHING)
            self.health()

    def test_a_missing_answer_permits_nothing(self):
        self.sees(others=["mq1", "mq3"])
        self.health(passed_over=True)
        self.look()
        self.assertEqual(self.watch.health(self.now, self.facts, None), NOTHING)
        self.assertEqual(self.health(passed_over=True), NOTHING)

    def test_a_start_in_between_resets_the_count(self):
        self.sees(others=["mq1", "mq3"])
        self.health(passed_over=True)
        self.sees(started="2")
        self.assertEqual(self.health(passed_over=True), NOTHING)

    def test_a_passed_over_broker_is_left_alone_while_it_may_not_be_restarted(self):
        for facts, said in (
            ({"others": ["mq1"]}, {}),
            ({"others": None}, {}),
            ({"is_busy": True}, {}),
            ({}, {"drained": True}),
            ({}, {"drained": "unknown"}),
            ({}, {"listeners": [("suspended", "unknown")]}),
            ({}, {"listeners": "unknown"}),
        ):
            self.new()
            self.sees(others=["mq1", "mq3"])
            self.sees(**facts)
            for _ in range(5):
                self.assertEqual(self.health(passed_over=True, **said), NOTHING, (facts, said))

    def test_one_that_was_stopped_by_the_time_it_has_answered_is_left_alone(self):
        for changes in (
            {"serves": False, "unit": "deactivating", "phase": "stop"},
            {"serves": False, "unit": "inactive", "phase": "dead"},
            {"started": "2"},
            {"unit": None, "phase": None},
        ):
            for said in ({"passed_over": True}, {"ended": ["x"]}):
                self.new()
                self.sees(others=["mq1", "mq3"])
                self.health(**said)
                self.assertEqual(self.look(), ASK_HEALTH)
                self.sees(**changes)
                decision = self.watch.health(self.now, self.facts, condition(**said))
                self.assertEqual(decision, NOTHING, (changes, said))

    def test_is_not_restarted_for_it_while_another_restart_may_run(self):
        # Of five brokers three serve beside it while another one is restarted for the same reason.
        self.new("mq2", ["mq1", "mq2", "mq3", "mq4", "mq5"])
        self.sees(others=["mq3", "mq4", "mq5"])
        begin = self.now
        while self.health(passed_over=True) != RESTART:
            self.assertLess(self.now - begin, 300, "one that is gone for good is not waited for")
        self.assertGreaterEqual(self.now - begin, 120)

    def test_is_restarted_for_it_every_five_minutes_at_most(self):
        self.sees(others=["mq1", "mq3"])
        self.health(passed_over=True)
        self.assertEqual(self.health(passed_over=True), RESTART)
        self.watch.restarted(self.now, RESTART)
        begin = self.now
        while self.health(passed_over=True) != RESTART:
            self.assertLess(self.now - begin, 400)
        self.assertGreaterEqual(self.now - begin, 300)


if __name__ == "__main__":
    unittest.main()
