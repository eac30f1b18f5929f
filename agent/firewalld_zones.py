"""The zones of firewalld that decide on a rule's packets.

A zone that is bound to a packet's source comes before the zone of its interface (firewalld.zones(5)), so that a port
opened only in the latter stays closed to that source.
"""

import collections
import re

from . import command, host
from .errors import NoAnswer

# The exit code of firewall-cmd for an interface that no zone has.
_NO_ZONE = 2

# The targets of zones that are there to keep their sources out (drop and block).
_REFUSING = ("DROP", "%%REJECT%%")

# Sources that are no IPv4 network.
_IPV6, _UNKNOWN = "IPv6", "unknown"

# target: what happens to a packet that no rule of the zone matches. sources: networks, MACs and ipset:NAME.
Zone = collections.namedtuple("Zone", "target sources")


def of_rules(rules, interfaces):
    """Returns each zone with each rule that has to be opened in it: (zone, rule)."""
    zones = _zones()
    own = {_of_interface(interface) for interface in interfaces}
    return [
        (name, rule)
        for name in sorted(own | set(zones))
        for rule in rules
        if name in own or _decides(zones[name], rule.source)
    ]


def _decides(zone, source):
    """Whether packets of a source, an address or any, may come under a zone by its sources."""
    if source == "any":
        # Whoever binds attackers to the zone drop wants them to stay out.
        return zone.target not in _REFUSING and any(_range(each) != _IPV6 for each in zone.sources)
    return any(_holds(each, source) for each in zone.sources)


def _holds(source, address):
    found = _range(source)
    if isinstance(found, str):
        # Which hosts have a MAC or are in an ipset is not known here: a rule for one address does no harm there.
        return found == _UNKNOWN
    network, mask = found
    return _number(address) & mask == network


def _range(source):
    """Returns an IPv4 network and its mask as numbers; _IPV6; or _UNKNOWN for a MAC or an ipset."""
    if re.fullmatch(r"([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", source) or source.startswith("ipset:"):
        return _UNKNOWN
    if ":" in source:
        return _IPV6
    address, _, length = source.partition("/")
    try:
        mask = _number(length) if "." in length else (1 << 32) - (1 << (32 - int(length or "32")))
        return _number(address) & mask, mask
    except ValueError:
        return _UNKNOWN


def _number(address):
    octets = [int(each) for each in address.split(".")]
    if len(octets) != 4 or not all(0 <= each < 256 for each in octets):
        raise ValueError(address)
    return int.from_bytes(bytes(octets), "big")


def _zones():
    """Returns the zones in force, with what they are bound to now or from the next start on."""
    now, permanent = _listed(), _listed("--permanent")
    return {
        name: zone._replace(sources=zone.sources | (permanent[name].sources if name in permanent else set()))
        for name, zone in now.items()
    }


def _listed(*options):
    """Raises NoAnswer unless firewalld describes every zone that it has."""
    names = command.ask(["firewall-cmd"] + list(options) + ["--get-zones"], seconds=30)
    said = command.ask(["firewall-cmd"] + list(options) + ["--list-all-zones"], seconds=30)
    found: dict = {}
    name = ""
    for line in said.splitlines():
        if line and not line[0].isspace():
            name = line.split()[0]
            found[name] = {}
        elif re.match(r"  [a-z]", line) and name:
            key, _, value = line.strip().partition(":")
            found[name][key] = value.strip()
    whole = names.endswith("\n") and sorted(names.split()) == sorted(found)
    if not whole or not all({"target", "sources", "rich rules"} <= set(each) for each in found.values()):
        raise NoAnswer("{}: firewalld does not describe all of its zones".format(host.name()), log=said)
    return {each: Zone(of["target"], set(of["sources"].split())) for each, of in found.items()}


def _of_interface(interface):
    words = ["firewall-cmd", "--get-zone-of-interface=" + interface]
    result = command.attempt(words, seconds=30)
    if result.code == _NO_ZONE:
        said = command.ask(["firewall-cmd", "--get-default-zone"], seconds=30)
    elif result.code == 0:
        said = result.output
    else:
        raise NoAnswer("{}: {} ended with {}".format(host.name(), command.shown(words), result.code), log=result.log())
    if re.fullmatch(r"\S+\n", said) is None:
        raise NoAnswer("{}: firewalld does not say which zone {} is in".format(host.name(), interface), log=said)
    return said.strip()
