"""Allows HAProxy to connect to brokers and to listen at their ports, if SELinux enforces; SELinux stays on."""

from .. import command, host
from ..errors import NoAnswer

# haproxy_selinux(8)
BOOLEAN = "haproxy_connect_any"


def arguments(_parser):
    pass


def run(_wanted):
    if not host.which("getenforce") or _said(["getenforce"], "Enforcing", "Permissive", "Disabled") != "Enforcing":
        return
    if _said(["getsebool", BOOLEAN], "on", "off") == "off":
        command.do(["setsebool", "-P", BOOLEAN, "1"])


def _said(words, *known):
    """Returns the last word of an answer. Raises NoAnswer unless it is one of the known words."""
    last = command.ask(words).split()[-1:]
    if not last or last[0] not in known:
        raise NoAnswer("{}: {} says none of {}".format(host.name(), command.shown(words), ", ".join(known)))
    return last[0]
