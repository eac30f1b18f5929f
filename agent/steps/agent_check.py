"""Answers HAProxy's agent check: `drain` while this host's broker is in alarm, else `ready`.

An alarm blocks whoever publishes (https://www.rabbitmq.com/docs/alarms), and the broker's metrics page names its own.
Where that page does not come, nothing is said, and HAProxy keeps what it thought.
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
        for line in metrics.lines(host.name(), port, PAGE_SECONDS):
            if line.startswith("rabbitmq_alarms_") and line.split(" ")[-1].startswith("1"):
                print("drain")
                return 0
    except NoAnswer:
        # Once in each check of each balancer, so it is not worth a word in the journal.
        return 1
    print("ready")
    return 0
