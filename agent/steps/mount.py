"""Mounts the volume that holds the broker's data, which stays when the machine is replaced.

Standard input has the volume's ID and, behind it, the time of its creation. Only a volume that was created in the last
day, and whose beginning is readable and empty, gets a file system. That is recorded before it is done. The file system
of a volume that has grown grows too.
"""

import datetime
import os
import re
import stat
import sys

from .. import clock, command, files, host, systemd
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 180

FSTAB = "/etc/fstab"
MOUNTS = "/proc/self/mounts"
LINKS = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_"
OPTIONS = "defaults,noatime,nofail,x-systemd.device-timeout=60 0 2"

# What this host has done to each volume, one file for each.
MARKS = host.STATE + "/volumes"
BEGUN, DONE = "is given a file system", "has been given a file system"

# How long after its creation a volume may be formatted: in this time an `up` that failed is run again.
NEW_SECONDS = 24 * 3600

# Every file system has its signature within the first 4 MiB; ext4 has a second copy of it at 128 MiB.
BEGINNING = (0, 4 << 20)
COPY = (128 << 20, 1 << 20)


def arguments(parser):
    parser.add_argument("--target", required=True, help="the folder that it is mounted at")
    parser.add_argument("--size", type=int, metavar="GIB", help="the volume's size; another one has this run again")
    parser.add_argument("--patience", type=float, default=60, metavar="SECONDS", help="how long to wait for it (60)")


def run(wanted):
    volume, made = _volume(sys.stdin.read())
    link = LINKS + volume.replace("-", "", 1)
    clock.await_(
        lambda: is_device(link),
        wanted.patience,
        lambda: StepError(
            "{}: the volume {} has not appeared as {} after {:.0f} s".format(host.name(), volume, link, wanted.patience)
        ),
    )
    found = _file_system(volume, made, link)
    files.make_folder(wanted.target)
    is_mounted = _is_mounted(wanted.target, link)
    _note_in_fstab(wanted.target, found)
    if not is_mounted:
        command.do(["mount", wanted.target], seconds=60)
    _end_format(volume)
    _grow(wanted.target, link, found["TYPE"])
    _give_owner(wanted.target, volume)
    files.relabel(host.path(wanted.target))


def _volume(text):
    """Returns a volume's ID and its time of creation; the time is None if it is not given."""
    words = text.split()
    if not words or re.fullmatch(r"vol-[0-9a-f]+", words[0]) is None:
        raise StepError("{}: standard input has no volume's ID".format(host.name()))
    return words[0], words[1] if len(words) > 1 else None


def is_device(link):
    try:
        return stat.S_ISBLK(os.stat(host.path(link)).st_mode)
    except OSError:
        return False


def read(link, place):
    """Reads a part of a device. It returns fewer bytes only where the device ends."""
    offset, length = place
    with open(host.path(link), "rb") as device:
        device.seek(offset)
        return device.read(length)


def _file_system(volume, made, link):
    """Formats the volume if it may and must be. Returns blkid's fields of the volume's file system."""
    mark = MARKS + "/" + volume
    if _is_empty(volume, link):
        _may_be_formatted(volume, made, link, mark)
        _format(link, mark)
    elif files.read(mark, "").strip() == BEGUN and not _is_known(link):
        # This host began to format it, so nobody has ever put anything on it.
        _format(link, mark)
    other = StepError(
        "{}: the volume {} holds something that is no file system; empty it, or take another one".format(
            host.name(), volume
        )
    )
    try:
        said = command.ask(["blkid", "-p", "-o", "export", link], seconds=30)
    except NoAnswer as unknown:
        other.log = unknown.report()
        raise other
    fields = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    if fields.get("USAGE") != "filesystem":
        raise other
    if not fields.get("UUID") or not fields.get("TYPE"):
        raise NoAnswer("{}: blkid does not say which file system {} holds".format(host.name(), volume))
    return fields


def _is_empty(volume, link):
    try:
        beginning = read(link, BEGINNING)
        if any(beginning):
            return False
        copy = read(link, COPY)
    except OSError as failure:
        raise NoAnswer(
            "{}: the volume {} cannot be read, so nothing is done to it: {}".format(
                host.name(), volume, failure.strerror or failure
            ),
            "look at it in the account, and run this again",
        )
    if not beginning:
        raise NoAnswer("{}: the volume {} has no size, so nothing is done to it".format(host.name(), volume))
    if any(copy):
        raise StepError(
            "{}: the beginning of the volume {} is empty, and the rest is not: its file system is damaged".format(
                host.name(), volume
            ),
            "repair it ({}), or restore a snapshot of it".format(link),
        )
    return True


