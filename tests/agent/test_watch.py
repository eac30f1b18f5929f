"""When a broker's host restarts its broker: every rule of the watch about one that does not serve."""

import unittest

from agent.watch import ASK_WHY, NOTHING, RESTART, START_ANEW, Rest

from .watch_test import BROKERS, HOUR, STOPPED, WHOLE, WatchTest, condition


class NotServing(WatchTest):
    def test_is_asked_after_20_seconds(self):
        self.settle()
        self.goes_down()
        # The 20 s begin at the first look that sees it down.
        self.assertEqual(self.seconds_until(ASK_WHY), 25)

    def test_is_restarted_when_rabbitmq_does_not_run(self):
        self.goes_down()
        self.assertEqual(self.looks(5), ASK_WHY)
        self.assertEqual(self.why(STOPPED), START_ANEW)
        self.assertRegex(self.watch.words[0], r"^mq2 has not served for \d+ s although .*: restarting rabbitmq-server$")

    def test_is_restarted_when_it_does_not_answer_and_another_does(self):
        self.goes_down()
        self.looks(5)
        self.assertEqual(self.why(None), START_ANEW)

    def test_is_left_alone_when_no_other_one_answers(self):
        for said in (None, STOPPED):
            self.new()
            self.goes_down()
            self.looks(5)
            self.assertEqual(self.why(said, rest=None), NOTHING)
            self.assertIn("none of the others answers", self.watch.words[0])

    def test_is_left_alone_when_it_has_served_meanwhile(self):
        self.goes_down()
        self.looks(4)
        self.sees(serves=True)
        self.look()
        self.goes_down()
        self.assertEqual(self.seconds_until(ASK_WHY), 25)

    def test_is_left_alone_when_it_serves_by_the_time_it_has_answered(self):
        self.goes_down()
        self.assertEqual(self.looks(5), ASK_WHY)
        self.sees(serves=True)
        self.assertEqual(self.why(None), NOTHING)

    def test_is_left_alone_when_it_was_restarted_by_the_time_it_has_answered(self):
        self.goes_down()
        self.looks(5)
        self.sees(started="2")
        self.assertEqual(self.why(None), NOTHING)

    def test_is_left_alone_when_somebody_has_stopped_it_by_the_time_it_has_answered(self):
        # A stopped unit keeps the time of its last start.
        for unit, phase in (
            ("inactive", "dead"),
            ("failed", "failed"),
            ("deactivating", "stop-sigterm"),
            ("activating", "auto-restart"),
            (None, None),
        ):
            self.new()
            self.goes_down()
            self.assertEqual(self.looks(5), ASK_WHY)
            self.sees(unit=unit, phase=phase)
            self.assertEqual(self.why(None), NOTHING, unit)

    def test_is_left_alone_when_too_few_of_the_others_serve_by_the_time_it_has_answered(self):
        for others in (["mq1"], [], None):
            self.new()
            self.goes_down()
            self.assertEqual(self.looks(5), ASK_WHY)
            self.sees(others=others)
            self.assertEqual(self.why(None), NOTHING)

    def test_is_left_alone_while_fewer_than_a_majority_of_the_others_serve(self):
        for others in ([], ["mq1"], ["mq3"], None):
            self.new()
            self.goes_down(others=others)
            self.assertIsNone(self.seconds_until(ASK_WHY))

    def test_counts_the_majority_of_all_brokers_and_only_the_others(self):
        for count, serving, asked in ((1, 0, False), (2, 1, False), (3, 2, True), (5, 2, False), (5, 3, True)):
            names = ["mq{}".format(number) for number in range(count)]
            self.new("mq0", names)
            self.goes_down(others=names[1 : serving + 1])
            self.assertEqual(self.seconds_until(ASK_WHY) is not None, asked, (count, serving))

    def test_its_time_begins_again_after_the_majority_was_lost(self):
        self.goes_down()
        self.looks(4)
        self.sees(others=["mq1"])
        self.look()
        self.sees(others=["mq1", "mq3"])
        self.assertEqual(self.seconds_until(ASK_WHY), 25)

    def test_waits_for_those_before_it_in_the_list(self):
        names = ["mq1", "mq2", "mq3", "mq4", "mq5"]
        for name, others, seconds in (
            ("mq1", ["mq2", "mq3", "mq4"], 25),
            ("mq2", ["mq1", "mq3", "mq4"], 25),
            ("mq2", ["mq3", "mq4", "mq5"], 145),
            ("mq5", ["mq1", "mq2", "mq3"], 145),
            ("mq3", ["mq4", "mq5", "mq2"], 145),
        ):
            self.new(name, names)
            self.goes_down(others=others)
            self.assertEqual(self.seconds_until(ASK_WHY), seconds, (name, others))

    def test_is_restarted_every_five_minutes_at_most(self):
        self.goes_down()
        self.looks(5)
        self.assertEqual(self.why(STOPPED), START_ANEW)
        self.watch.restarted(self.now, START_ANEW)
        restarted = self.now
        self.sees(started="2")
        said = []
        while self.seconds_until(ASK_WHY) is not None and self.why(STOPPED) == NOTHING:
            said += self.watch.words
        self.assertEqual(said, ["mq2 does not serve and is left alone: it was restarted less than 300 s ago"])
        self.assertTrue(300 <= self.now - restarted <= 330, self.now - restarted)

    def test_says_why_it_leaves_one_alone_that_was_restarted_a_short_while_ago(self):
        self.watch.restarted(self.now, START_ANEW)
        self.settle()
        self.goes_down()
        self.assertEqual(self.seconds_until(ASK_WHY), 25)
        self.assertEqual(self.why(condition(listeners=[("suspended", "unknown")])), NOTHING)
        self.assertEqual(self.watch.words, ["mq2 does not serve and is left alone: its listeners were suspended"])

    def test_is_left_alone_while_a_step_works_on_it(self):
        self.goes_down(is_busy=True)
        self.assertIsNone(self.seconds_until(ASK_WHY))
        self.sees(is_busy=False)
        self.assertEqual(self.seconds_until(ASK_WHY), 25)

    def test_is_left_alone_when_a_step_has_begun_by_the_time_it_has_answered(self):
        self.goes_down()
        self.looks(5)
        self.sees(is_busy=True)
        self.assertEqual(self.why(STOPPED), NOTHING)

    def test_is_left_alone_while_systemd_handles_it(self):
        for unit, phase in (
            ("failed", "failed"),
            ("inactive", "dead"),
            ("deactivating", "stop"),
            ("activating", "auto-restart"),
            ("activating", "start-pre"),
            ("reloading", "reload"),
            (None, None),
        ):
            self.new()
            self.goes_down(unit=unit, phase=phase)
            self.assertIsNone(self.seconds_until(ASK_WHY), (unit, phase))

    def test_an_incomplete_answer_permits_nothing(self):
        self.goes_down()
        self.assertEqual(self.looks(5), ASK_WHY)
        self.watch.unclear()
        self.assertEqual(self.seconds_until(ASK_WHY), 25)


