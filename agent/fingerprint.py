"""What the running broker was started with, so that a run can tell whether it needs a restart, a command, or nothing.

The note has two lines: a digest of all that the broker reads at its start, and one of the same without the lines that a
command can set too. Comments do not count, nor what only a first start reads, nor what concerns systemd alone.
"""

import hashlib
import os
import re

from . import files, host, rabbitmq

NOTE = rabbitmq.HOME + "/rabbitmq-ha.started"
# The second line of the note, as releases before this program kept it.
OLD_NOTE = host.STATE + "/started"
FILES = (rabbitmq.CONFIGURATION, rabbitmq.ADVANCED, rabbitmq.DROP_IN)

# Lines that a command can set too (https://www.rabbitmq.com/docs/memory, …/docs/disk-alarms).
LIMIT = re.compile(r"(vm_memory_high_watermark|disk_free_limit)\.(relative|absolute) *= *(.*)")
# What a drop-in says to systemd and not to the broker that runs.
_SYSTEMD_ALONE = re.compile(r"\[|ExecStartPre=|Restart|StartLimit")


def _lines(name, comment):
    lines = [line.strip() for line in files.read(name, "").splitlines()]
    return [line for line in lines if line and not line.startswith(comment)]


def settings():
    """The lines of rabbitmq.conf that the broker reads at each start."""
    return [line for line in _lines(rabbitmq.CONFIGURATION, "#") if not line.startswith("cluster_formation")]


def limits():
    """Of these, the ones that a command can set: (limit, relative or absolute, value)."""
    return [match.groups() for match in map(LIMIT.match, settings()) if match]


def _digest(lines):
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def of_files():
    """The note of a broker that starts now."""
    unit = [line for line in _lines(rabbitmq.DROP_IN, ("#", ";")) if not _SYSTEMD_ALONE.match(line)]
    other = ["--"] + _lines(rabbitmq.ADVANCED, "%") + ["--"] + unit
    fixed = [line for line in settings() if not LIMIT.match(line)]
    return "{}\n{}\n".format(_digest(settings() + other), _digest(fixed + other))


def note():
    """Notes that the broker runs with the files as they are."""
    owner = rabbitmq.account() if os.getuid() == 0 else None
    files.write(NOTE, of_files(), owner=owner)


def forget():
    files.remove(NOTE)


def is_read():
    """Whether the broker was started with the files as they are."""
    return files.read(NOTE, "") == of_files()


def only_limits_changed():
    """Whether the broker's files differ from what it was started with in its two limits alone, each said once."""
    noted, now = files.read(NOTE, "").split("\n"), of_files().split("\n")
    names = sorted(name for name, _, _ in limits())
    return noted[1:] == now[1:] and names == ["disk_free_limit", "vm_memory_high_watermark"]


def _as_noted_before():
    """What releases before this program have noted of a broker that was started with the files as they are."""
    digest = hashlib.sha256()
    for name in FILES:
        text = files.read(name, "")
        for line in (text if text.endswith("\n") else text + "\n").split("\n")[:-1] if text else []:
            if not line.startswith("cluster_formation"):
                digest.update((line + "\n").encode("utf-8", "surrogateescape"))
    return digest.hexdigest() + "  -\n"


def adopt():
    """Takes over the note of an earlier release, if the broker still runs with the files as they are; else a restart is due."""
    if files.read(NOTE, "") == _as_noted_before():
        note()
        files.remove(OLD_NOTE)
