"""Files of the host. A write replaces the whole file: a new file beside it, fsync, rename."""

import contextlib
import os

from . import command, host


def read(name, otherwise=None):
    """Returns a file's text. For a missing file it returns `otherwise`, if given; any other failure is raised."""
    try:
        with open(host.path(name), encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        if otherwise is None:
            raise
        return otherwise


def make_folder(name, mode=0o755):
    os.makedirs(host.path(name), mode=mode, exist_ok=True)


def write(name, text, mode=0o644, owner=None, check=None, labelled=True):
    """Replaces a whole file atomically. Returns whether anything changed.

    owner: (uid, gid), by default root.
    check: called with the path of the new file before the rename; raises if the file must not be used.
    labelled: whether to set the SELinux label, which nothing under /run needs.
    """
    path = host.path(name)
    data = text.encode("utf-8", "surrogateescape")
    uid, gid = owner or (os.getuid(), os.getgid())
    if _is(path, data, mode, uid, gid):
        return False
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    candidate = "{}.{}.new".format(path, os.getpid())
    with contextlib.suppress(FileNotFoundError):
        os.unlink(candidate)  # a killed run's
    # Nobody else may read it before it has its mode.
    number = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fchown(file.fileno(), uid, gid)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if check is not None:
            check(candidate)
        if labelled:
            relabel(candidate)
        os.rename(candidate, path)
    except BaseException:
        os.unlink(candidate)
        raise
    sync_folder(folder)
    return True


def _is(path, data, mode, uid, gid):
    try:
        found = os.stat(path)
        if not os.path.isfile(path) or os.path.islink(path):
            return False
        with open(path, "rb") as file:
            same = file.read() == data
    except FileNotFoundError:
        return False
    return same and (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (mode, uid, gid)


def read_exactly(name):
    """Returns a file's text, with its line ends unchanged."""
    with open(host.path(name), "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")


def copy(name, target):
    """Copies a file to the byte, with its owner and mode; a link as a link."""
    path = host.path(name)
    if os.path.islink(path):
        _link(os.readlink(path), host.path(target))
        return
    found = os.stat(path)
    write(target, read_exactly(name), mode=found.st_mode & 0o7777, owner=(found.st_uid, found.st_gid))


def _link(to, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    candidate = "{}.{}.new".format(path, os.getpid())
    with contextlib.suppress(FileNotFoundError):
        os.unlink(candidate)
    os.symlink(to, candidate)
    os.rename(candidate, path)
    sync_folder(os.path.dirname(path))


def sync_folder(folder):
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def relabel(path):
    """With SELinux, sets the label that belongs to a file's path; otherwise the file would keep that of its folder."""
    if host.which("restorecon"):
        command.attempt(["restorecon", path], seconds=20)


def remove(name):
    """Removes a file. Returns whether it existed."""
    try:
        os.unlink(host.path(name))
    except FileNotFoundError:
        return False
    return True


def remove_tree(name):
    """Removes one of the program's own folders with all its contents. A missing folder is no error.

    A folder that is a file system of its own stays, and is empty.
    """
    path = host.path(name)
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
        return
    if not os.path.isdir(path):
        return
    for folder, folders, names in os.walk(path, topdown=False):
        for entry in [os.path.join(folder, each) for each in names + folders]:
            if os.path.isdir(entry) and not os.path.islink(entry):
                os.rmdir(entry)
            else:
                os.unlink(entry)
    if not os.path.ismount(path):
        os.rmdir(path)


def tail(name, lines=15, size=100000):
    """Returns the end of a log; empty if there is none."""
    try:
        with open(host.path(name), "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - size))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
