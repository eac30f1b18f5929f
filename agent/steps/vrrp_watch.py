"""Watches this host's Keepalived for ever: it restarts one that cannot take the virtual address although it could.

Every 5 s it reads what Keepalived says of itself. It never starts a Keepalived that somebody has stopped, and leaves
the one that holds the address alone. What it does is in `journalctl -u rabbitmq-ha-vrrp-watch`.
"""

import contextlib

from .. import addresses, clock, command, host, systemd, vrrp, vrrp_watch, watching
from ..errors import NoAnswer, StepError
from ..watch_notes import say

TIMEOUT_SECONDS = None
LOCK = "vrrp-watch"

# Steps that work on Keepalived. None of them begins while the watch acts, and the watch does not act while one runs.
STEPS = ("service-" + vrrp.UNIT, "holder")
# A start waits for the host's own address, for 60 s at most.
RESTART_SECONDS = 100
JOURNAL_EVERY_SECONDS = 60


def arguments(_parser):
    pass


def run(_wanted):
    watching.run(Looker(), vrrp_watch.EVERY_SECONDS)


class Looker(watching.Looker):
    """Observes, and does what the watch decides."""

    def __init__(self):
        self._watch = vrrp_watch.Watch(host.name())
        self._journal_read_at = None

    def look(self):
        """Observes once, and does all that follows from it."""
        try:
            decision = self._watch.look(clock.now(), self._see())
            if decision == vrrp_watch.RESTART:
                self._restart()
            else:
                self._say_all()
            self._complaint = None
        except (StepError, OSError, KeyError) as failure:
            self._complain(failure)

    def _say_all(self):
        for words in self._watch.words:
            say(words)

    def _see(self):
        vrrp.prepare_trace()
        configured = vrrp.conf()
        try:
            unit = systemd.properties(vrrp.UNIT, "ActiveState", "MainPID", "ExecMainStartTimestampMonotonic")
        except NoAnswer:
            unit = {}
        is_active = unit.get("ActiveState") == "active"
        state = self._state(unit["MainPID"]) if is_active else None
        return vrrp_watch.Facts(
            unit=unit.get("ActiveState"),
            started=unit.get("ExecMainStartTimestampMonotonic"),
            state=state,
            is_holder=_or_none(lambda: addresses.is_held(configured.virtual_address)),
            obstacles=_or_none(lambda: _words(configured)) if state == vrrp.FAULT else None,
            trace=vrrp.trace(),
            is_busy=watching.is_busy(STEPS),
        )

    def _state(self, process):
        now = clock.now()
        asks = self._journal_read_at is None or now - self._journal_read_at >= JOURNAL_EVERY_SECONDS
        state = vrrp.state(process, asks_journal=asks)
        if asks:
            self._journal_read_at = now
        return state

    def _restart(self):
        with contextlib.suppress(watching.Taken), watching.alone(STEPS):
            # Its own locks are no sign of a step.
            if not vrrp_watch.may_restart(self._see()._replace(is_busy=False)):
                return
            self._say_all()
            self._watch.restarted(clock.now())
            # Unlike restart it does not start a Keepalived that somebody stops now.
            command.do(["systemctl", "try-restart", vrrp.UNIT], seconds=RESTART_SECONDS)


def _words(configured):
    return [obstacle.words for obstacle in vrrp.obstacles(configured)]


def _or_none(question):
    try:
        return question()
    except NoAnswer:
        return None