class Answers(WatchTest):
    def answer(self, said, rest=WHOLE, **facts):
        self.new()
        self.goes_down(**facts)
        self.assertEqual(self.looks(5), ASK_WHY)
        return self.why(said, rest)

    def test_one_that_is_drained_is_left_alone(self):
        said = condition(drained=True, listeners=[("suspended", "unknown")])
        self.assertEqual(self.answer(said), NOTHING)
        self.assertEqual(self.watch.words, ["mq2 does not serve and is left alone: it is being drained"])

    def test_one_that_was_drained_is_left_alone_until_its_next_start_or_until_it_serves(self):
        # A broker that leaves is drained and stops. Without Mnesia it then says that it is not drained, or nothing.
        stops = condition(running=False, drained=False, listeners="unknown")
        for said in (stops, STOPPED, None):
            self.assertEqual(self.answer(condition(drained=True)), NOTHING)
            self.assertEqual(self.seconds_until(ASK_WHY), 50)
            self.assertEqual(self.why(said), NOTHING)
            self.assertEqual(
                self.watch.words, ["mq2 does not serve and is left alone: it was drained before it stopped"]
            )
            self.sees(started="2")
            self.assertIsNotNone(self.seconds_until(ASK_WHY))
            self.assertEqual(self.why(said), START_ANEW)

    def test_a_revived_broker_does_not_count_as_drained(self):
        self.answer(condition(drained=True))
        self.assertEqual(self.seconds_until(ASK_WHY), 50)
        self.why(condition(listeners=[("running", 15692)]))
        for revived in (lambda: None, self.revived):
            revived()
            self.goes_down()
            self.assertIsNotNone(self.seconds_until(ASK_WHY))
            self.watch._restarted_at[START_ANEW] = None
            self.assertEqual(self.why(STOPPED), START_ANEW)

    def revived(self):
        self.sees(serves=True)
        self.looks(1)

    def test_one_whose_listeners_were_suspended_is_left_alone(self):
        said = condition(listeners=[("suspended", "unknown"), ("running", 15692)])
        self.assertEqual(self.answer(said), NOTHING)
        self.assertIn("its listeners were suspended", self.watch.words[0])

    def test_one_that_runs_with_its_former_configuration_waits_for_its_step(self):
        said = condition(listeners=[("running", 5671), ("running", 15672)])
        self.assertEqual(self.answer(said, is_current=False), NOTHING)
        self.assertIn("it runs with its former configuration", self.watch.words[0])
        self.assertEqual(self.answer(said), START_ANEW)
        self.assertEqual(self.answer(STOPPED, is_current=False), START_ANEW)

    def test_one_that_was_suspended_and_then_stops_may_be_leaving(self):
        self.answer(condition(listeners=[("suspended", "unknown")]))
        self.assertEqual(self.seconds_until(ASK_WHY), 50)
        self.assertEqual(self.why(STOPPED), NOTHING)
        self.assertIn("it was drained before it stopped", self.watch.words[0])

    def test_one_that_does_not_say_whether_it_is_drained_is_left_alone(self):
        self.assertEqual(self.answer(condition(drained="unknown")), NOTHING)
        self.assertEqual(self.answer(condition(listeners="unknown")), NOTHING)

    def test_one_that_says_that_it_listens_is_left_alone(self):
        self.assertEqual(self.answer(condition()), NOTHING)
        self.assertIn("something lies between", self.watch.words[0])

    def test_one_that_runs_and_listens_nowhere_is_restarted(self):
        self.assertEqual(self.answer(condition(listeners=[("running", 15692)])), START_ANEW)

    def test_one_that_the_cluster_does_not_know_is_left_alone(self):
        self.assertEqual(self.answer(STOPPED, Rest(["mq1", "mq3"], ["mq1", "mq3"])), NOTHING)

    def test_one_beside_too_few_that_run_is_left_alone(self):
        self.assertEqual(self.answer(STOPPED, Rest(BROKERS, ["mq1", "mq2"])), NOTHING)

    def test_one_whose_rabbitmq_starts_within_its_node_is_left_alone_while_it_works(self):
        # After a partition RabbitMQ starts again within the same process, and recovers its messages.
        said = condition(running=False, booting=True, drained="unknown", listeners="unknown")
        self.goes_down()
        self.assertEqual(self.looks(5, works=2.0), ASK_WHY)
        self.assertEqual(self.why(said), NOTHING)
        self.assertEqual(self.seconds_until(ASK_WHY), 25)
        self.assertEqual(self.why(said), START_ANEW)

    def test_one_that_starts_is_left_alone_when_its_work_cannot_be_found_out(self):
        said = condition(running=False, booting=True, drained="unknown", listeners="unknown")
        self.assertEqual(self.answer(said, work=None), NOTHING)

    def test_says_once_why_it_leaves_one_alone(self):
        self.goes_down()
        self.looks(5)
        said = condition(drained=True)
        self.why(said)
        self.assertTrue(self.watch.words)
        self.assertEqual(self.seconds_until(ASK_WHY), 50)
        self.why(said)
        self.assertEqual(self.watch.words, [])


