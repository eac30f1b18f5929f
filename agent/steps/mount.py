"""Mounts the volume that holds the broker's data; it stays when the machine is another one.

Standard input has the volume's ID and, behind it, when it was made. Only a volume that was made just now, whose
beginning could be read and is empty, gets a file system, and that is noted before it is done.
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

# What this host has done to which volume: a file for each.
MARKS = host.STATE + "/volumes"
BEGUN, DONE = "is given a file system", "has been given a file system"

# How long after it was made a volume may be given a file system: an `up` that failed is run again in this time.
NEW_SECONDS = 24 * 3600

# Every file system tells what it is within the first 4 MiB; ext4 has a second copy of that at 128 MiB.
BEGINNING = (0, 4 << 20)
COPY = (128 << 20, 1 << 20)


def arguments(parser):
    parser.add_argument("--target", required=True, help="the folder that it is mounted at")
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
    _give_owner(wanted.target, volume)
    files.relabel(host.path(wanted.target))


def _volume(text):
    """A volume's ID, and when it was made; None where that is not said."""
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
    """A part of a device: fewer bytes only where the device ends."""
    offset, length = place
    with open(host.path(link), "rb") as device:
        device.seek(offset)
        return device.read(length)


def _file_system(volume, made, link):
    """What is on the volume, by blkid's words; a file system, after this."""
    mark = MARKS + "/" + volume
    if _is_empty(volume, link):
        _may_be_formatted(volume, made, link, mark)
        _format(link, mark)
    elif files.read(mark, "").strip() == BEGUN and not _is_known(link):
        # Nobody has ever put anything into what this host has made half of.
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
    """Whether blkid finds anything on a device. To say no it ends with 2."""
    return command.holds(["blkid", "-p", link], yes=0, no=2, seconds=30)


def _may_be_formatted(volume, made, link, mark):
    """Raises StepError unless nothing can ever have been on this volume."""
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
    """The time of day, which is used to refuse only."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def _format(link, mark):
    files.write(mark, BEGUN + "\n")
    command.do(["mkfs.ext4", "-q", "-m", "1", link], seconds=150)
    files.write(mark, DONE + "\n")


def _end_format(volume):
    """What is mounted can get data: a run that was killed behind mkfs has left the leave to make a file system."""
    mark = MARKS + "/" + volume
    if files.read(mark, "").strip() == BEGUN:
        files.write(mark, DONE + "\n")


def _note_in_fstab(target, found):
    line = "UUID={} {} {} {}".format(found["UUID"], target, found["TYPE"], OPTIONS)
    lines = files.read(FSTAB, "").splitlines()
    if line in lines:
        return
    # Who is mounted there now is not mounted there any more.
    kept = [each for each in lines if each.lstrip().startswith("#") or each.split()[1:2] != [target]]
    files.write(FSTAB, "".join(each + "\n" for each in kept + [line]))
    systemd.reload_units()


def _mounted_at(target):
    """The device that is mounted at a folder; None where none is."""
    text = files.read(MOUNTS, "")
    fields = [line.split(" ") for line in text.splitlines()]
    if not any(each[1:2] == ["/"] for each in fields):
        raise NoAnswer("{}: {} does not say what is mounted".format(host.name(), MOUNTS))
    return next((each[0] for each in reversed(fields) if each[1:2] == [target]), None)


def _is_mounted(target, link):
    """Whether the volume is in its place already. Raises StepError where it may not get there, now or at a boot."""
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
    """Data of an earlier machine's belongs to a user of that machine's; the package's own user gets the same number."""
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
    """Whether a user or a group is known, by name or by number."""
    return command.holds(["getent", database, key], yes=0, no=2)
