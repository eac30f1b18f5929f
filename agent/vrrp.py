"""Keepalived's VRRP instance on this host: the state that Keepalived reports, and what keeps it from taking the address.

Keepalived runs a script at each change of its state (`notify` in keepalived.conf), which calls `record`. Several of
these scripts may run at once, so the record has when its script was started, and an earlier one never replaces a later
one. A record counts only for the Keepalived that has written it.
"""

import collections
import os
import pwd
import re

from . import addresses, files, host, lock, systemd
from .errors import NoAnswer
from .steps import check_haproxy

UNIT = "keepalived"
CONF = "/etc/keepalived/keepalived.conf"
STATE = host.RUN + "/vrrp-state"
MASTER, BACKUP, FAULT = "MASTER", "BACKUP", "FAULT"

# What keeps an instance in FAULT.
INTERFACE, ADDRESS, HAPROXY = "interface", "address", "haproxy"

INTERFACES = "/sys/class/net"
JOURNAL_LINES = 300

Conf = collections.namedtuple("Conf", "interface address virtual_address")
Recorded = collections.namedtuple("Recorded", "state ticks process")
Obstacle = collections.namedtuple("Obstacle", "kind words")


def conf():
    """Returns what this host's instance is configured with. Raises NoAnswer unless the file says all of it."""
    try:
        text = files.read(CONF)
    except OSError as failure:
        raise NoAnswer("{}: {} cannot be read: {}".format(host.name(), CONF, failure.strerror))
    found = [
        re.search(pattern, text, re.MULTILINE)
        for pattern in (r"^\s*interface (\S+)", r"^\s*unicast_src_ip (\S+)", r"virtual_ipaddress\s*\{\s*([0-9.]+)")
    ]
    if not all(found):
        raise NoAnswer("{}: {} does not say which addresses Keepalived uses".format(host.name(), CONF))
    return Conf(*(each.group(1) for each in found if each))


# The state


def record(state):
    """Records a new state; Keepalived's script calls this. An earlier script that is late changes nothing."""
    _record(Recorded(state, _start_ticks("self"), os.getpid()))


def _record(new):
    with lock.held("vrrp-state", 5):
        known = _recorded()
        if known is None or known[1:] < new[1:]:
            files.write(STATE, "{} {} {}\n".format(*new), labelled=False)


def _recorded():
    found = re.fullmatch(r"(\w+) (\d+) (\d+)\n", files.read(STATE, ""))
    return Recorded(found.group(1), int(found.group(2)), int(found.group(3))) if found else None


def state(process, asks_journal=True):
    """Returns the state of the Keepalived with this process ID: MASTER, BACKUP, FAULT, or None if it is unknown.

    A Keepalived that an earlier release has set up reports nothing until its state changes. Its journal is read once.
    """
    try:
        since = _start_ticks(process)
    except (OSError, ValueError, IndexError):
        return None
    known = _recorded()
    if known is not None and known.ticks >= since:
        return known.state
    if not asks_journal:
        return None
    said = _logged_state()
    if said is not None:
        # Older than all that the same Keepalived reports itself.
        _record(Recorded(said, since, 0))
    return said


def _start_ticks(process):
    """Returns when a process was started, in ticks of the kernel's clock since its boot."""
    text = files.read("/proc/{}/stat".format(process))
    return int(text.rpartition(")")[2].split()[19])


def _logged_state():
    said = systemd.journal(UNIT, JOURNAL_LINES).rpartition("Starting Keepalived v")[2]
    states = re.findall(r"(?:entering|now in) (MASTER|BACKUP|FAULT) state", said, re.IGNORECASE)
    return states[-1].upper() if states else None


# What prevents it


def obstacles(configured):
    """Returns what keeps Keepalived in FAULT now; nothing if all causes have passed. Raises NoAnswer if unknown."""
    if not _is_up(configured.interface):
        return [Obstacle(INTERFACE, "the interface {} is down".format(configured.interface))]
    found = []
    if not addresses.is_held(configured.address):
        words = "its own address {} is not configured".format(configured.address)
        found.append(Obstacle(ADDRESS, words))
    if not check_haproxy.is_well(host.path(check_haproxy.SOCKET)):
        found.append(Obstacle(HAPROXY, "HAProxy does not answer on its socket"))
    return found


def _is_up(interface):
    if not host.exists(INTERFACES):
        raise NoAnswer("{}: {} is not there, so it is unknown which interfaces are up".format(host.name(), INTERFACES))
    said = files.read("{}/{}/operstate".format(INTERFACES, interface), "missing").strip()
    # Interfaces whose driver does not tell, such as tunnels, are unknown.
    return said in ("up", "unknown")


# Keepalived's check of HAProxy, which leaves a trace each second


def prepare_trace():
    """Makes the file of which the check sets the time: it runs as HAProxy's user."""
    path = host.path(check_haproxy.TRACE)
    if not os.path.exists(path):
        files.make_folder(host.RUN)
        account = pwd.getpwnam("haproxy")
        files.write(check_haproxy.TRACE, "", owner=(account.pw_uid, account.pw_gid), labelled=False)


def trace():
    """Returns when the check last ran, in nanoseconds of the wall clock, only to be compared; None if that is unknown."""
    try:
        return os.stat(host.path(check_haproxy.TRACE)).st_mtime_ns
    except OSError:
        return None
