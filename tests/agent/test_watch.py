"""When a broker's host restarts its broker: every rule of the watch, with a simulated clock."""

import unittest

from agent.condition import Condition
from agent.watch import (
    ASK_HEALTH,
    ASK_WHY,
    NOTHING,
    PAUSE,
    RESTART,
    RESUME,
    START_ANEW,
    START_PLUGINS,
    Facts,
    Rest,
    Watch,
)

BROKERS = ["mq1", "mq2", "mq3"]
WHOLE = Rest(["mq1", "mq2", "mq3"], ["mq1", "mq3"])
HOUR = 3600


def condition(
    running=True,
    booting=False,
    drained=False,
    listeners=(("running", 5672),),
    passed_over=False,
    ended=(),
    has_majority="unused",
    is_cut_off="unused",
):
    """Returns a broker's answer; a healthy one unless told otherwise."""
    return Condition(
        {
            "running": running,
            "booting": booting,
            "drained": drained,
            "listeners": listeners if isinstance(listeners, str) else list(listeners),
            "passed_over": passed_over,
            "ended": list(ended),
            "has_majority": has_majority,
            "is_cut_off": is_cut_off,
        }
    )


STOPPED = condition(running=False, drained="unknown", listeners="unknown")


class WatchTest(unittest.TestCase):
    """A watch of mq2, the second of three brokers; `self.looks(...)` has it look every 5 s."""

    def setUp(self):
        self.new()

    def new(self, name="mq2", brokers=BROKERS):
        self.watch = Watch(name, brokers, 5672)
        self.now = 50000.0
        self.work = 100.0
        self.facts = Facts(
            serves=True,
            unit="active",
            phase="running",
            started="1",
            work=None,
            others=None,
            is_busy=False,
            connections=frozenset({("a", "b")}),
        )

    def sees(self, **changes):
        self.facts = self.facts._replace(**changes)

    def goes_down(self, **changes):
        values = {"serves": False, "others": ["mq1", "mq3"], "work": self.work, "connections": None}
        values.update(changes)
        self.sees(**values)

    def look(self, seconds=5.0):
        self.now += seconds
        return self.watch.look(self.now, self.facts)

    def looks(self, count, works=0.0):
        """Looks so many times; in each the broker uses so many seconds of processor time. Returns the last result."""
        said = NOTHING
        for _ in range(count):
            if self.facts.work is not None:
                self.work += works
                self.sees(work=self.work)
            said = self.look()
        return said

    def seconds_until(self, wanted, most=1000, works=0.0):
        """Returns after how many seconds the watch first says so, or None. Health questions are answered as healthy."""
        begin = self.now
        while self.now - begin < most:
            said = self.looks(1, works)
            if said == wanted:
                return self.now - begin
            if said == ASK_HEALTH:
                self.watch.health(self.now, self.facts, condition())
        return None

    def why(self, said, rest=WHOLE):
        return self.watch.why(self.now, self.facts, said, rest)

    def settle(self):
        """Has the watch see the broker serve, and ask all that it asks after a start."""
        for _ in range(20):
            if self.look() == ASK_HEALTH:
                self.watch.health(self.now, self.facts, condition())


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

    def health(self, **said):
        for _ in range(15):
            if self.look() == ASK_HEALTH:
                return self.watch.health(self.now, self.facts, condition(**said))
        return self.fail("was not asked")

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

    def test_a_minority_is_reported_once_and_nothing_is_done(self):
        self.settle()
        said = []
        for has_majority in (True, "unknown", False, False, "unknown", False, True, True, "unused"):
            self.assertEqual(self.health(has_majority=has_majority), NOTHING)
            said.append(len(self.watch.words))
        self.assertEqual(said, [0, 0, 1, 0, 0, 0, 1, 0, 0])

    def paused(self):
        """A watch of a broker that is cut off, and paused for it."""
        self.new()
        self.watch = Watch("mq2", BROKERS, 5672, pauses_minority=True)
        self.settle()
        self.assertEqual(self.health(has_majority=False, is_cut_off=True), PAUSE)
        self.watch.pausing()
        self.watch.paused()
        self.assertEqual(len(self.watch.words), 1)
        self.sees(serves=False, others=[], work=self.work, connections=None)

    def test_one_that_is_cut_off_pauses_until_it_has_a_majority(self):
        self.paused()
        suspended = {"listeners": [("suspended", "unknown")]}
        for _ in range(100):
            self.assertEqual(self.look(), ASK_HEALTH)
            said = condition(has_majority=False, is_cut_off=True, **suspended)
            self.assertEqual(self.watch.health(self.now, self.facts, said), NOTHING)
        for said in (
            {"has_majority": False, "is_cut_off": False},
            {"has_majority": "unknown", "is_cut_off": False},
            {"has_majority": True, "is_cut_off": False, "drained": True},
            {"has_majority": True, "is_cut_off": False, "drained": "unknown"},
            {"has_majority": True, "is_cut_off": False, "running": False},
        ):
            self.assertEqual(self.health(**suspended, **said), NOTHING, said)
        self.assertEqual(self.health(has_majority=True, is_cut_off=False, **suspended), RESUME)
        self.watch.resumed()
        self.sees(serves=True, others=None, work=None)
        self.assertEqual(self.health(has_majority=True, is_cut_off=False), NOTHING)

    def test_a_connection_that_is_lost_is_looked_into_at_once(self):
        self.watch = Watch("mq2", BROKERS, 5672, pauses_minority=True)
        one, two = frozenset({("a", "b")}), frozenset({("a", "b"), ("c", "d")})
        self.sees(connections=two)
        self.settle()
        for connections, then in (
            (two, NOTHING),
            (one, PAUSE),
            (one, ASK_HEALTH),
            (two, ASK_HEALTH),
            (None, ASK_HEALTH),
        ):
            self.sees(connections=connections)
            self.assertEqual(self.look(), then)
        self.sees(connections=frozenset({("e", "f")}))
        self.assertEqual(self.look(), PAUSE)
        self.new()
        self.sees(connections=two)
        self.settle()
        self.sees(connections=one)
        self.assertEqual(self.look(), ASK_HEALTH, "another partition handling")

    def test_a_missing_answer_pauses_and_resumes_nothing(self):
        self.watch = Watch("mq2", BROKERS, 5672, pauses_minority=True)
        self.settle()
        for said in (
            {"has_majority": False, "is_cut_off": "unknown"},
            {"has_majority": False, "is_cut_off": False},
            {"is_cut_off": True, "drained": "unknown"},
            {"is_cut_off": True, "listeners": "unknown"},
            {"is_cut_off": True, "listeners": [("suspended", "unknown")]},
            {"is_cut_off": True, "running": False},
        ):
            self.assertEqual(self.health(**said), NOTHING, said)
        self.paused()
        self.look()
        self.assertEqual(self.watch.health(self.now, self.facts, None), NOTHING)
        self.assertEqual(self.look(), ASK_HEALTH)

    def test_a_paused_broker_that_cannot_end_its_pause_is_restarted(self):
        suspended = {"listeners": [("suspended", "unknown")]}
        for said in (
            None,
            condition(running=False, drained="unknown", listeners="unknown"),
            condition(has_majority="unknown", is_cut_off="unknown", **suspended),
            condition(has_majority=True, is_cut_off=False, **suspended),
        ):
            self.paused()
            self.sees(others=["mq1", "mq3"])
            begin, decision = self.now, NOTHING
            while decision != START_ANEW:
                self.assertLess(self.now - begin, 120, said)
                self.work += 0.01
                self.sees(work=self.work)
                question = self.look()
                if question == ASK_WHY:
                    decision = self.watch.why(self.now, self.facts, said, WHOLE)
                else:
                    self.assertEqual(question, ASK_HEALTH)
                    self.watch.health(self.now, self.facts, said)
            self.assertGreater(self.now - begin, 30, said)

    def test_a_paused_broker_stays_so_while_the_others_do_not_serve(self):
        self.paused()
        for _ in range(100):
            self.assertEqual(self.look(), ASK_HEALTH)
            self.assertEqual(self.watch.health(self.now, self.facts, None), NOTHING)

    def test_no_broker_pauses_with_another_partition_handling(self):
        self.settle()
        self.assertEqual(self.health(has_majority=False, is_cut_off=True), NOTHING)
        self.assertIn("no majority of the members answers it", self.watch.words[0])

    def test_a_pause_that_failed_is_tried_again(self):
        self.paused()
        self.sees(serves=True)
        self.assertEqual(self.health(has_majority=False, is_cut_off=True), PAUSE)

    def test_a_paused_broker_that_starts_anew_is_one_like_any_other(self):
        self.paused()
        self.sees(started="2", others=["mq1", "mq3"], unit="active")
        self.assertEqual(self.look(), NOTHING)

    def test_the_next_watch_goes_on(self):
        self.watch = Watch("mq2", BROKERS, 5672, pauses_minority=True, paused="1")
        self.sees(serves=False, others=[], work=self.work, connections=None)
        self.assertEqual(self.health(has_majority=True, is_cut_off=False), RESUME)

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
