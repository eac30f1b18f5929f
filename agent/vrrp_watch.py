"""Decides when a balancer's host restarts its Keepalived: a state machine that is given the time.

Keepalived stays in FAULT for good if its own address came after it had started, and it runs without a check of HAProxy
if it could not use the check's script then. Only a restart helps. `Watch.look` is given what the host observes every
few seconds, and returns whether to restart it. It does nothing by itself. Its seconds are those of a monotonic clock.
"""

import collections

from .vrrp import BACKUP, FAULT, MASTER

EVERY_SECONDS = 5
# After a longer gap between two looks the watch itself was suspended: earlier observations no longer count.
STOOD_STILL_SECONDS = 30

PATIENCE_SECONDS = 10  # in FAULT without a cause; Keepalived leaves it by itself after two passed checks, in 2 s
SILENCE_SECONDS = 20  # without a check of HAProxy, of which there is one each second
PAUSE_SECONDS = 300  # between two restarts

# What the host observes:
#   unit       systemd's ActiveState of Keepalived; None if systemd does not answer
#   started    when Keepalived was started: a text that changes with each start
#   state      what it says of itself: MASTER, BACKUP, FAULT; None if that is unknown
#   is_holder  whether this host has the virtual address; None if that is unknown
#   obstacles  what keeps it in FAULT, in words; None if that is unknown
#   trace      what changes with each check of HAProxy; None if there is none to see
#   is_busy    whether a step of the program works on Keepalived
Facts = collections.namedtuple("Facts", "unit started state is_holder obstacles trace is_busy")

NOTHING = "nothing"
RESTART = "restart it"


def may_restart(facts):
    """Whether Keepalived runs, does not hold the address, and nobody else works on it."""
    return facts.unit == "active" and facts.state in (BACKUP, FAULT) and facts.is_holder is False and not facts.is_busy


class Watch:
    def __init__(self, name):
        self._name = name
        self._seen_at = None
        self._started = None
        self._free_since = None  # since when it is in FAULT without a cause
        self._trace = None  # (what, since when)
        self._restarted_at = None
        self._is_awaited = False
        self._said = None
        self.words = []

    def look(self, now, facts):
        """Returns NOTHING or RESTART. `words` then has the lines to print."""
        self.words = []
        if self._seen_at is None or now - self._seen_at > STOOD_STILL_SECONDS or facts.started != self._started:
            self._forget_how_long()
        self._seen_at = now
        self._started = facts.started
        if facts.unit != "active" or facts.is_busy:
            self._forget_how_long()
            return NOTHING
        self._follow(facts)
        reason = self._reason(now, facts)
        if reason is None or not may_restart(facts):
            return NOTHING
        if self._restarted_at is not None and now - self._restarted_at < PAUSE_SECONDS:
            self._say_once("{}; it was restarted less than {} s ago".format(reason, PAUSE_SECONDS))
            return NOTHING
        self.words.append("{}: restarting Keepalived".format(reason))
        return RESTART

    def restarted(self, now):
        """Notes a restart that begins, whether it succeeds or not."""
        self._restarted_at = now
        self._is_awaited = True
        self._said = None
        self._forget_how_long()

    def _forget_how_long(self):
        self._free_since = None
        self._trace = None

    def _say_once(self, words):
        if words != self._said:
            self._said = words
            self.words.append(words)

    def _follow(self, facts):
        """Reports once how a restart, or a FAULT, has ended."""
        if facts.state not in (BACKUP, MASTER):
            return
        if self._is_awaited:
            self.words.append("{}: Keepalived can take the address again, it is {}".format(self._name, facts.state))
        self._is_awaited = False

    def _reason(self, now, facts):
        """Returns why a restart would help; None if it would not."""
        fault = self._fault(now, facts)
        silent = self._silence(now, facts)
        if facts.state == FAULT:
            return fault
        if silent is None:
            return None
        reason = "{}: Keepalived has not checked HAProxy for {:.0f} s".format(self._name, SILENCE_SECONDS)
        if facts.state == MASTER or facts.is_holder:
            self._say_once(reason + ", and this host holds the address: systemctl reload keepalived, when it suits")
        return reason

    def _fault(self, now, facts):
        if facts.state != FAULT or facts.obstacles is None:
            self._free_since = None
            return None
        if facts.obstacles:
            self._free_since = None
            self._say_once("{}: Keepalived is in FAULT: {}".format(self._name, ", ".join(facts.obstacles)))
            return None
        if self._free_since is None:
            self._free_since = now
        if now - self._free_since < PATIENCE_SECONDS:
            return None
        return "{}: Keepalived is in FAULT, and the cause has passed".format(self._name)

    def _silence(self, now, facts):
        """Returns for how long Keepalived has not checked HAProxy, if for too long."""
        if facts.trace is None:
            self._trace = None
            return None
        if self._trace is None or self._trace[0] != facts.trace:
            self._trace = (facts.trace, now)
        silent = now - self._trace[1]
        return silent if silent >= SILENCE_SECONDS else None
