"""The plug-ins' archives that the program has put on this host, noted one a line: its SHA-256 and its name.

A broker is started anew for another file of a plug-in that it has, so the note is part of what it is started with.
"""

import os
import re

from . import fetch, files, host

# RabbitMQ looks here first (rabbit_env, RABBITMQ_PLUGINS_DIR), whichever version is installed.
FOLDER = "/usr/lib/rabbitmq/plugins"
NOTE = host.STATE + "/plugin-files"


def lines():
    return files.read(NOTE, "").splitlines()


def noted():
    """Returns the SHA-256 of each file by its name."""
    return {name: total for total, name in (line.split(" ", 1) for line in lines() if " " in line)}


def note(sums):
    if sums:
        files.write(NOTE, "".join("{} {}\n".format(sums[name], name) for name in sorted(sums)))
    else:
        files.remove(NOTE)


def plugin_of(name):
    """Returns the plug-in that a file or a folder there has, as RabbitMQ tells it from the name."""
    return re.sub(r"\.ez$", "", name).split("-")[0]


def has(name, total):
    path = FOLDER + "/" + name
    return os.path.isfile(host.path(path)) and fetch.sum_of(path) == total


def of_others(sums):
    """Returns what is in the folder and not of the program, with the plug-in of each."""
    folder = host.path(FOLDER)
    found = os.listdir(folder) if os.path.isdir(folder) else []
    return {name: plugin_of(name) for name in sorted(found) if name not in sums}


def remove(name, total):
    """Removes a file; one that somebody has changed stays."""
    path = FOLDER + "/" + name
    if has(name, total):
        files.remove(path)
    elif host.exists(path):
        print("{}: {} stays, since somebody has changed it".format(host.name(), path))


def remove_all():
    for name, total in noted().items():
        remove(name, total)
    files.remove(NOTE)
