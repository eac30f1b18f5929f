"""What a running service has read: its unit notes it at each start and reload, so that a run knows what is due.

A note has a line for each file, its checksum and its path, and a last line that says that it is whole. It lies under
/run, so it ends with the processes that it is about.
"""

import glob
import hashlib
import re

from . import files, host
from .errors import NoAnswer

UNITS = "/etc/systemd/system"
END = "end"
# In the place of a checksum: there was no such file, or it is unknown what the service has read of it.
ABSENT = "absent"
UNKNOWN = "unknown"

# What systemd itself reads of a unit whenever it needs it: a process that runs has nothing of it.
_NO_MATTER = re.compile(r"(ExecStartPre|ExecReload|ExecStopPost|Restart|RestartSec|StartLimit\w*)\s*=")
_LINE = re.compile(r"([0-9a-f]{64}|absent|unknown) (/.+)")

# The program's earlier releases noted a checksum of all files together, by a shell in the unit.
_EARLIER = re.compile(r"cat /dev/null((?: /\S+)*) \| sha256sum >/run/rabbitmq-ha/([^\s/]+)\.(restart|reload)(?=[\s'])")


def path(unit):
    return "{}/{}.started".format(host.RUN, unit)


def write(unit, names):
    """Notes that a service reads these files now."""
    _write(unit, {name: _digest_or_unknown(name) for name in names})


def update(unit, names):
    """Notes that a service that runs has read these files again. Raises NoAnswer where its note is not whole."""
    known = read(unit) or {}
    known.update((name, _digest_or_unknown(name)) for name in names)
    _write(unit, known)


def read(unit):
    """The checksums by path; None where there is no note. Raises NoAnswer where there is one that cannot be read."""
    try:
        text = files.read(path(unit))
    except FileNotFoundError:
        return None
    except OSError as failure:
        raise NoAnswer("{}: {} cannot be read: {}".format(host.name(), path(unit), failure.strerror))
    lines = text.split("\n")
    found = [_LINE.fullmatch(line) for line in lines[:-2]]
    if lines[-2:] != [END, ""] or not all(found):
        raise NoAnswer(
            "{}: {} is not whole, so it is unknown what {} runs with".format(host.name(), path(unit), unit),
            "restart {} when it suits: that writes it anew; then run this again".format(unit),
        )
    return {each.group(2): each.group(1) for each in found if each}


def is_stale(noted, names):
    """Whether one of the files is not what the service has read."""
    return any(noted.get(name) != digest(name) for name in names)


def digest(name):
    """The checksum of a file, of a unit's without what a process that runs has nothing of."""
    try:
        data = _bytes(name)
    except OSError as failure:
        raise NoAnswer("{}: {} cannot be read: {}".format(host.name(), name, failure.strerror))
    if data is None:
        return ABSENT
    if name.startswith(UNITS + "/"):
        data = essence(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest()


def essence(text):
    """What of a unit's file matters to a process that runs: each setting, behind its section."""
    section, settings = "", []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif line and line[0] not in "#;" and not _NO_MATTER.match(line):
            settings.append("{} {}\n".format(section, line))
    return "".join(settings)


def adopt(unit):
    """Takes the note of an earlier release over, if there is one: what is up to date by it is up to date.

    Raises NoAnswer where it cannot be read.
    """
    try:
        return _take_over(unit, _listed_earlier().get(unit, {}))
    except OSError as failure:
        raise NoAnswer("{}: the note of {} cannot be taken over: {}".format(host.name(), unit, failure))


def adopt_all():
    """The same for all services that have no note yet. Where one cannot be read, its step refuses in words later."""
    try:
        found = _listed_earlier()
    except OSError:
        return
    for unit, listed in found.items():
        try:
            if read(unit) is None:
                _take_over(unit, listed)
        except (NoAnswer, OSError):
            continue


def _write(unit, digests):
    lines = ["{} {}\n".format(digest_, name) for name, digest_ in digests.items()]
    files.write(path(unit), "".join(lines) + END + "\n", labelled=False)


def _digest_or_unknown(name):
    try:
        return digest(name)
    except NoAnswer:
        return UNKNOWN


def _bytes(name):
    try:
        with open(host.path(name), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _listed_earlier():
    """The files that units of an earlier release note: {unit: {"restart": [...], "reload": [...]}}."""
    found: dict = {}
    for pattern in ("/*.service", "/*.socket", "/*/rabbitmq-ha.conf"):
        for name in sorted(glob.glob(host.path(UNITS) + pattern)):
            text = (_bytes(name[len(host.path("")) :]) or b"").decode("utf-8", "replace")
            for names, unit, kind in _EARLIER.findall(text):
                found.setdefault(unit, {})[kind] = names.split()
    return found


def _take_over(unit, listed):
    """Whether there was a note to take over."""
    digests: dict = {}
    for kind in ("restart", "reload"):
        noted = _bytes("{}/{}.{}".format(host.RUN, unit, kind))
        if noted is None or kind not in listed:
            return False
        if re.fullmatch(rb"[0-9a-f]{64}  -\n", noted) is None:
            raise NoAnswer(
                "{}: {}/{}.{} is not whole, so it is unknown what the service runs with".format(
                    host.name(), host.RUN, unit, kind
                ),
                "restart {} when it suits, then run this again".format(unit),
            )
        texts = [_bytes(name) or b"" for name in listed[kind]]
        same = hashlib.sha256(b"".join(texts)).hexdigest().encode() == noted[:64]
        digests.update((name, digest(name) if same else UNKNOWN) for name in listed[kind])
    _write(unit, digests)
    return True
