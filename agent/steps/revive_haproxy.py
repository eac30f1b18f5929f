"""Kills a HAProxy that hangs, so that systemd starts it again.

Keepalived calls this when HAProxy has failed its check. systemd restarts a HAProxy that has ended, and leaves one alone
that somebody has stopped. One that hangs is neither.
"""

import sys

from .. import command, haproxy, host, systemd
from . import check_haproxy

TIMEOUT_SECONDS = 60
CHECKS = 5


def arguments(parser):
    """Adds no arguments."""


def run(_wanted):
    for _ in range(CHECKS):
        if check_haproxy.is_well(host.path(check_haproxy.SOCKET)):
            return
    if not systemd.is_active(haproxy.UNIT):
        return
    words = "HAProxy does not answer on its socket: killing it, so that it is started again\n"
    try:
        command.execute(["systemd-cat", "-t", "rabbitmq-ha-revive"], stdin=words, seconds=10)
    except (command.Timeout, OSError):
        print(words, end="", file=sys.stderr)
    command.do(["systemctl", "kill", "--signal=KILL", haproxy.UNIT], seconds=20)
