"""Runs before each start of the broker: a former member without data waits for the cluster, and never serves alone.

The broker's own unit calls it, as the user rabbitmq. It then records what the broker is started with, so that a run can
tell whether the broker needs a restart.
"""

import sys

from .. import broker_conf, clock, fingerprint, host, rabbitmq, starting
from ..errors import StepError

# It may wait for ever, and runs beside any other step.
TIMEOUT_SECONDS = None
LOCK = None


def arguments(parser):
    pass


def run(wanted):
    if starting.was_member() and not starting.has_data():
        await_cluster(broker_conf.read())
    try:
        fingerprint.note()
    except (OSError, StepError) as failure:
        # Without a note a run restarts the broker once more than needed; with a former one, perhaps once too few.
        print("{}: cannot note what the broker is started with: {}".format(host.name(), failure), file=sys.stderr)
        forget()


def forget():
    try:
        fingerprint.forget()
    except OSError as failure:
        # On a full disk some file systems cannot remove a file either. A broker that does not start is worse.
        print("{}: the note {} cannot be removed: {}".format(host.name(), fingerprint.NOTE, failure), file=sys.stderr)


def await_cluster(conf):
    told = False
    while True:
        for name in conf.discovery_peers:
            if rabbitmq.serves(name, conf.port):
                print(
                    "{}: was a member and has no data any more; it joins anew, since {} serves".format(
                        host.name(), name
                    )
                )
                return
        if not told:
            told = True
            print(
                "{}: was a member and has no data any more, so it does not start alone; waits until one of these serves:"
                " {}. If their data is gone too: rm {} on {} begins an empty cluster".format(
                    host.name(), " ".join(conf.discovery_peers), rabbitmq.MEMBER_MARK, host.name()
                )
            )
        clock.pause(1)
        if not starting.was_member():
            return
