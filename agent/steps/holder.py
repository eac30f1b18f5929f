"""Waits until exactly one host holds the virtual address and serves it, as seen from here.

First it does the restart that the holder of the address has postponed until the others run. Where ARP shows who has the
address, either this host holds it and no other host answers for it, or exactly one other host answers for it. Where a
network routes it to a host (--moved), either this host holds it and the network routes it here, or another host serves
it.
"""

import re

from .. import clock, command, host, interfaces, services, systemd
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 180
MOVE_TAG = "rabbitmq-ha-address"
# Where a network passes on only what was given to a machine, the others do not see who has the address.
DROPPED = (
    "; if another balancer holds it, the network drops it: add it to OpenStack's allowed address pairs, or accept "
    "forged transmits and MAC address changes in VMware"
)


def arguments(parser):
    services.add_arguments(parser)
    parser.add_argument("--address", required=True, help="the virtual address")
    parser.add_argument("--interface", required=True, help="the network interface that carries it")
    parser.add_argument("--port", required=True, type=int, help="the TCP port at which it takes connections")
    parser.add_argument("--patience", type=float, default=45, metavar="SECONDS", help="how long to wait (45)")
    parser.add_argument("--moved", metavar="PROGRAM", help="says, told there, whether the network sends it here")


def run(wanted):
    services.do_what_is_due(wanted.unit, wanted.restart, wanted.reload)
    # The last observation, for the message.
    seen = {"role": "", "others": [], "silent": False}

    def settled():
        try:
            return _is_settled(wanted, seen)
        except NoAnswer as none:
            seen.update(role=none.message, silent=False)
            return False

    if not clock.wait_until(settled, wanted.patience, every=0.5 if wanted.moved else 0.2):
        raise _failure(wanted, seen)


def _is_settled(wanted, seen):
    held = interfaces.holds(wanted.address, wanted.interface)
    seen["role"] = "this host holds it" if held else "this host does not hold it"
    if not wanted.moved:
        seen["others"] = others(wanted.address, wanted.interface, held)
        seen["silent"] = not held and not seen["others"]
        if len(seen["others"]) != (0 if held else 1):
            return False
    # Clients can use the address only if a connection to it is accepted.
    if not host.serves(wanted.address, wanted.port, 3.0):
        return False
    if wanted.moved and held:
        return command.holds([wanted.moved, "there"], seconds=30)
    return True


def others(address, interface, held):
    """Returns the MAC addresses that answer for an address within half a second, without this host's own."""
    # The holder must not ask with the address as its own sender: -D asks without one.
    option = ["-D"] if held else []
    words = ["timeout", "--signal=INT", "0.5", "arping"] + option + ["-c", "2", "-w", "1", "-I", interface, address]
    try:
        result = command.execute(words, seconds=10)
    except (command.Timeout, OSError) as failure:
        raise NoAnswer("arping does not say who has {}: {}".format(address, failure))
    # 124: it was interrupted after half a second, as intended. Its output begins with what it asks.
    if result.code not in (0, 1, 124) or "ARPING" not in result.output:
        raise NoAnswer("arping does not say who has {} (it ended with {})".format(address, result.code))
    return sorted({each.upper() for each in re.findall(r"\[((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})\]", result.output)})


def _failure(wanted, seen):
    words = "{}: after {:.0f} s the virtual address {} is not with exactly one host that serves it: {}".format(
        host.name(), wanted.patience, wanted.address, seen["role"]
    )
    if not wanted.moved:
        words += ", others that answer for it: {}{}; the end of keepalived's journal:".format(
            ", ".join(seen["others"]) or "none", DROPPED if seen["silent"] else ""
        )
        return StepError(words, log=systemd.journal("keepalived"))
    words += "; the end of the journal of keepalived, and of what moves the address:"
    return StepError(words, log=systemd.journal("keepalived", 6) + "\n" + _journal_of_moves(6))


def _journal_of_moves(lines):
    words = ["journalctl", "-t", MOVE_TAG, "-n", str(lines), "--no-pager", "-o", "cat"]
    try:
        return command.ask(words, seconds=20)
    except NoAnswer:
        return ""
