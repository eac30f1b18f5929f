"""The IPv4 addresses of this host, read from the kernel's routing table."""

import re

from . import files, host
from .errors import NoAnswer

TABLE = "/proc/net/fib_trie"
_LOCAL = re.compile(r"^ *\|-- ([0-9.]+)\n(?: */[0-9]+ .*\n)*? */32 host LOCAL$", re.MULTILINE)


def held():
    """Returns all addresses that this host has now. Raises NoAnswer if the kernel does not list them."""
    try:
        found = set(_LOCAL.findall(files.read(TABLE)))
    except OSError as failure:
        raise NoAnswer("{}: {} cannot be read: {}".format(host.name(), TABLE, failure.strerror))
    # Every host has 127.0.0.1, so a table without it is incomplete.
    if "127.0.0.1" not in found:
        raise NoAnswer("{}: {} does not say which addresses this host has".format(host.name(), TABLE))
    return found


def is_held(address):
    return address in held()
