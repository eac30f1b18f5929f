"""The system's package sources: its own archive, or a mirror in its place.

Each file is made from its original, which is kept until it is restored.
"""

import glob
import os
import re

from . import files, host, system_services
from .errors import StepError

# The original files, each by its path, and the mirror in use. While one mirror replaces another, both are listed, one a
# line.
KEPT = host.STATE + "/sources"
COPIES = KEPT + "/files"
MIRROR = KEPT + "/mirror"

APT = (
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/*.list",
    "/etc/apt/sources.list.d/*.sources",
    "/etc/apt/mirrors/*.list",
)
RPM = ("/etc/yum.repos.d/*.repo",)

# The brokers' package repository, as the program writes it (templates/rabbitmq).
REPOSITORY = (
    "/etc/yum.repos.d/rabbitmq-ha.repo",
    "/etc/apt/sources.list.d/rabbitmq-ha.list",
    "/etc/apt/preferences.d/rabbitmq-ha",
)
# Its key, by whether apt reads it.
KEYS = {True: "/etc/apt/keyrings/rabbitmq-ha.asc", False: "/etc/pki/rpm-gpg/rabbitmq-ha.asc"}


def arguments(parser, required=True):
    choices = ("apt", "yum", "dnf")
    parser.add_argument("--installer", required=required, choices=choices, help="what installs packages here")
    parser.add_argument("--archive", metavar="REGEX", help="the URLs that a mirror stands in for")
    parser.add_argument("--mirror", default="", metavar="URL", help="it stands in for them; without it, nothing does")


def point(installer, archive, mirror):
    """Makes the sources use the mirror instead of the archive; without a mirror, undoes an earlier one's changes."""
    if not mirror:
        if _noted():
            _restore()
        return
    if not archive:
        raise StepError("a mirror needs --archive: what it stands in for")
    change = _Change(mirror)
    if installer == "apt":
        _point_apt(change, archive)
    else:
        _point_rpm(change, archive)


def _point_apt(change, archive):
    # In both formats of these files, spaces or tabs separate a URL from the rest of its line.
    wanted = re.compile(r"(?<![^ \t])(?:{})(?![^ \t\r\n])".format(archive))

    def pointed(line):
        return line if line.startswith("#") else wanted.sub(lambda _: change.mirror, line)

    names = _existing(APT)
    for name in names:
        change.make(name, pointed)
    change.end()
    if not any(change.mirror in files.read_exactly(name) for name in names):
        raise StepError(
            "{}: no source of /etc/apt is one of the system's own archive, so packages.mirror ({}) has no place to"
            " stand in".format(host.name(), change.mirror),
            "write it into /etc/apt/sources.list, or leave packages.mirror out",
        )


def _point_rpm(change, archive):
    # By default these files use lists of mirrors. CentOS 7's list does not exist any more.
    wanted = re.compile(r"^#? ?baseurl=(?:{})/".format(archive))

    def pointed(line):
        if line.startswith("mirrorlist="):
            return "#" + line
        return wanted.sub(lambda _: "baseurl={}/".format(change.mirror), line)

    for name in _existing(RPM):
        if host.exists(COPIES + name) or any(wanted.search(line) for line in files.read_exactly(name).split("\n")):
            change.make(name, pointed)
    change.end()


class _Change:
    """Puts a mirror in the place of the archive, or of an earlier mirror."""

    def __init__(self, mirror):
        self.mirror = mirror
        self._former = [each for each in _noted() if each != mirror]
        _note(self._former + [mirror])

    def make(self, name, pointed):
        """Applies `pointed` to each line of a file, or of its original if it has an earlier mirror."""
        present = files.read_exactly(name)
        copy = COPIES + name
        # In a file with another mirror, what was there before can no longer be recognised.
        is_base = not host.exists(copy) or not any(each in present for each in self._former)
        base = present if is_base else files.read_exactly(copy)
        wanted = "\n".join(pointed(line) for line in base.split("\n"))
        if wanted == present:
            return
        if is_base:
            _copy(name, copy)
        _write(name, wanted, like=name)

    def end(self):
        _note([self.mirror])


def give_back():
    """Undoes everything: restores every file that still has the mirror, and removes the program's own files."""
    _restore()
    for name in REPOSITORY:
        if host.exists(name) and system_services.OWN in files.read_exactly(name):
            files.remove(name)
    for name in KEYS.values():
        files.remove(name)


def changed_at():
    """Returns when apt's sources were changed last, in seconds since 1970; 0 if there are none."""
    return max([os.stat(host.path(name)).st_mtime for name in _existing(APT)] or [0])


def _restore():
    """Restores the files that have the mirror. One without it was rewritten by somebody else, and stays."""
    noted = _noted()
    root = host.path(COPIES)
    for folder, _, names in os.walk(root):
        for entry in sorted(names):
            copy = os.path.join(folder, entry)[len(host.ROOT) :]
            name = copy[len(COPIES) :]
            if host.exists(name) and (not noted or any(each in files.read_exactly(name) for each in noted)):
                _copy(copy, name)
    files.remove_tree(KEPT)


def _noted():
    return [line for line in files.read(MIRROR, "").splitlines() if line]


def _note(mirrors):
    files.write(MIRROR, "".join(each + "\n" for each in mirrors))


def _existing(patterns):
    found = [path for pattern in patterns for path in sorted(glob.glob(host.path(pattern)))]
    return [path[len(host.ROOT) :] for path in found if os.path.isfile(path)]


def _copy(name, target):
    _write(target, files.read_exactly(name), like=name)


def _write(name, text, like):
    """Writes a file with the owner and the mode of another one."""
    found = os.stat(host.path(like))
    files.write(name, text, mode=found.st_mode & 0o7777, owner=(found.st_uid, found.st_gid))