class Starting(WatchTest):
    def starts(self, phase="start"):
        self.goes_down(unit="activating", phase=phase)

    def test_a_starting_broker_that_uses_the_processor_is_left_alone(self):
        self.starts()
        self.assertIsNone(self.seconds_until(ASK_WHY, most=HOUR, works=0.5))

    def test_one_without_work_is_asked_after_10_seconds(self):
        self.starts()
        # Two looks to see that it uses no processor time, and 10 s.
        self.assertEqual(self.seconds_until(ASK_WHY, works=0.01), 20)
        self.assertEqual(self.why(None), START_ANEW)

    def test_one_that_begins_to_work_is_left_alone(self):
        self.starts()
        self.looks(3)
        self.assertEqual(self.looks(1, works=1.0), NOTHING)
        self.assertEqual(self.seconds_until(ASK_WHY), 15)

    def test_one_that_has_worked_by_the_time_it_has_answered_is_left_alone(self):
        booting = condition(running=False, booting=True, drained="unknown", listeners="unknown")
        for said, work in ((None, 30.0), (booting, 30.0), (None, None)):
            self.new()
            self.starts()
            self.assertEqual(self.looks(4), ASK_WHY)
            self.now += 45
            self.sees(work=work and self.work + work)
            self.assertEqual(self.why(said), NOTHING, (said, work))

    def test_the_processor_time_of_its_answer_does_not_count(self):
        self.starts()
        self.assertEqual(self.looks(4), ASK_WHY)
        self.now += 1
        self.sees(work=self.work + 0.2)
        self.assertEqual(self.why(condition(running=False, booting=True)), START_ANEW)

    def test_one_whose_work_cannot_be_found_out_is_left_alone(self):
        self.starts()
        self.sees(work=None)
        self.assertIsNone(self.seconds_until(ASK_WHY))

    def test_a_decrease_of_processor_time_does_not_count_as_idle(self):
        # A process of its ended, and the processor time of that process with it.
        self.starts()
        self.assertIsNone(self.seconds_until(ASK_WHY, works=-0.1))

    def test_the_work_of_an_earlier_start_does_not_count(self):
        self.starts()
        self.looks(2)
        self.sees(started="2")
        self.assertEqual(self.seconds_until(ASK_WHY), 20)

    def test_a_maintenance_state_from_before_its_start_does_not_count(self):
        self.starts()
        self.looks(4)
        self.assertEqual(
            self.why(condition(running=False, booting=True, drained=True, listeners="unknown")), START_ANEW
        )

    def test_a_start_that_works_for_long_is_reported_once_and_left_alone(self):
        for work, why in ((self.work, "its processes work"), (None, "how much its processes work is unknown")):
            self.new()
            self.goes_down(unit="activating", phase="start", work=work)
            said = []
            for _ in range(100):
                self.assertEqual(self.looks(1, works=2), NOTHING)
                said += self.watch.words
            self.assertEqual(len(said), 1, said)
            self.assertRegex(said[0], "^mq2 has been starting for 12. s and is left alone: " + why)
            self.sees(started="2")
            for _ in range(100):
                self.looks(1, works=2)
                said += self.watch.words
            self.assertEqual(len(said), 2)
        self.new()
        self.goes_down(unit="activating", phase="start", others=["mq1"])
        for _ in range(100):
            self.looks(1, works=2)
            self.assertEqual(self.watch.words, [])


