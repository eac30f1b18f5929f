"""The broker's start: which brokers it waits for, what this start has logged, and moving data aside."""

import os
import re
import time

from . import files, host, rabbitmq, systemd
from .errors import NoAnswer, StepError

# Of the units in Debian's packages and in Team RabbitMQ's for Debian (3.10.8, 4.3.6).
STANDARD_ERROR = "/var/log/rabbitmq/rabbitmq-server.error.log"
# An older file is of an earlier start.
RECENT_SECONDS = 900
# Of a longer log only the end is read.
MOST_BYTES = 1000000
# How long a boot may take once nothing holds it back.
BOOT_SECONDS = 300
CONFLICT = ("schema_integrity_check_failed", "case_clause,{ok,[]}")
HAD_LEFT = ("inconsistent_cluster",)
FEATURE_FLAGS = ("incompatible_feature_flags",)
# Of a start that is not over in the time that a step has; systemd goes on with it for an hour.
NOT_YET = "still starts, such as one that recovers many messages"
ONCE_IT_SERVES = (
    "It goes on by itself. Once it serves, run this again: rabbitmqctl await_startup on its host waits for that"
)
# With Khepri a start gives up after a while without a majority: five minutes from 4.2 on, half a minute before.
NO_MAJORITY = ("timeout_waiting_for_leader",)


def data():
    return "{}/{}".format(rabbitmq.DATA, rabbitmq.node())


def is_there(name):
    """Whether a path exists. Raises NoAnswer if that is unknown: what cannot be seen does not count as missing."""
    return _seen(name, os.lstat) is not None


def _seen(name, look):
    try:
        return look(host.path(name))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as unseen:
        raise NoAnswer("{}: it cannot be seen whether {} is there: {}".format(host.name(), name, unseen.strerror))


def was_member():
    return is_there(rabbitmq.MEMBER_MARK)


def has_data():
    """Whether the broker has a cluster's tables, and has already served with them.

    The tables are Mnesia's (up to 4.2), or Khepri's in `coordination`. A start writes both before it joins a cluster or
    forms one, so they alone prove nothing. Each virtual host's folder is made after that.
    """
    has_tables = is_there(data() + "/cluster_nodes.config") or is_there(data() + "/coordination")
    return has_tables and bool(_seen(data() + "/msg_stores/vhosts", os.listdir))


# Which brokers a broker waits for: at its start it loads the cluster's tables from one that still ran when it stopped
# itself. It records at every change which brokers run beside it.


def beside():
    """Returns the brokers that still ran when this one stopped, or that run beside it now; None without data."""
    text = files.read(data() + "/nodes_running_at_shutdown", "")
    if not text and not is_there(data() + "/nodes_running_at_shutdown"):
        return None
    names = re.findall(r"rabbit@([A-Za-z0-9._-]+)", text)
    return [name for name in names if name != host.name()]


def log_size():
    try:
        return os.stat(host.path(rabbitmq.log_file())).st_size
    except OSError:
        return 0


def log(since=None):
    """Returns the broker's log from an offset on, or its end. A log that is shorter than the offset is a new one."""
    try:
        with open(host.path(rabbitmq.log_file()), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - MOST_BYTES)
            if since is not None:
                start = max(start, since if since <= size else 0)
            file.seek(start)
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def logged(patterns, since):
    text = log(since)
    return any(pattern in text for pattern in patterns)


def waits(since=None):
    """Whether the newest start still waits for the cluster's tables from another broker."""
    waiting = False
    for line in log(since).splitlines():
        if "Waiting for Mnesia tables" in line:
            waiting = True
        if re.search("Successfully synced tables|Server startup complete|incompatible_feature_flags", line):
            waiting = False
    return waiting


def last_words():
    """Returns the ends of the logs that show why the broker did not start."""
    said = rabbitmq.boot_errors()
    lines = files.tail(rabbitmq.log_file(), 3 if said else 8).splitlines() + _standard_error().splitlines()
    return "\n".join(systemd.journal(rabbitmq.UNIT, 2 if said else 4).splitlines() + lines + said.splitlines())


def _standard_error():
    """Returns what the unit's programs, `may-start` among them, have said where its package sends that to a file."""
    try:
        age = time.time() - os.stat(host.path(STANDARD_ERROR)).st_mtime
    except OSError:
        return ""
    return files.tail(STANDARD_ERROR, 4) if age < RECENT_SECONDS else ""


def failed(words):
    """Returns the error of a broker that has not come up, with the end of its log."""
    return StepError("{}: {}:".format(host.name(), words), log=files.tail(rabbitmq.log_file(), 3))


def _is_elsewhere(folder):
    """Whether a folder is in another file system than the one around it, into which nothing can be renamed."""
    return os.path.islink(folder) or os.stat(folder).st_dev != os.stat(os.path.dirname(folder)).st_dev


def put_aside(why):
    """Renames the data of a stopped broker, without deleting any of it. Returns where it is.

    From then on it is a new broker. With a member's mark it would get no copies of the cluster's queues.
    """
    if not systemd.is_stopped(rabbitmq.UNIT):
        raise StepError("{}: rabbitmq-server runs, so its data stays where it is".format(host.name()))
    separator = "/" if _is_elsewhere(host.path(rabbitmq.DATA)) else "."
    aside = "{}{}{}-{}".format(rabbitmq.DATA, separator, why, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    number = 0
    while is_there(aside + ("-{}".format(number) if number else "")):
        number += 1
    aside += "-{}".format(number) if number else ""
    files.remove(rabbitmq.MEMBER_MARK)
    os.mkdir(host.path(aside), 0o750)
    if os.getuid() == 0:
        os.chown(host.path(aside), *rabbitmq.account())
    for entry in sorted(os.listdir(host.path(rabbitmq.DATA))):
        # The node's folder, and what is beside it: NODE-feature_flags, NODE-plugins-expand, NODE.pid.
        if entry == rabbitmq.node() or entry.startswith((rabbitmq.node() + "-", rabbitmq.node() + ".")):
            os.rename(host.path(rabbitmq.DATA + "/" + entry), host.path(aside + "/" + entry))
    return aside
