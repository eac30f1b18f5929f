"""Records what the running broker was started with, to tell whether it needs a restart, a command, or nothing.

The note has two lines: a digest of all that the broker reads at its start, and a digest of the same without the lines
that a command can also set. Comments do not count, nor do settings that only a first start reads or only systemd uses.
"""

import hashlib
import os
import re

from . import files, host, plugin_files, rabbitmq, systemd

NOTE = rabbitmq.HOME + "/rabbitmq-ha.started"
# Where releases before this program kept the second line of the note.
OLD_NOTE = host.STATE + "/started"
_OLD_FILES = (rabbitmq.CONFIGURATION, rabbitmq.ADVANCED, rabbitmq.DROP_IN)
FILES = _OLD_FILES + (rabbitmq.SECRETS,)

# Lines that a command can also set (https://www.rabbitmq.com/docs/memory, …/docs/disk-alarms).
LIMIT = re.compile(r"(vm_memory_high_watermark|disk_free_limit)\.(relative|absolute) *= *(.*)")
# Lines that wait for the broker's next start: the list of peers is for its first one, and a broker of an earlier release
# may go on showing its metrics to others until then.
_NOT_AWAITED = re.compile(r"cluster_formation|prometheus\.tcp\.ip = 127\.0\.0\.1$")


def _lines(name, comment):
    lines = [line.strip() for line in files.read(name, "").splitlines()]
    return [line for line in lines if line and not line.startswith(comment)]


def settings():
    """Returns the lines of rabbitmq.conf for which a running broker is restarted."""
    return [line for line in _lines(rabbitmq.CONFIGURATION, "#") if not _NOT_AWAITED.match(line)]


def limits():
    """Returns the settings that a command can also set: (limit, relative or absolute, value)."""
    return [match.groups() for match in map(LIMIT.match, settings()) if match]


def _digest(lines):
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def of_files():
    """Returns the note of a broker that starts now."""
    unit = [line for line in _lines(rabbitmq.DROP_IN, ("#", ";", "[")) if not systemd.ALONE.match(line)]
    other = ["--"] + _lines(rabbitmq.ADVANCED, "%") + ["--"] + unit
    for more in (_lines(rabbitmq.SECRETS, "#"), plugin_files.lines()):
        # A broker that runs without any keeps its note.
        other += ["--"] + more if more else []
    fixed = [line for line in settings() if not LIMIT.match(line)]
    return "{}\n{}\n".format(_digest(settings() + other), _digest(fixed + other))


def note():
    """Records that the broker runs with the current files.

    Nobody else may read it, since a checksum can give a short password away.
    """
    owner = rabbitmq.account() if os.getuid() == 0 else None
    files.write(NOTE, of_files(), mode=0o600, owner=owner)


def forget():
    files.remove(NOTE)


def is_read():
    """Whether the broker was started with the current files."""
    return files.read(NOTE, "") == of_files()


def only_limits_changed():
    """Whether only the broker's two limits differ from what it was started with, and each is set exactly once."""
    noted, now = files.read(NOTE, "").split("\n"), of_files().split("\n")
    names = sorted(name for name, _, _ in limits())
    return noted[1:] == now[1:] and names == ["disk_free_limit", "vm_memory_high_watermark"]


def _as_noted_before(without=_NOT_AWAITED):
    """Returns what releases before this program recorded of a broker that was started with the current files.

    without: which lines did not count.
    """
    digest = hashlib.sha256()
    for name in _OLD_FILES:
        text = files.read(name, "")
        for line in (text if text.endswith("\n") else text + "\n").split("\n")[:-1] if text else []:
            if not without.match(line):
                digest.update((line + "\n").encode("utf-8", "surrogateescape"))
    return digest.hexdigest() + "  -\n"


def adopt():
    """Converts an earlier release's note if the broker still runs with the current files; else a restart is due."""
    if files.read(NOTE, "") in [_as_noted_before(lines) for lines in (_NOT_AWAITED, re.compile("cluster_formation"))]:
        note()
        files.remove(OLD_NOTE)
