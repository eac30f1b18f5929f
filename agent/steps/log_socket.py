"""Mounts the system's log socket, /dev/log, in HAProxy's chroot; HAProxy's unit calls this before each start."""

import os
import stat

from .. import command, files, host

TIMEOUT_SECONDS = 10
LOCK = None

SYSTEM = "/dev/log"


def arguments(parser):
    parser.add_argument("--chroot", required=True, help="the folder that HAProxy locks itself into")


def run(wanted):
    place = wanted.chroot + SYSTEM
    files.make_folder(os.path.dirname(place))
    try:
        if stat.S_ISSOCK(os.stat(host.path(place)).st_mode):
            return
    except FileNotFoundError:
        files.write(place, "", labelled=False)
    command.do(["mount", "--bind", SYSTEM, host.path(place)], seconds=5)
