"""Has every former broker of this stack leave the cluster, one at a time.

A member that somebody else has added stays. A broker that stays and whose leave an earlier run has left unfinished gets
back what it had given up.
"""

from .. import cluster, files, host, leaving, mqtt, rabbitmq
from ..arguments import listed
from ..errors import NoAnswer

TIMEOUT_SECONDS = 1800
# Two runs never have brokers leave at the same time.
LOCK = "leave"


def arguments(parser):
    parser.add_argument("--brokers", required=True, type=listed, help="every broker of the stack, a,b,c")


def run(wanted):
    for name in leaving.Note.names():
        if name in wanted.brokers and not leaving.Leaving(name, wanted.brokers).give_back():
            raise NoAnswer(
                "{}: {} was about to leave and does not run, so it cannot get back what it has given up".format(
                    host.name(), name
                ),
                "start rabbitmq-server there, and run this again",
            )
    former = known_brokers() - set(wanted.brokers)
    # Only brokers of the stack can leave, so nobody is asked for the members.
    if not former:
        return
    members = cluster.look().members
    for name in members:
        if name in former:
            leaving.leave(name, wanted.brokers)
    # An earlier run may have been cut off between the two.
    mqtt.remove_members(former.difference(members))


def known_brokers():
    """Returns all brokers that the stack has ever had. Raises NoAnswer without the list, which each member writes."""
    try:
        known = set(files.read(rabbitmq.KNOWN_BROKERS).split())
    except OSError as missing:
        raise NoAnswer(
            "{}: {} cannot be read ({}), so it is not known who was a broker of this stack".format(
                host.name(), rabbitmq.KNOWN_BROKERS, missing.strerror or missing
            ),
            "it is written by 'rabbitmq-ha member'; run that, and this again",
        )
    if not known:
        raise NoAnswer("{}: {} is empty".format(host.name(), rabbitmq.KNOWN_BROKERS))
    return known
