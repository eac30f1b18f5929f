"""Starts the broker, and checks that it serves; data that prevents its start is moved aside, never deleted."""

import glob

from .. import clock, cluster, command, full_stop, host, khepri, rabbitmq, series, starting, systemd
from ..arguments import listed
from ..errors import StepError

TIMEOUT_SECONDS = 660
HEAD_START_SECONDS = 60
ATTEMPTS = 3
# Less than TIMEOUT_SECONDS, so that the step can say why.
START_SECONDS = 570


def arguments(parser):
    parser.add_argument("--brokers", required=True, type=listed, help="every broker, a,b,c")
    parser.add_argument("--port", required=True, type=int, help="AMQP's TCP port")


def run(wanted):
    full_stop.check_not_marked()
    systemd.reload_units()
    systemd.enable(rabbitmq.UNIT)
    for number in range(1, ATTEMPTS + 1):
        if systemd.is_active(rabbitmq.UNIT):
            return
        if khepri.is_used() and starting.has_data():
            check_place(wanted)
        systemd.reset(rabbitmq.UNIT)
        let_first_broker_serve(wanted)
        since = starting.log_size()
        has_booted = starts()
        if has_booted:
            return
        if starting.waits(since):
            raise StepError(
                "{}: waits for brokers that still ran when it stopped: {} and none of them came.".format(
                    host.name(), " ".join(starting.beside() or [])
                ),
                "Switch them on, and all start. If they are gone for good: npm run up says which broker to start without them",
            )
        if has_booted is None:
            raise StepError(
                "{}: rabbitmq-server {}; the end of its journal and log:".format(host.name(), starting.NOT_YET),
                starting.ONCE_IT_SERVES,
                log=starting.last_words(),
            )
        if number < ATTEMPTS and mended(wanted, since):
            continue
        if starting.logged(starting.NO_MAJORITY, since):
            raise StepError(
                "{}: waits for a majority of the cluster's members, and too few of them came.".format(host.name()),
                "Switch them on, and all start. If most are gone for good: npm run up says which broker to start without them",
            )
        break
    raise StepError(
        "{}: rabbitmq-server did not start; the end of its journal and log, and its last words:".format(host.name()),
        log=starting.last_words(),
    )


def let_first_broker_serve(wanted):
    """Has a new broker wait for a while until another one serves, before its own very first start.

    Up to 3.10 a broker that joins while the first one still changes tables for its feature flags can leave both with
    tables that do not fit, for good (seen with 3.10.8). The first broker waits for nobody.
    """
    others = [name for name in wanted.brokers if name != host.name()]
    is_new = not starting.was_member() and not starting.is_there(starting.data())
    if is_new and host.name() != wanted.brokers[0] and not flags_are_locked():
        clock.wait_until(lambda: any(rabbitmq.serves(name, wanted.port) for name in others), HEAD_START_SECONDS)


def flags_are_locked():
    """Whether every installed RabbitMQ changes feature flags on one broker at a time; False if none is seen."""
    folders = glob.glob(host.path("/usr/lib/rabbitmq/lib/rabbitmq_server-*"))
    versions = [folder.rsplit("-", 1)[1] for folder in folders]
    return bool(versions) and all(series.can(version, "locksFeatureFlags") for version in versions)


def starts():
    """Starts the broker. Returns whether it has booted, peer discovery included: its unit is of type notify.

    None says that it still starts.
    """
    try:
        return command.attempt(["systemctl", "start", rabbitmq.UNIT], seconds=START_SECONDS).code == 0
    except StepError:
        return None


def mended(wanted, since):
    """Removes the cause of this failed start, if it is a known one. Returns whether the next start may succeed."""
    name = host.name()
    # Two brokers that create the same tables at the same moment can get conflicting ones. A broker that never was a
    # member starts over. Its data may still be somebody's, so it is kept.
    if not starting.was_member() and starting.logged(starting.CONFLICT, since):
        aside = stopped_and_put_aside("conflict")
        print(
            "{}: the first start met a table conflict; beginning again; what was there lies in {}".format(name, aside)
        )
        return True
    # A broker that has left the cluster and is to join it again has old data, which the cluster rejects. One that finds
    # most of the others together elsewhere is such a broker. Otherwise the others may have lost their data.
    if starting.logged(starting.HAD_LEFT, since) and most_are_elsewhere(wanted):
        leave_former_cluster()
        return True
    # Brokers with data that boot at the same moment can fail at each other's feature flags (seen with 3.10.8). Once the
    # others are up, the next start succeeds.
    if starting.logged(starting.FEATURE_FLAGS, since):
        print("{}: the start met other brokers' feature flags half-way; starting again".format(name))
        return True
    return False


def check_place(wanted):
    """Has a broker with Khepri that had left the cluster join it anew. With Mnesia its start finds out that it had."""
    if most_are_elsewhere(wanted):
        leave_former_cluster()
        return
    apart = khepri.Others([name for name in wanted.brokers if name != host.name()], wanted.port).apart
    if apart:
        raise StepError(*khepri.gone_on_without_it(apart[0]))


def leave_former_cluster():
    words = "{}: had left the cluster and joins it anew; its old data, which nothing needs any more, lies in {}"
    print(words.format(host.name(), stopped_and_put_aside("left")))


def stopped_and_put_aside(why):
    rabbitmq.stop()
    return starting.put_aside(why)


def most_are_elsewhere(wanted):
    """Whether most brokers, without this one, serve together, and do not list this one as a member."""
    others = [name for name in wanted.brokers if name != host.name() and rabbitmq.serves(name, wanted.port)]
    if 2 * len(others) <= len(wanted.brokers):
        return False
    answers = cluster.look_all(others).items()
    members = {name: seen.members for name, seen in answers if isinstance(seen, cluster.Cluster)}
    together = [name for name in members if host.name() not in members[name] and set(members) <= set(members[name])]
    return 2 * len(together) > len(wanted.brokers)