def _is_known(link):
    """Whether blkid finds anything on a device. If not, it ends with 2."""
    return command.holds(["blkid", "-p", link], yes=0, no=2, seconds=30)


def _may_be_formatted(volume, made, link, mark):
    """Raises StepError unless the volume can never have held anything."""
    if _is_known(link):
        raise NoAnswer("{}: the volume {} reads empty here, and blkid finds something".format(host.name(), volume))
    noted = files.read(mark, "").strip()
    if noted == BEGUN:
        return
    if noted == DONE:
        raise StepError(
            "{}: the volume {} {} by this host, and is empty now".format(host.name(), volume, DONE),
            "restore a snapshot of it",
        )
    if not _is_new(made):
        raise StepError(
            "{}: the volume {}, made {}, has no file system; only one that was made in the last day gets one".format(
                host.name(), volume, "at " + made if made else "at an unknown time"
            ),
            "If nothing was ever on it, run mkfs.ext4 -m 1 {}, and this again; else restore a snapshot".format(link),
        )


def _is_new(made):
    """Whether a time such as 2026-03-01T12:00:00Z or 2026-03-01T12:00:00.123Z is less than a day away."""
    match = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)$", made or "")
    if match is None:
        return False
    then = datetime.datetime.strptime(match.group(1), "%Y-%m-%dT%H:%M:%S")
    return abs((utc_now() - then).total_seconds()) < NEW_SECONDS


def utc_now():
    """Returns the time of day. It is used only to refuse something."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def _format(link, mark):
    files.write(mark, BEGUN + "\n")
    command.do(["mkfs.ext4", "-q", "-m", "1", link], seconds=150)
    files.write(mark, DONE + "\n")


def _end_format(volume):
    """Marks the format as done: what is mounted can get data.

    A run that was killed after mkfs has left the permission to format it again.
    """
    mark = MARKS + "/" + volume
    if files.read(mark, "").strip() == BEGUN:
        files.write(mark, DONE + "\n")


def _grow(target, link, kind):
    """Has a mounted file system take the whole volume. One that does already stays as it is."""
    if kind.startswith("ext"):
        command.do(["resize2fs", link], seconds=150)
    elif kind == "xfs":
        command.do(["xfs_growfs", target], seconds=150)


def _note_in_fstab(target, found):
    line = "UUID={} {} {} {}".format(found["UUID"], target, found["TYPE"], OPTIONS)
    lines = files.read(FSTAB, "").splitlines()
    if line in lines:
        return
    # Another entry for the same folder does not apply any more.
    kept = [each for each in lines if each.lstrip().startswith("#") or each.split()[1:2] != [target]]
    files.write(FSTAB, "".join(each + "\n" for each in kept + [line]))
    systemd.reload_units()


def _mounted_at(target):
    """Returns the device that is mounted at a folder; None if none is."""
    text = files.read(MOUNTS, "")
    fields = [line.split(" ") for line in text.splitlines()]
    if not any(each[1:2] == ["/"] for each in fields):
        raise NoAnswer("{}: {} does not say what is mounted".format(host.name(), MOUNTS))
    return next((each[0] for each in reversed(fields) if each[1:2] == [target]), None)


def _is_mounted(target, link):
    """Whether the volume is already mounted there. Raises StepError if it must not be, now or at a boot."""
    device = _mounted_at(target)
    if device is None:
        if os.listdir(host.path(target)):
            raise StepError(
                "{}: {} holds data on the machine's own disk, which the volume would hide; move it away first".format(
                    host.name(), target
                )
            )
        return False
    if os.path.realpath(host.path(device)) != os.path.realpath(host.path(link)):
        raise StepError(
            "{}: {} is on {}, which is not the stack's volume {}".format(host.name(), target, device, link),
            "stop RabbitMQ, unmount it, and run this again",
        )
    return True


def owner(target):
    found = os.stat(host.path(target))
    return found.st_uid, found.st_gid


def _give_owner(target, volume):
    """Gives the package's user the uid that owns the data of an earlier machine."""
    user, group = owner(target)
    if user == 0 or _is_there("passwd", "rabbitmq"):
        return
    if _is_there("passwd", str(user)):
        raise StepError(
            "{}: the data on {} belongs to user {}, who is somebody else on this image; chown it to a free one".format(
                host.name(), volume, user
            )
        )
    if not _is_there("group", str(group)):
        command.do(["groupadd", "-r", "-g", str(group), "rabbitmq"])
    options = ["-u", str(user), "-g", str(group), "-d", target, "-M", "-s", "/usr/sbin/nologin"]
    command.do(["useradd", "-r"] + options + ["rabbitmq"])


def _is_there(database, key):
    """Whether a user or a group exists, by name or by number."""
    return command.holds(["getent", database, key], yes=0, no=2)
