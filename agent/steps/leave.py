"""Has another broker leave the cluster, from this host: drained, stopped, forgotten.

It leaves only where the others can do without it. One that is refused serves as before; one that is no member has left.
"""

from .. import leaving

TIMEOUT_SECONDS = 1800
LOCK = "leave"


def arguments(parser):
    parser.add_argument("--broker", required=True, help="the broker that leaves")
    parser.add_argument("--brokers", required=True, type=_listed, help="every broker of the stack, a,b,c")


def _listed(text):
    return [each for each in text.split(",") if each]


def run(wanted):
    leaving.leave(wanted.broker, wanted.brokers)
