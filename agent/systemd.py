"""systemd's units. Old versions, as CentOS 7's 219, know all the words here."""

from . import command, host
from .errors import StepError

JOURNAL_LINES = 12


def properties(unit, *names):
    """What systemd says of a unit, by property. Raises NoAnswer where it does not answer whole."""
    words = ["systemctl", "show", unit] + ["--property=" + name for name in names]
    answer = command.ask(words, seconds=30)
    found = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
    missing = [name for name in names if name not in found]
    if missing:
        raise command.NoAnswer("systemctl does not say {} of {}".format(", ".join(missing), unit))
    return found


def state(unit):
    """active, reloading, inactive, failed, activating or deactivating."""
    return properties(unit, "ActiveState")["ActiveState"]


def is_active(unit):
    return state(unit) in ("active", "reloading")


def exists(unit):
    return properties(unit, "LoadState")["LoadState"] not in ("not-found", "")


def reload_units():
    """systemd does not always notice by itself that a unit's file has come."""
    command.do(["systemctl", "daemon-reload"], seconds=60)


def enable(unit):
    """At boot, too."""
    result = command.attempt(["systemctl", "-q", "is-enabled", unit], seconds=30)
    if result.code != 0:
        command.do(["systemctl", "-q", "enable", unit], seconds=60)


def reset(unit):
    """Forgets that a unit has failed; one that has not is no fault."""
    command.attempt(["systemctl", "reset-failed", unit], seconds=30)


def act(action, unit, seconds=300):
    """start, stop, restart or reload; raises StepError with the end of the unit's journal."""
    result = command.attempt(["systemctl", action, unit], seconds=seconds)
    if result.code != 0 or (action != "stop" and not is_active(unit)):
        raise StepError(
            "{}: {} did not {}; the end of its journal:".format(host.name(), unit, action), log=journal(unit)
        )


def journal(unit, lines=JOURNAL_LINES):
    """The end of a unit's journal; empty where there is none."""
    words = ["journalctl", "-u", unit, "-n", str(lines), "--no-pager", "-o", "cat"]
    try:
        return command.execute(words, seconds=20).output
    except (command.Timeout, OSError):
        return ""
