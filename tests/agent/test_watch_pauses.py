"""How the watch pauses a broker that is cut off from the majority, and ends the pause."""

import unittest

from agent.watch import ASK_HEALTH, ASK_WHY, NOTHING, PAUSE, RESUME, START_ANEW, Watch

from .watch_test import BROKERS, WHOLE, WatchTest, condition


class Pauses(WatchTest):
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


if __name__ == "__main__":
    unittest.main()
