"""Judges, on a broker's host, whether a balancer's machine may be taken away: clients reach the brokers without it.

Either another balancer leads to a broker, or this one says by itself that it leads to none. The step runs before the machine
is deleted or replaced.
"""

from .. import clock, host
from ..arguments import listed
from ..errors import StepError

TIMEOUT_SECONDS = 120
PATIENCE_SECONDS = 10
ANSWER_SECONDS = 3.0

LEADS, LEADS_NOWHERE, SILENT = "leads to a broker", "leads to no broker", "does not answer"


def arguments(parser):
    parser.add_argument("--balancer", required=True, help="the balancer's name")
    parser.add_argument("--at", required=True, metavar="ADDRESS", help="its address")
    parser.add_argument("--others", required=True, type=listed, help="the other balancers' addresses, a,b")
    parser.add_argument("--port", required=True, type=int, help="AMQP's TCP port")


def run(wanted):
    def another_leads():
        return any(seen(each, wanted.port) == LEADS for each in wanted.others)

    if clock.wait_until(another_leads, PATIENCE_SECONDS, every=1.0):
        return
    own = seen(wanted.at, wanted.port)
    if own == LEADS_NOWHERE:
        return
    raise StepError(
        "{}: the machine of {} is not taken away: it {}, and {} at port {} does not lead to a broker".format(
            host.name(), wanted.balancer, own, ", ".join(wanted.others), wanted.port
        ),
        "One balancer at a time. Let another one serve first (npm run verify). "
        + (
            "If no client needs this one, stop it yourself: systemctl stop haproxy"
            if own == LEADS
            else "If this one is gone for good: npm run pulumi -- state delete URN --stack NAME, with the URN of "
            "its -may-go (npm run -s pulumi -- stack --show-urns --stack NAME)"
        ),
    )


def seen(address, port):
    """Returns what is at an address: LEADS, LEADS_NOWHERE or SILENT.

    A broker answers AMQP's first bytes, and a port with TLS answers them by an alert. A balancer that has no broker closes
    the connection without a word.
    """
    import socket

    try:
        with socket.create_connection((address, port), ANSWER_SECONDS) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return LEADS if connection.recv(1) else LEADS_NOWHERE
    except (ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
        return LEADS_NOWHERE
    except OSError:
        return SILENT