class Clock(WatchTest):
    def test_a_clock_that_jumps_restarts_nothing(self):
        # The watch's clock does not jump with the time of day: a gap means that the watch or its machine was suspended.
        self.settle()
        self.goes_down()
        self.look()
        self.assertEqual(self.look(HOUR), NOTHING)
        self.assertEqual(self.seconds_until(ASK_WHY), 20)

    def test_after_a_suspended_machine_a_starting_broker_gets_time(self):
        self.goes_down(unit="activating", phase="start")
        self.looks(2)
        self.assertEqual(self.look(60), NOTHING)
        self.assertEqual(self.seconds_until(ASK_WHY), 15)


class Follow(WatchTest):
    def restart(self, action=START_ANEW):
        self.goes_down()
        self.looks(5)
        self.why(STOPPED)
        self.watch.restarted(self.now, action)

    def test_says_once_that_it_serves_again(self):
        self.restart()
        self.sees(unit="deactivating", phase="stop")
        self.look()
        self.sees(serves=True, unit="active", phase="running", started="2", connections=frozenset())
        self.look()
        self.assertEqual(self.watch.words, ["mq2 serves again"])
        self.look()
        self.assertEqual(self.watch.words, [])

    def test_one_that_is_not_yet_stopped_does_not_serve_again(self):
        self.restart(RESTART)
        self.sees(serves=True)
        self.look()
        self.assertEqual(self.watch.words, [])

    def test_says_once_that_it_did_not_start(self):
        self.restart()
        self.sees(unit="inactive", phase="dead")
        self.look()
        self.assertEqual(self.watch.words, [])
        self.look()
        self.assertEqual(self.watch.words, ["mq2 did not start"])
        self.look()
        self.assertEqual(self.watch.words, [])


if __name__ == "__main__":
    unittest.main()
