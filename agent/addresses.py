"""Which IPv4 addresses this host has, as the kernel's own table of routes says."""

import re

from . import files, host
from .errors import NoAnswer

TABLE = "/proc/net/fib_trie"
_LOCAL = re.compile(r"^ *\|-- ([0-9.]+)\n(?: */[0-9]+ .*\n)*? */32 host LOCAL$", re.MULTILINE)


def held():
    """All addresses that this host has right now. Raises NoAnswer where the kernel does not say."""
    try:
        found = set(_LOCAL.findall(files.read(TABLE)))
    except OSError as failure:
        raise NoAnswer("{}: {} cannot be read: {}".format(host.name(), TABLE, failure.strerror))
    # There is no host without it, and no whole table.
    if "127.0.0.1" not in found:
        raise NoAnswer("{}: {} does not say which addresses this host has".format(host.name(), TABLE))
    return found


def is_held(address):
    return address in held()
