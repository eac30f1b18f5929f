"""The processor time that the processes of a systemd unit have used, from the unit's cgroup (version 1 or 2)."""

import os

from . import host

_MOUNTS = "/proc/self/mountinfo"


def work_seconds(group):
    """Returns the seconds of processor time that a unit's cgroup has used so far; None if that is unknown.

    group: the cgroup as systemd names it (ControlGroup=); empty if the unit has none.
    """
    if not group:
        return None
    folders = _folders(group)
    if not any(_processes(folder) for _, folder in folders):
        return None
    for kind, folder in folders:
        if not _processes(folder):
            continue
        taken = _unified(folder) if kind == "cgroup2" else _accounted(folder)
        if taken is not None:
            return taken
    return _summed(processes(group))


def processes(group):
    """Returns the processes of a unit's cgroup; none if that is unknown."""
    return (
        next((found for found in (_processes(folder) for _, folder in _folders(group)) if found), []) if group else []
    )


def _folders(group):
    """Returns the group's folder in each mounted hierarchy: version 2 first, then those of version 1."""
    text = _read(_MOUNTS)
    if text is None:
        return []
    found = []
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kind = before.split(), after.split(" ")[0]
        if separator and kind in ("cgroup", "cgroup2") and len(fields) > 4:
            folder = _below(fields[4], fields[3], group)
            if (kind, folder) not in found and os.path.isdir(host.path(folder)):
                found.append((kind, folder))
    return sorted(found, key=lambda each: each[0] != "cgroup2")


def _below(mount, root, group):
    """Returns the group's folder.

    A container's mount may begin below the hierarchy's root, while systemd counts from the root.
    """
    if root != "/" and (group + "/").startswith(root + "/"):
        group = group[len(root) :]
    return mount.rstrip("/") + group


def _read(name):
    try:
        with open(host.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def _processes(folder):
    return (_read(folder + "/cgroup.procs") or "").split()


def _unified(folder):
    for line in (_read(folder + "/cpu.stat") or "").splitlines():
        key, _, value = line.partition(" ")
        if key == "usage_usec" and value.isdigit():
            return int(value) / 1e6
    return None


def _accounted(folder):
    taken = (_read(folder + "/cpuacct.usage") or "").strip()
    return int(taken) / 1e9 if taken.isdigit() else None


def _summed(processes):
    """Adds up the time of these processes and of their ended children; None if one of them ends meanwhile."""
    ticks = 0
    for process in processes:
        fields = (_read("/proc/{}/stat".format(process)) or "").rpartition(")")[2].split()
        if len(fields) < 15:
            return None
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")
