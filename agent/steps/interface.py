"""Checks that the host's address is on the interface that Keepalived is configured with.

An interface's name depends on the image and on the instance's type.
"""

from .. import host, interfaces
from ..errors import StepError

TIMEOUT_SECONDS = 60


def arguments(parser):
    parser.add_argument("--address", required=True, help="the host's own IPv4 address")
    parser.add_argument("--interface", required=True, help="the network interface that is to carry it")


def run(wanted):
    found = [interface for interface, address in interfaces.addresses() if address == wanted.address]
    if found == [wanted.interface]:
        return
    raise StepError(
        "{}: {} is not on the interface {} but on {}".format(
            host.name(), wanted.address, wanted.interface, ", ".join(found) or "none"
        ),
        "write keepalived.interface: {}".format(", ".join(found) or "the name of the one it is on"),
    )
