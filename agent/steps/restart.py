"""Brings the broker up to date with its configuration and its package's version, by a command or by a restart.

A command is used where RabbitMQ has one. A restart is done only while the others can do without the broker.
"""

import sys

from .. import (
    broker_package,
    cgroup,
    clock,
    command,
    draining,
    fingerprint,
    full_stop,
    host,
    rabbitmq,
    rolling,
    starting,
    systemd,
    upgrade_check,
    upgrade_end,
    upgrade_note,
    watch,
)
from ..errors import StepError

TIMEOUT_SECONDS = 1800
# After a drain that took longer, the others are checked once more.
FRESH_SECONDS = 10
# A restart, and what follows it.
START_SECONDS = rabbitmq.STOP_SECONDS + 600
STARTING_SECONDS = START_SECONDS + 200
STARTS_EVERY_SECONDS = 2
# To install a package, apt's own waiting for its lock included.
INSTALLING_SECONDS = 1500

_NOT_YET = "rabbitmq-server {}. {}; the end of its journal and log:".format(starting.NOT_YET, starting.ONCE_IT_SERVES)


def arguments(parser):
    broker_package.upgrade_arguments(parser)


def run(wanted):
    full_stop.check_not_marked()
    upgrade = broker_package.upgrade_from(wanted)
    try:
        if upgrade is not None and not upgrade.due():
            upgrade.tidy()
            upgrade = None
        bring_up_to_date(upgrade)
        upgrade_end.finish()
    finally:
        draining.revive()


def bring_up_to_date(upgrade):
    """Applies what the broker has not read yet.

    upgrade: another version that is due; None for none.
    """
    fingerprint.adopt()
    await_start()
    if upgrade is None and systemd.is_active(rabbitmq.UNIT):
        if not fingerprint.is_read() and fingerprint.only_limits_changed() and by_command():
            fingerprint.note()
            print("{}: takes its changed settings without a restart".format(host.name()))
        if fingerprint.is_read():
            systemd.reload_units_if_changed(rabbitmq.UNIT)
            return
    before = None
    if upgrade is not None:
        before = upgrade_check.check(upgrade)
        # Downloaded while the broker still serves.
        upgrade.fetch()
        if before is not None:
            upgrade_check.check_erlang(upgrade, before)
    systemd.reload_units()
    action = "restart"
    # The download takes long, and the broker may have started meanwhile.
    if systemd.is_active(rabbitmq.UNIT):
        stop_serving()
    elif fingerprint.is_read():
        # It has not started with these files, or is just starting.
        action = "start"
    failure = None
    if upgrade is None:
        print("{}: {}s with its changed configuration".format(host.name(), action))
    else:
        upgrade_note.write(upgrade.version, before)
        failure = install(upgrade)
    start_anew(action)
    rolling.await_everyone(120)
    if failure is not None:
        raise rolling.stopped_here("serves again, with the package that it had", failure.report())


def await_start():
    """Waits for a start that works: one that recovers many messages would begin anew, and take as long again.

    A start that has failed, hangs or waits for other brokers recovers nothing, and may succeed with the changed files.
    """
    if not systemd.starts(rabbitmq.UNIT) or starting.waits():
        return
    print("{}: starts; its changed configuration has to wait for that".format(host.name()))
    clock.extend(STARTING_SECONDS)
    deadline = clock.Deadline(START_SECONDS)
    before, worked_at = _work(), clock.now()
    while systemd.starts(rabbitmq.UNIT):
        if deadline.passed():
            raise rolling.stopped_here(_NOT_YET, starting.last_words())
        clock.pause(STARTS_EVERY_SECONDS)
        before, former = _work(), before
        if not watch.is_idle(former, before):
            worked_at = clock.now()
        elif clock.now() - worked_at >= watch.STILLNESS_SECONDS:
            return


def _work():
    """Returns when the broker's unit has used how much processor time; None if that is unknown."""
    used = cgroup.work_seconds(systemd.properties(rabbitmq.UNIT, "ControlGroup")["ControlGroup"])
    return None if used is None else (clock.now(), used)


def stop_serving():
    """Drains the broker, once the others can do without it."""
    rolling.await_restart()
    seen_at = clock.now()
    try:
        draining.drain()
    except StepError as failure:
        raise rolling.stopped_here("could not be drained before its restart:", failure.log or failure.message)
    if clock.now() - seen_at > FRESH_SECONDS:
        rolling.await_restart()


def install(upgrade):
    """Installs the upgrade. Returns the failure if the broker keeps its former package."""
    # However long it has waited until now, a broker that is stopped has the whole time to start again.
    clock.extend(INSTALLING_SECONDS + STARTING_SECONDS)
    print("{}: stops, and {} becomes {}".format(host.name(), upgrade.package, upgrade.version))
    rabbitmq.stop()
    try:
        upgrade.install()
    except StepError as failure:
        print(failure.report(), file=sys.stderr)
        return failure
    return None


def start_anew(action):
    clock.extend(STARTING_SECONDS)
    try:
        code = command.attempt(["systemctl", action, rabbitmq.UNIT], seconds=START_SECONDS).code
    except StepError:
        raise rolling.stopped_here(_NOT_YET, starting.last_words())
    if code != 0:
        raise rolling.stopped_here(
            "rabbitmq-server did not {} with its changed configuration; if it refuses a line of it, correct"
            " rabbitmq.settings and run up again. Its last words:".format(action),
            rabbitmq.boot_errors(),
        )
    draining.over()


def by_command():
    """Sets the limits by commands. Returns whether the running broker has taken them."""
    for limit, kind, value in fingerprint.limits():
        words = {
            ("vm_memory_high_watermark", "relative"): ["set_vm_memory_high_watermark", value],
            ("vm_memory_high_watermark", "absolute"): ["set_vm_memory_high_watermark", "absolute", value],
            ("disk_free_limit", "relative"): ["set_disk_free_limit", "mem_relative", value],
            ("disk_free_limit", "absolute"): ["set_disk_free_limit", value],
        }[(limit, kind)]
        try:
            rabbitmq.tell(*words, seconds=60)
        except StepError:
            # Such as 512mb, which is allowed only in the file.
            print("{}: no command takes {}.{} = {}".format(host.name(), limit, kind, value))
            return False
    return True
