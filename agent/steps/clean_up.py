"""Removes all that the program has put on this machine, and finally itself.

Packages, the system's own settings and all that is not the program's stay. What was on the machine in the place of the
program's files is given back. The brokers' data stays without --purge.
With --purge it is deleted only once systemd has said that no broker runs.
"""

import contextlib
import glob
import os

from .. import (
    apt,
    command,
    files,
    firewall,
    host,
    hosts_file,
    inter_node,
    kept,
    owner,
    plugin_files,
    rabbitmq,
    sent,
    sources,
    system_services,
    systemd,
)
from ..errors import StepError
from . import ssh_key

TIMEOUT_SECONDS = 110

PROGRAM = "/usr/local/lib/rabbitmq-ha"
LAUNCHER = "/usr/local/bin/rabbitmq-ha"
HAPROXY_BUILD = "/usr/local/haproxy"

# The services that only the program has.
OWN_SERVICES = {
    "broker": ["rabbitmq-ha-watch.service", "rabbitmq-ha-agent.socket"],
    "balancer": ["rabbitmq-ha-vrrp-watch.service"],
}

# What belongs to the program by its name.
FOLDERS = ("/usr/libexec/rabbitmq-ha", "/etc/rabbitmq-ha", "/run/rabbitmq-ha")
PATTERNS = (
    system_services.UNITS + "/rabbitmq-ha-*",
    "/usr/libexec/keepalived/rabbitmq-ha-*",
    "/run/lock/rabbitmq-ha-*",
    "/var/log/rabbitmq-ha-*",
)


def arguments(parser):
    parser.add_argument("--role", required=True, choices=sorted(system_services.FILES), help="what the machine was")
    parser.add_argument("--purge", action="store_true", help="the broker's data goes, too")
    parser.add_argument("--stack-id", help="whose machine it has to be")
    parser.add_argument("--host", help="the name in the stack that it has to have")


def run(wanted):
    if _is_anothers(wanted):
        return
    kept.check()
    own = [unit for unit in system_services.FILES[wanted.role] if _is_own(unit, wanted.role)]
    for unit in OWN_SERVICES[wanted.role]:
        _stop(unit)
    for unit in own:
        _stop(unit)
    if wanted.role == "broker":
        _leave_broker(wanted.purge, rabbitmq.UNIT in own)
        plugin_files.remove_all()
    for line in firewall.close_all():
        print("{}: still open in the machine's own firewall: {}".format(host.name(), line))
    apt.Apt.tidy()
    sources.give_back()
    for unit in own:
        _remove_files(unit, wanted.role)
    if wanted.role == "balancer":
        _remove_build()
    kept.give_back(wanted.host or host.full_name())
    if wanted.role == "balancer" or wanted.purge:
        files.remove_tree(host.STATE)
    files.remove(owner.MARK)
    files.remove(ssh_key.NOTE)
    sent.forget()
    _remove_own()
    systemd.reload_units()
    _leave_hosts_file()
    if wanted.role == "broker":
        inter_node.write(False)
    for folder in FOLDERS + (PROGRAM,):
        files.remove_tree(folder)
    files.remove(LAUNCHER)


def _is_anothers(wanted):
    """Whether the machine bears another stack's mark by now, or another name of this stack's. One without a mark is ours."""
    found = owner.other_than(wanted.stack_id, wanted.host) if wanted.stack_id is not None else None
    if found is None:
        return False
    print(
        "{}: belongs to stack {} as {} now, so nothing of it is removed for {}".format(
            host.name(), found.stack, found.host_name, wanted.host
        )
    )
    return True


def _is_own(unit, role):
    """Whether the program, and nobody else, has set up a service."""
    drop_in = system_services.drop_in(unit)
    return host.exists(drop_in) or any(_bears_mark(name) for name in system_services.FILES[role][unit])


def _bears_mark(name):
    return system_services.OWN in files.read(name, "")


def _stop(unit):
    """Stops a unit and disables it at boot. Raises StepError unless systemd says that it does not run."""
    if not systemd.exists(unit):
        return
    command.attempt(["systemctl", "disable", unit], seconds=30)
    systemd.act("stop", unit, seconds=90)
    _see_stopped(unit)


def _see_stopped(unit):
    state = systemd.state(unit)
    if state not in systemd.STOPPED:
        raise StepError(
            "{}: {} is {} and has to be stopped before its files go".format(host.name(), unit, state or "in no state"),
            "systemctl stop {}, and run this again".format(unit),
        )


def _leave_broker(purge, is_own):
    """Deletes the broker's data if purge is set, before the files go that show that it is the program's own."""
    if not purge:
        if host.exists(rabbitmq.DATA):
            print(
                "{}: the broker's data stays in {}; existing.purge: true deletes it".format(host.name(), rabbitmq.DATA)
            )
        return
    if host.exists(rabbitmq.DATA) and not is_own:
        print("{}: {} stays, since its broker is not the program's".format(host.name(), rabbitmq.DATA))
        return
    _see_stopped(rabbitmq.UNIT)
    files.remove_tree(rabbitmq.DATA)
    files.remove(rabbitmq.HOME + "/.erlang.cookie")


def _remove_files(unit, role):
    files.remove(system_services.drop_in(unit))
    _remove_if_empty(os.path.dirname(system_services.drop_in(unit)))
    for name in system_services.FILES[role][unit]:
        if _bears_mark(name):
            files.remove(name)
    if unit == rabbitmq.UNIT:
        files.remove(rabbitmq.PLUGINS)
        files.remove(rabbitmq.HOME + "/rabbitmq-ha.started")


def _remove_build():
    # Only the program's own build has this file, also one that failed half-way and has no mark of its end.
    if host.exists(HAPROXY_BUILD + "/dev/log"):
        files.remove_tree(HAPROXY_BUILD)


def _remove_own():
    if files.remove(rabbitmq.SECRETS):
        _remove_if_empty(os.path.dirname(rabbitmq.SECRETS))
    for pattern in PATTERNS:
        for path in glob.glob(host.path(pattern)):
            files.remove_tree(path[len(host.ROOT) :])


def _remove_if_empty(folder):
    with contextlib.suppress(OSError):
        os.rmdir(host.path(folder))


def _leave_hosts_file():
    text = files.read(hosts_file.PATH, "")
    if hosts_file.BEGIN in text:
        files.write(hosts_file.PATH, hosts_file.without_block(text))
