"""Says whether this host's Keepalived could take the virtual address, by what it says of itself.

It prints KEY=VALUE lines: Vrrp, the state (MASTER, BACKUP, FAULT, stopped, unknown); Obstacle, what keeps it in FAULT,
as a word for the kind and a text; Checked, whether it checks HAProxy (yes, no, unknown).
"""

import time

from .. import clock, systemd, vrrp

TIMEOUT_SECONDS = 7
LOCK = None
# Keepalived leaves FAULT by itself after two passed checks, one each second.
SETTLING_SECONDS = 4
CHECK_SECONDS = 3


def arguments(_parser):
    pass


def run(_wanted):
    said = systemd.properties(vrrp.UNIT, "ActiveState", "MainPID")
    if said["ActiveState"] not in systemd.RUNS:
        print("Vrrp=stopped")
        return
    configured = vrrp.conf()
    seen: dict = {"state": None, "obstacles": []}

    def settled():
        seen["state"] = vrrp.state(said["MainPID"])
        seen["obstacles"] = vrrp.obstacles(configured) if seen["state"] == vrrp.FAULT else []
        return seen["state"] in (vrrp.MASTER, vrrp.BACKUP) or seen["obstacles"] != []

    clock.wait_until(settled, SETTLING_SECONDS, every=0.5)
    print("Vrrp={}".format(seen["state"] or "unknown"))
    for obstacle in seen["obstacles"]:
        print("Obstacle={} {}".format(obstacle.kind, obstacle.words))
    print("Checked={}".format(_is_checked()))


def _is_checked():
    """Whether Keepalived checks HAProxy. A wall clock that was set only costs a few seconds."""
    seen = vrrp.trace()
    if seen is None:
        return "unknown"
    if 0 <= time.time() - seen / 1e9 < CHECK_SECONDS:
        return "yes"
    return "yes" if clock.wait_until(lambda: vrrp.trace() != seen, CHECK_SECONDS, every=0.2) else "no"
