"""Has another broker leave the cluster, from this host: drain, stop, forget.

It leaves only if the others can do without it. If it is refused, it serves as before. A broker that is no member has
left already.
"""

from .. import leaving
from ..arguments import listed

TIMEOUT_SECONDS = 1800
LOCK = "leave"


def arguments(parser):
    parser.add_argument("--broker", required=True, help="the broker that leaves")
    parser.add_argument("--brokers", required=True, type=listed, help="every broker of the stack, a,b,c")


def run(wanted):
    leaving.leave(wanted.broker, wanted.brokers)
