"""The files that were on this machine before the program wrote its own in their place: kept, and given back at the end."""

import os
import re

from . import command, files, host, hosts_file, rabbitmq, starting, system_services
from .errors import StepError

FOLDER = host.STATE + "/kept"
# Every name that the program has ever taken off the other lines of /etc/hosts.
NAMES = host.STATE + "/kept-names"
HOST_NAME = "/etc/hostname"

# These have a way of their own back.
_CHANGED = (hosts_file.PATH, HOST_NAME)

# What a killed run has left of a copy that it had not finished (files.write).
_UNFINISHED = re.compile(r"\.[0-9]+\.new$")


def keep_all(role):
    """Keeps the files of a machine that the program has not set up in this role yet.

    A copy that is there stays: it is that of an earlier run, and the file may be the program's by now.
    """
    services = system_services.FILES[role]
    if any(host.exists(system_services.drop_in(unit)) for unit in services):
        return
    replaced = [name for names in services.values() for name in names]
    # The step plugins writes this one, without the text at its head.
    plugins = [rabbitmq.PLUGINS] if role == "broker" else []
    for name in replaced + plugins + list(_CHANGED):
        _keep(name)


def _keep(name):
    path, copy = host.path(name), FOLDER + name
    try:
        if not os.path.lexists(path) or os.path.isdir(path) or os.path.lexists(host.path(copy)) or _is_own(name):
            return
        files.make_folder(FOLDER, 0o700)
        files.copy(name, copy)
    except OSError as failure:
        raise StepError(
            "{}: {} cannot be kept, so nothing is written in its place: {}".format(
                host.name(), name, failure.strerror or failure
            ),
            "See to it that it can be read and that {} has room, and run this again.".format(host.STATE),
        )


def _is_own(name):
    if os.path.islink(host.path(name)):
        # The program writes no link, and these two are not replaced.
        return name in _CHANGED
    text = files.read(name)
    return system_services.OWN in text or (name == hosts_file.PATH and hosts_file.BEGIN in text)


def note_names(names):
    """Notes which names are about to be taken off the other lines of /etc/hosts."""
    if os.path.lexists(host.path(FOLDER + hosts_file.PATH)):
        known = sorted(set(_noted_names()) | set(names))
        files.write(NAMES, "".join(name + "\n" for name in known))


def _noted_names():
    return files.read(NAMES, "").split()


def check():
    """Raises StepError unless every kept file can be given back, before anything is removed."""
    for name in _names():
        try:
            _content(FOLDER + name)
        except OSError as failure:
            raise _unreadable(FOLDER + name, failure)


def give_back(host_name):
    """Gives back every kept file, to the byte, and removes its copy then. host_name: what the program has set."""
    for name in _names():
        copy = FOLDER + name
        try:
            if name == hosts_file.PATH:
                _give_back_hosts(copy)
            elif name == HOST_NAME:
                _give_back_host_name(copy, host_name)
            else:
                _give_back(name, copy)
        except OSError as failure:
            raise _unreadable(copy, failure)
        files.remove(copy)
    files.remove(NAMES)
    _remove_empty_folders()


def _give_back(name, copy):
    target, number = name, 1
    # What somebody else has written since stays.
    while os.path.lexists(host.path(target)) and _content(target) != _content(copy):
        target = "{}.before-rabbitmq-ha{}".format(name, "" if number == 1 else "-{}".format(number))
        number += 1
    files.copy(copy, target)
    print("{}: {} is again what it was before{}".format(host.name(), name, "" if target == name else ": " + target))


def _give_back_hosts(copy):
    """Gives the file back if nothing but the program has changed it; else the lines that it took away are named."""
    original, present = files.read(copy), files.read(hosts_file.PATH, "")
    if present == original:
        return
    if hosts_file.without_block(present) == hosts_file.without_names(original, _noted_names()):
        files.copy(copy, hosts_file.PATH)
        return
    lines = present.split("\n")
    lost = [line for line in original.split("\n") if line.strip() and line not in lines]
    if lost:
        print(
            "{}: {} was changed by others too, so it stays without these lines of before: {}".format(
                host.name(), hosts_file.PATH, "; ".join(lost)
            )
        )


def _give_back_host_name(copy, host_name):
    before, present = _first_word(copy), _first_word(HOST_NAME)
    if before and present == host_name and before != present:
        try:
            command.do(["hostnamectl", "set-hostname", before], seconds=30)
        except StepError as failed:
            print("{}: is {} again from its next boot on: {}".format(host.name(), before, failed.message))
        files.copy(copy, HOST_NAME)


def _first_word(name):
    words = [line.strip() for line in files.read(name, "").splitlines()]
    return next((word for word in words if word and not word.startswith("#")), "")


def _names():
    """Returns the paths of all kept files. Raises StepError if that is unknown."""
    found = []

    def fail(failure):
        raise _unreadable(FOLDER, failure)

    root = host.path(FOLDER)
    for folder, _, entries in os.walk(root, onerror=fail) if starting.is_there(FOLDER) else ():
        for entry in entries:
            if not _UNFINISHED.search(entry):
                found.append(os.path.join(folder, entry)[len(root) :])
    return sorted(found)


def _content(name):
    path = host.path(name)
    return ("link", os.readlink(path)) if os.path.islink(path) else ("file", files.read_exactly(name))


def _unreadable(name, failure):
    return StepError(
        "{}: {} cannot be given back: {}".format(host.name(), name, failure.strerror or failure),
        "It is what was on this machine before. Mend that, or move it elsewhere, and run this again.",
    )


def _remove_empty_folders():
    """Removes the folders of the copies, and what a killed run has left of one."""
    root = host.path(FOLDER)
    for folder, _, entries in os.walk(root, topdown=False):
        for entry in filter(_UNFINISHED.search, entries):
            os.unlink(os.path.join(folder, entry))
        os.rmdir(folder)
