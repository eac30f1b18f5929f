"""Has the broker speak with the others by TLS, or in the clear, as it has from its first start on.

A change needs a full stop (agent/steps/full_stop.py), so it is refused here. What somebody has changed by hand is
written again, and a broker that was started otherwise, and that the others therefore do not see, is restarted.
"""

from .. import clock, cluster, full_stop, host, inter_node, rabbitmq, starting, systemd
from ..arguments import listed
from ..errors import StepError

TIMEOUT_SECONDS = 660


def arguments(parser):
    parser.add_argument("--brokers", required=True, type=listed, help="every broker, a,b,c")
    parser.add_argument("--tls", action="store_true", help="by TLS, with the certificates of this host")


def run(wanted):
    full_stop.check_not_marked()
    is_set_up = starting.was_member() or starting.has_data() or systemd.is_active(rabbitmq.UNIT)
    if is_set_up and inter_node.is_noted() != wanted.tls:
        raise StepError(
            "{}: its broker speaks {} with the others, and only a full stop changes that".format(
                host.name(), inter_node.WORDS[not wanted.tls]
            ),
            "set tls.interNode back, or stop all brokers for about a minute: npm run up -- --full-stop",
        )
    inter_node.note(wanted.tls)
    inter_node.write(wanted.tls)
    if inter_node.is_by_tls() is (not wanted.tls):
        restart_apart(wanted)


def restart_apart(wanted):
    """Restarts a broker that speaks otherwise than the others, once a majority of all says that it does not see it."""
    others = [name for name in wanted.brokers if name != host.name()]
    seen = [each for each in cluster.look_all(others).values() if isinstance(each, cluster.Cluster)]
    # One that does not answer may be with this one, and both may be the majority that serves.
    if 2 * len(seen) <= len(wanted.brokers) or any(host.name() in each.running for each in seen):
        raise StepError(
            "{}: its broker was started {} and no majority says that it is apart, so it is not restarted".format(
                host.name(), inter_node.WORDS[not wanted.tls]
            ),
            "start the others, or restart rabbitmq-server here",
        )
    systemd.act("restart", rabbitmq.UNIT, seconds=600)
    if not clock.wait_until(lambda: inter_node.is_by_tls() is wanted.tls, 10):
        raise StepError("{}: its broker still speaks {}".format(host.name(), inter_node.WORDS[not wanted.tls]))
    print("{}: was started {}, apart from the others; restarted".format(host.name(), inter_node.WORDS[not wanted.tls]))
