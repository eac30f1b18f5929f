"""The IPv4 addresses of this host's interfaces; agent/addresses.py has those of the host as a whole."""

from . import command
from .errors import NoAnswer


def addresses():
    """Returns each interface with each of its addresses: [(interface, address)]. Raises NoAnswer unless complete."""
    answer = command.ask(["ip", "-o", "-4", "addr", "show"], seconds=10)
    found = []
    for line in answer.splitlines():
        words = line.split()
        if len(words) < 4 or words[2] != "inet":
            raise NoAnswer("ip does not list this host's addresses", log=answer)
        found.append((words[1], words[3].split("/")[0]))
    if not found or not answer.endswith("\n"):
        # Every host has at least 127.0.0.1.
        raise NoAnswer("ip does not list this host's addresses")
    return found


def holds(address, interface):
    """Whether the interface has the address."""
    return (interface, address) in addresses()
