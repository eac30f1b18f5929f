"""Which IPv4 addresses the interfaces of this host have; agent/addresses.py says which ones the host has at all."""

from . import command
from .errors import NoAnswer


def addresses():
    """Each interface with each of its addresses: [(interface, address)]. Raises NoAnswer unless all of them come."""
    answer = command.ask(["ip", "-o", "-4", "addr", "show"], seconds=10)
    found = []
    for line in answer.splitlines():
        words = line.split()
        if len(words) < 4 or words[2] != "inet":
            raise NoAnswer("ip does not list this host's addresses", log=answer)
        found.append((words[1], words[3].split("/")[0]))
    if not found or not answer.endswith("\n"):
        # Every host has 127.0.0.1 at least.
        raise NoAnswer("ip does not list this host's addresses")
    return found


def holds(address, interface):
    """Whether an interface has an address."""
    return (interface, address) in addresses()
