"""systemd's units. All options used here exist in old versions, too, such as CentOS 7's 219."""

import re

from . import command, host
from .errors import StepError

JOURNAL_LINES = 12

# The states in which a unit runs, and those in which it does not and no job is on its way.
RUNS = ("active", "reloading", "refreshing")
STOPPED = ("inactive", "failed")
# Those of its states of "activating" in which its main process is there.
STARTS = ("start", "start-post")

# Lines of a unit's file that systemd itself reads whenever it needs them: they do not affect a running process.
ALONE = re.compile(
    r"(After|Wants|ExecStartPre|ExecReload|ExecStopPost|Restart\w*|StartLimit\w*|Timeout(Start|Stop)Sec)\s*="
)


def started(unit):
    """Returns when a unit's main process was started: a text that changes with each start. Raises NoAnswer without it."""
    key = "ExecMainStartTimestampMonotonic"
    return properties(unit, key)[key]


def properties(unit, *names):
    """Returns a unit's properties, by name. Raises NoAnswer unless systemd's answer is complete."""
    words = ["systemctl", "show", unit] + ["--property=" + name for name in names]
    answer = command.ask(words, seconds=30)
    found = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
    missing = [name for name in names if name not in found]
    if missing:
        raise command.NoAnswer("systemctl does not say {} of {}".format(", ".join(missing), unit))
    return found


def state(unit):
    """Returns one of RUNS or STOPPED, or activating or deactivating."""
    return properties(unit, "ActiveState")["ActiveState"]


def is_active(unit):
    return state(unit) in RUNS


def starts(unit):
    """Whether a unit's main process is there and not yet ready."""
    said = properties(unit, "ActiveState", "SubState")
    return said["ActiveState"] == "activating" and said["SubState"] in STARTS


def is_stopped(unit):
    """Whether a unit is stopped for sure; one that is just starting or stopping is not."""
    return state(unit) in STOPPED


def runs(unit):
    """Whether a unit runs. Raises NoAnswer for one that is just starting or stopping."""
    now = state(unit)
    if now in RUNS:
        return True
    if now in STOPPED:
        return False
    raise command.NoAnswer("{}: {} neither runs nor is stopped: {}".format(host.name(), unit, now))


def exists(unit):
    return properties(unit, "LoadState")["LoadState"] not in ("not-found", "")


def reload_units():
    """Has systemd read its unit files again: it does not always notice a new one by itself."""
    command.do(["systemctl", "daemon-reload"], seconds=60)


def reload_units_if_changed(unit):
    """Has systemd read its unit files again if one of this unit's has changed since it did.

    Not all of their settings need a restart of the service. Raises NoAnswer if systemd does not say whether one has.
    """
    said = properties(unit, "NeedDaemonReload")["NeedDaemonReload"]
    if said not in ("yes", "no"):
        raise command.NoAnswer("systemctl does not say whether it has read {} anew".format(unit))
    if said == "yes":
        reload_units()


def enable(unit):
    """Enables a unit, so that it starts at boot."""
    result = command.attempt(["systemctl", "-q", "is-enabled", unit], seconds=30)
    if result.code != 0:
        command.do(["systemctl", "-q", "enable", unit], seconds=60)


def reset(unit):
    """Clears a unit's failed state. A unit that has not failed is no error."""
    command.attempt(["systemctl", "reset-failed", unit], seconds=30)


def act(action, unit, seconds=300):
    """Runs start, stop, restart or reload. Raises StepError with the end of the unit's journal."""
    result = command.attempt(["systemctl", action, unit], seconds=seconds)
    if result.code != 0 or (action != "stop" and not is_active(unit)):
        raise StepError(
            "{}: {} did not {}; the end of its journal:".format(host.name(), unit, action), log=journal(unit)
        )


def journal(unit, lines=JOURNAL_LINES):
    """Returns the end of a unit's journal; empty if there is none."""
    words = ["journalctl", "-u", unit, "-n", str(lines), "--no-pager", "-o", "cat"]
    try:
        return command.execute(words, seconds=20).output
    except (command.Timeout, OSError):
        return ""
