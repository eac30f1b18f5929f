"""The connections between this broker and the others, as the kernel lists them: asking costs the broker nothing."""

from . import host

# Erlang's distribution; the firewalls and the security groups open the same port.
PORT = 25672
_ESTABLISHED = "01"
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def with_other_brokers():
    """Both ends of each connection, so that one that broke and came back is another one; None where nothing says."""
    found: set = set()
    said = False
    mark = ":{:04X} ".format(PORT)
    for table in _TABLES:
        try:
            with open(host.path(table), encoding="ascii", errors="replace") as file:
                said = True
                found.update(filter(None, (_ends(line) for line in file if mark in line)))
        except OSError:
            continue
    return frozenset(found) if said else None


def _ends(line):
    fields = line.split()
    if len(fields) < 4 or fields[3] != _ESTABLISHED:
        return None
    here, there = fields[1], fields[2]
    # RabbitMQ's tools on this host connect as well, and end soon. The kernel writes 127.x.y.z backwards, in base 16.
    mine, theirs = here.split(":")[0], there.split(":")[0]
    if mine == theirs or mine.endswith("7F"):
        return None
    return here, there
