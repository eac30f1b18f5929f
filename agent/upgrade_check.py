"""What has to be true before another version of RabbitMQ is installed on a broker.

Nothing has been downloaded, drained or stopped by then. What passes by itself is awaited; anything else is refused.
"""

import re

from . import clock, files, host, rabbitmq, rolling, series, systemd, upgrade_note, upgrade_state
from .errors import NoAnswer, StepError

# What a broker waits for before its upgrade, and for how many seconds at most.
MEMBERS, ALARMS, PARTITIONS, STEP = "members", "alarms", "partitions", "step"
PATIENCE_SECONDS = {MEMBERS: 120, ALARMS: 120, PARTITIONS: 120, STEP: 300}
WORDS = {
    MEMBERS: "every member to run and to say its version",
    ALARMS: "the alarms to end",
    PARTITIONS: "the partitions to end",
    STEP: "the members of the quorum queues to be in step",
}
# The feature flag of the store that takes Mnesia's place. A series that has Mnesia does without it.
KHEPRI = "khepri_db"


def check(upgrade):
    """Returns the state of the cluster before an upgrade; None if there is no broker to ask.

    Raises StepError if the upgrade is not to be done.
    """
    found = upgrade.installed()
    for version in found.versions:
        _check_path(upgrade, version)
    if not found.versions or _is_cut_off(upgrade, found):
        return None
    state = _await_state()
    for version in set(state.versions.values()):
        _check_path(upgrade, version)
    if not series.is_same(state.cluster.version, upgrade.version):
        _check_series(upgrade, state)
    return state


def _is_cut_off(upgrade, found):
    """Whether an earlier run was ended while the broker was stopped for this upgrade: it is only to be finished."""
    noted = upgrade_note.read()
    was_begun = not found.is_whole or (noted is not None and noted.get("to") == upgrade.version)
    return was_begun and not systemd.is_active(rabbitmq.UNIT)


def refused(upgrade, why, remedy="", log=""):
    return StepError(
        "{}: {} does not become {}: {}".format(host.name(), upgrade.package, upgrade.version, why),
        remedy or "Nothing was changed. Set packages.rabbitmq.version accordingly.",
        log,
    )


def _check_path(upgrade, version):
    fault = series.path(version, upgrade.version)
    if fault:
        raise refused(upgrade, fault)


def _await_state():
    """Returns the state once nothing is in the way that passes by itself."""
    goals: dict = {}
    deadlines: dict = {}
    while True:
        state, what, more = None, MEMBERS, ""
        try:
            state = upgrade_state.look()
            obstacle = _obstacle(state, goals)
            if obstacle is None:
                return state
            what, more = obstacle
        except NoAnswer as silent:
            more = "\n".join([silent.message, silent.log])
        if deadlines.setdefault(what, clock.Deadline(PATIENCE_SECONDS[what])).passed():
            raise rolling.stopped_here(
                "waited in vain for {} before the upgrade, and nothing was changed:".format(WORDS[what]), more
            )
        clock.pause(2)


def _obstacle(state, goals):
    """Returns what is in the way, and the details; None if nothing is."""
    silent = sorted(name for name, version in state.versions.items() if not isinstance(version, str))
    absent = sorted(set(state.cluster.members) - set(state.cluster.running))
    if absent or silent or host.name() not in state.cluster.running:
        return MEMBERS, "not running, or silent: {}".format(", ".join(absent or silent or [host.name()]))
    if state.alarms:
        return ALARMS, "\n".join(state.alarms)
    if state.partitions:
        return PARTITIONS, "parted from {}".format(", ".join(state.partitions))
    behind = _behind(state, goals)
    return (STEP, "\n".join(behind[:8])) if behind else None


def _behind(state, goals):
    """Returns the members that have not committed what a member of their queue had when it was first seen."""
    words = []
    for queue in state.queues:
        indexes = [index for _, index, _ in queue.members if index is not None]
        goal = goals.setdefault(queue.key, max(indexes, default=0))
        behind = sorted(name for name, index, _ in queue.members if index is None or index < goal)
        if behind:
            words.append("{} is behind on {}".format(queue, ", ".join(behind)))
    return words


# Another series


def _check_series(upgrade, state):
    wanted = upgrade.version
    if state.cluster.khepri and series.is_same(state.cluster.version, "3.13"):
        raise refused(
            upgrade,
            "3.13 has its tables in Khepri, of which there is no upgrade",
            "Make a new cluster, and move what the queues hold: https://www.rabbitmq.com/docs/blue-green-upgrade",
        )
    off = [flag for flag in state.off if flag != KHEPRI or not series.can(wanted, "hasMnesia")]
    if off:
        raise refused(
            upgrade,
            "these stable feature flags are disabled: {}".format(", ".join(off)),
            "Run `rabbitmqctl enable_feature_flag NAME` for each on {}, and this again.".format(host.name()),
        )
    denies, removes = series.denied(state.cluster.version, wanted)
    lost = sorted(set(state.used) & set(removes))
    lost += sorted(name for name in set(state.used) & set(denies) if not _is_permitted(name))
    if lost:
        raise refused(
            upgrade,
            "it no longer has what is in use here: {}".format(", ".join(lost)),
            "Do without it first: https://www.rabbitmq.com/docs/deprecated-features. What is only denied there can be"
            " allowed in rabbitmq.settings, by deprecated_features.permit.NAME: true.",
        )


def _is_permitted(name):
    pattern = r"^\s*deprecated_features\.permit\.{}\s*=\s*true\s*$".format(re.escape(name))
    return re.search(pattern, files.read(rabbitmq.CONFIGURATION, ""), re.MULTILINE) is not None


# Erlang


def check_erlang(upgrade, state):
    """Raises StepError unless the version runs with the Erlang that this host will have.

    Called once the package has been fetched, since the newest lists of packages are here then. state: of before.
    """
    coming = upgrade.erlang()
    lowest, highest = series.erlang(upgrade.version)
    release = _release(coming) if coming else state.erlang
    # A package from a repository brings the Erlang that it requires, unless the one that is there is enough.
    if release < lowest and coming is not None:
        raise refused(
            upgrade,
            "it needs Erlang {}, and this host has {}".format(lowest, release),
            "Nothing was changed. Give the host's sources Erlang {} with it.".format(lowest),
        )
    if release <= highest:
        return
    words = "RabbitMQ supports it with Erlang {} at most, and this host has {}".format(highest, release)
    if not series.is_same(state.cluster.version, upgrade.version):
        raise refused(upgrade, words, "Nothing was changed. Give the host's sources Erlang {}.".format(highest))
    print("{}: {}".format(host.name(), words))


def _release(version):
    """Returns the release in a package's version such as 1:25.2.3+dfsg-1."""
    found = re.match(r"(?:\d+:)?(\d+)", version)
    if found is None:
        raise NoAnswer("{}: {!r} is not a version of Erlang".format(host.name(), version))
    return int(found.group(1))
