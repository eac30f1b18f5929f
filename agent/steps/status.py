"""Shows in one screen what this host is, what it serves, and which steps run on it.

It changes nothing and waits for nobody: each question has a limit of some seconds, and a missing answer is shown as
such.
"""

import os
import re

from .. import (
    broker_conf,
    cluster,
    command,
    condition,
    files,
    haproxy,
    host,
    lock,
    minority,
    systemd,
    vrrp,
    watch_notes,
)
from ..errors import NoAnswer, StepError
from . import vrrp_watch, watch

TIMEOUT_SECONDS = None
LOCK = None
QUESTION_SECONDS = 10

HOME = "/usr/local/lib/rabbitmq-ha"
BROKER_UNITS = ("rabbitmq-server", "rabbitmq-ha-watch", "rabbitmq-ha-agent.socket")
BALANCER_UNITS = ("haproxy", "keepalived", "rabbitmq-ha-vrrp-watch")
# The files that the stack writes to a broker's host and to a balancer's.
BROKER_FILES = (
    broker_conf.FILE,
    "/etc/rabbitmq/rabbitmq.conf",
    "/etc/rabbitmq/advanced.config",
    "/etc/rabbitmq/conf.d/rabbitmq-ha-secrets.conf",
    "/etc/rabbitmq/enabled_plugins",
    "/etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf",
    "/etc/systemd/system/rabbitmq-ha-watch.service",
)
BALANCER_FILES = (
    "/etc/haproxy/haproxy.cfg",
    "/etc/haproxy/stats.cfg",
    "/etc/systemd/system/haproxy.service.d/rabbitmq-ha.conf",
    "/etc/keepalived/keepalived.conf",
    "/etc/systemd/system/keepalived.service.d/rabbitmq-ha.conf",
    "/etc/systemd/system/rabbitmq-ha-vrrp-watch.service",
)
KEEPALIVED_CONF = vrrp.CONF


def arguments(_parser):
    pass


def run(_wanted):
    is_broker, is_balancer = _is(BROKER_FILES), _is(BALANCER_FILES)
    roles = [word for word, so in (("a broker", is_broker), ("a balancer", is_balancer)) if so]
    print("{}: {} of rabbitmq-ha, program {}".format(host.name(), " and ".join(roles) or "no host", _version()))
    questions = [_files]
    if is_broker:
        questions += [lambda: _units(BROKER_UNITS), _broker, _members]
    if is_balancer:
        questions += [lambda: _units(BALANCER_UNITS), _backends, _address]
    for said in command.side_by_side(questions + [_watch, _locks]):
        if isinstance(said, StepError):
            said = ["  no answer: {}".format(said.message)]
        elif isinstance(said, Exception):
            said = ["  cannot be told: {}".format(said)]
        for line in said:
            print(line)


def _is(names):
    """Whether the host has a file that only the stack writes."""
    return any(host.exists(name) for name in names if "rabbitmq-ha" in name)


def _version():
    try:
        return os.readlink(host.path(HOME + "/current"))
    except OSError:
        return "without a version"


def _files():
    lines = []
    for role, names in (("broker", BROKER_FILES), ("balancer", BALANCER_FILES)):
        missing = [name for name in names if not host.exists(name)]
        if len(missing) < len(names) and _is(names):
            lines.append("files of the {}: {}".format(role, "lacks " + ", ".join(missing) if missing else "all there"))
    return lines


def _units(units):
    return [_unit(unit) for unit in units]


def _unit(unit):
    try:
        said = systemd.properties(unit, "LoadState", "ActiveState", "SubState", "ActiveEnterTimestamp")
    except StepError as silent:
        return "{}: no answer: {}".format(unit, silent.message)
    if said["LoadState"] == "not-found":
        return "{}: not there".format(unit)
    since = " since {}".format(said["ActiveEnterTimestamp"]) if said["ActiveEnterTimestamp"] else ""
    return "{}: {} ({}){}".format(unit, said["ActiveState"], said["SubState"], since)


def _broker():
    try:
        said = condition.ask(condition.STATE, QUESTION_SECONDS)
    except StepError as silent:
        return ["broker: no answer: {}".format(silent.message)]
    words = ["runs" if said.running else "starts" if said.booting else "its Erlang node answers, RabbitMQ does not run"]
    words += ["is being drained"] if said.drained else []
    if said.is_suspended:
        by = " (by the watch: it is cut off from the majority)" if _is_paused() else ""
        words.append("its listeners are suspended" + by)
    words += ["listens at {}".format(", ".join(str(port) for port in sorted(said.ports)))] if said.ports else []
    return ["broker: {}".format("; ".join(words))]


def _is_paused():
    noted = minority.paused()
    try:
        return noted != "" and systemd.started(BROKER_UNITS[0]) == noted
    except StepError:
        return False


def _members():
    try:
        said = cluster.look(seconds=QUESTION_SECONDS)
    except StepError as silent:
        return ["cluster: no answer: {}".format(silent.message)]
    down = [name for name in said.members if name not in said.running]
    return [
        "cluster {}: RabbitMQ {}, members {}; {}".format(
            said.name,
            said.version,
            ", ".join(said.members),
            "not running: " + ", ".join(down) if down else "all running",
        )
    ]


def _backends():
    """Returns HAProxy's state of each broker."""
    try:
        views = haproxy.brokers()
    except NoAnswer as silent:
        return ["HAProxy's socket: no answer: {}".format(silent.message)]
    lines = []
    for proxy in sorted({proxy for proxy, _, _ in views}):
        states = ["{} {}".format(name, state) for of, name, state in views if of == proxy]
        lines.append("HAProxy, {}: {}".format(proxy, ", ".join(states)))
    return lines


def _address():
    """Returns whether this host holds the virtual address."""
    block = re.search(r"virtual_ipaddress\s*\{\s*([0-9.]+)", files.read(KEEPALIVED_CONF, ""))
    if block is None:
        return ["virtual address: none in {}".format(KEEPALIVED_CONF)]
    address = block.group(1)
    try:
        held = command.ask(["ip", "-o", "-4", "addr", "show"], seconds=QUESTION_SECONDS)
    except StepError as silent:
        return ["virtual address {}: no answer: {}".format(address, silent.message)]
    return ["virtual address {}: {}".format(address, "here" if " {}/".format(address) in held else "not here")]


def _watch():
    lines = files.read(watch_notes.PATH, "").splitlines()
    return ["the watch, last: {}".format(line) for line in lines[-3:]]


def _locks():
    """Returns which steps run now. No lock is taken for this, because that could keep a step from running."""
    folder = host.path(lock.FOLDER)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    held = _held_inodes()
    lines = []
    for name in names:
        if name not in (watch.LOCK, vrrp_watch.LOCK) and os.stat(os.path.join(folder, name)).st_ino in held:
            lines.append("under way: {}, {}".format(name, files.read(lock.FOLDER + "/" + name, "").strip()))
    return lines


def _held_inodes():
    rows = [line.split() for line in files.read("/proc/locks", "").splitlines()]
    return {int(row[5].split(":")[2]) for row in rows if len(row) > 5 and row[1] == "FLOCK" and row[5].count(":") == 2}
