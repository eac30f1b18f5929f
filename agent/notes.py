"""Notes of what running services have read, from which a run knows whether a restart or a reload is due.

A service's unit writes its note at each start and reload: one line for each file, its checksum and its path, and a
last line that marks the note as complete. It is under /run, so it does not outlive the processes that it describes.
"""

import glob
import hashlib
import re

from . import files, host, systemd
from .errors import NoAnswer

UNITS = "/etc/systemd/system"
END = "end"
# Instead of a checksum: the file did not exist, or it is unknown what the service has read of it.
ABSENT = "absent"
UNKNOWN = "unknown"

_LINE = re.compile(r"([0-9a-f]{64}|absent|unknown) (/.+)")

# Earlier releases recorded one checksum of all files together, by a shell in the unit.
_EARLIER = re.compile(r"cat /dev/null((?: /\S+)*) \| sha256sum >/run/rabbitmq-ha/([^\s/]+)\.(restart|reload)(?=[\s'])")


def path(unit):
    return "{}/{}.started".format(host.RUN, unit)


def write(unit, names):
    """Records that a service reads these files now."""
    _write(unit, {name: _digest_or_unknown(name) for name in names})


def update(unit, names):
    """Records that a running service has read these files again. Raises NoAnswer if its note is incomplete."""
    known = read(unit) or {}
    known.update((name, _digest_or_unknown(name)) for name in names)
    _write(unit, known)


def read(unit):
    """Returns the checksums by path; None without a note. Raises NoAnswer if the note cannot be read."""
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
    """Whether one of the files differs from what the service has read."""
    return any(noted.get(name) != digest(name) for name in names)


def digest(name):
    """Returns a file's checksum; a unit file's is without the settings that do not affect a running process."""
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
    """Returns the settings of a unit file that affect a running process, each behind its section."""
    section, settings = "", []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line
        elif line and line[0] not in "#;" and not systemd.ALONE.match(line):
            settings.append("{} {}\n".format(section, line))
    return "".join(settings)


def adopt(unit):
    """Takes over an earlier release's note, if there is one: what is up to date by it stays up to date.

    Returns whether there was one. Raises NoAnswer if it cannot be read.
    """
    try:
        return _take_over(unit, _listed_earlier().get(unit, {}))
    except OSError as failure:
        raise NoAnswer("{}: the note of {} cannot be taken over: {}".format(host.name(), unit, failure))


def adopt_all():
    """Takes over the notes of all services without one. One that cannot be read is later reported by its step."""
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
    # A checksum can give a short password away.
    files.write(path(unit), "".join(lines) + END + "\n", mode=0o600, labelled=False)


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
    """Returns the files that units of an earlier release record: {unit: {"restart": [...], "reload": [...]}}."""
    found: dict = {}
    for pattern in ("/*.service", "/*.socket", "/*/rabbitmq-ha.conf"):
        for name in sorted(glob.glob(host.path(UNITS) + pattern)):
            text = (_bytes(name[len(host.path("")) :]) or b"").decode("utf-8", "replace")
            for names, unit, kind in _EARLIER.findall(text):
                found.setdefault(unit, {})[kind] = names.split()
    return found


def _take_over(unit, listed):
    """Takes over a unit's earlier note. Returns whether there was one."""
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
