"""Prints what `npm run verify` cannot see from outside: files that somebody has changed, and what the watch has heard.

One line of JSON behind `Findings=`. It changes nothing and asks no broker.
"""

from .. import fingerprint, full_stop, health, host, inter_node, jsontext, rabbitmq, sent, systemd
from ..errors import StepError

TIMEOUT_SECONDS = 10
LOCK = None


def arguments(_parser):
    pass


def run(_wanted):
    changed = sent.changed()
    files = [{"path": path, "resource": resource, "fault": fault} for path, resource, fault in changed]
    said = dict(health.last(), files=files, unread=_is_unread([path for path, _, _ in changed]))
    # A balancer has no broker that could be asked for.
    said["interNodeTls"] = inter_node.is_by_tls() if host.exists(fingerprint.NOTE) else None
    said["isFullStop"] = host.exists(full_stop.MARK)
    print("Findings={}".format(jsontext.dumps(said)))


def _is_unread(changed):
    """Whether the broker runs with other files than those that are here; false if nobody knows.

    Of files that somebody has changed it is not said: the broker should not read these.
    """
    if not host.exists(fingerprint.NOTE) or any(path in fingerprint.FILES for path in changed):
        return False
    try:
        return systemd.is_active(rabbitmq.UNIT) and not fingerprint.is_read()
    except (StepError, OSError):
        return False
