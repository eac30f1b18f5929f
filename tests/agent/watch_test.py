"""A watch with a simulated clock, as the tests of its rules use it."""

import unittest

from agent.condition import Condition
from agent.watch import ASK_HEALTH, NOTHING, Facts, Rest, Watch

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
            is_current=True,
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

    def health(self, **said):
        for _ in range(15):
            if self.look() == ASK_HEALTH:
                return self.watch.health(self.now, self.facts, condition(**said))
        return self.fail("was not asked")
