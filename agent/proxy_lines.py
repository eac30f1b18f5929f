"""HAProxy's lines of the brokers: whether they send the header of the PROXY protocol, and new connections at all.

A line of haproxy.cfg is the truth about its broker, also after a restart of HAProxy. A held broker has the weight 0: it
gets no new connection, and keeps those that it has.
"""

import csv
import re

from . import haproxy, host
from .errors import NoAnswer

CONFIGURATION = "/etc/haproxy/haproxy.cfg"

_SECTION = re.compile(r"(listen|frontend|backend|defaults|global)\b *(\S*)")
_SERVER = re.compile(r"( +server (\S+) \S+?:(\d+))( weight 0)?( send-proxy-v2(?: port \d+)?)?( .*)")


class Line:
    """A broker's line of a proxy: whether new connections are held back from it, and whether it sends the header."""

    def __init__(self, match):
        self._start, self.broker, self._port, held, header, self._rest = match.groups()
        self.is_held, self.has_header = held is not None, header is not None

    def text(self):
        # A check with a port of its own sends no header, which RabbitMQ 3.10 would log as an error: it names no client.
        port = "" if self._rest.startswith(" track ") else " port " + self._port
        header = " send-proxy-v2" + port if self.has_header else ""
        return self._start + (" weight 0" if self.is_held else "") + header + self._rest


def lines(text, proxies):
    """Returns each line of a file: a Line if it is a broker's in one of the proxies, else its text."""
    found, proxy = [], None
    for line in text.split("\n"):
        section = _SECTION.match(line)
        if section:
            proxy = section.group(2)
        match = _SERVER.fullmatch(line) if proxy in proxies else None
        found.append(Line(match) if match else line)
    return found


def written(all_lines):
    return "\n".join(line.text() if isinstance(line, Line) else line for line in all_lines)


def change(text, proxies, header, settle=None, hold=None):
    """Returns the file in which one broker has its final lines, and another one is held unless it has them already."""
    found = lines(text, proxies)
    servers = [line for line in found if isinstance(line, Line)]
    for line in servers:
        if line.broker == settle:
            line.has_header, line.is_held = header, False
    if any(line.has_header != header or line.is_held for line in servers if line.broker == hold):
        for line in servers:
            line.is_held = line.is_held or line.broker == hold
    return written(found)


def held(text, proxies):
    """Returns the brokers that are held, and the others."""
    servers = [line for line in lines(text, proxies) if isinstance(line, Line)]
    kept_back = {line.broker for line in servers if line.is_held}
    return kept_back, {line.broker for line in servers} - kept_back


def brokers_up():
    """Returns the weight of each broker that the running HAProxy sees up in AMQP's proxy. Raises NoAnswer without it."""
    rows = list(csv.DictReader(haproxy.ask("show stat").splitlines()))
    if not rows or not {"svname", "status", "weight"} <= set(rows[0]):
        raise NoAnswer("{}: HAProxy's statistics do not say the weight of its servers".format(host.name()))
    return {
        row["svname"]: row["weight"]
        for row in rows
        if row.get("# pxname") == haproxy.AMQP
        and row["svname"] not in ("FRONTEND", "BACKEND")
        and str(row["status"]).startswith("UP")
    }
