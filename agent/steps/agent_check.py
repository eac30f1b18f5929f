"""Answers HAProxy's agent check: `drain` while this host's broker has an alarm, else `ready`.

An alarm blocks publishers (https://www.rabbitmq.com/docs/alarms), and the broker's metrics page lists its own alarms.
Without that page there is no answer, and HAProxy keeps its last state.
"""

from .. import broker_conf, host, metrics
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 5
LOCK = None
PAGE_SECONDS = 4


def arguments(_parser):
    pass


def run(_wanted):
    port = broker_conf.read().metrics_port
    if not port:
        raise StepError("{}: {} names no metrics page".format(host.name(), broker_conf.FILE))
    try:
        for line in metrics.lines("127.0.0.1", port, PAGE_SECONDS):
            if line.startswith("rabbitmq_alarms_") and line.split(" ")[-1].startswith("1"):
                print("drain")
                return 0
    except NoAnswer:
        # This happens at each check by each balancer, so it is not logged.
        return 1
    print("ready")
    return 0
