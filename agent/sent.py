"""Notes of the files that the program has written to this host, to tell later which of them somebody has changed.

The note has each file's checksum and the resource that writes it. A host of an earlier release has no note, and then
nothing is known of its files. Only root may read the note, since a checksum can give a short password away.
"""

import hashlib

from . import files, host, jsontext, lock
from .errors import NoAnswer, StepError

NOTE = host.STATE + "/files.json"
# The steps that write files run side by side.
_LOCK = "files-note"

DIFFERS, MISSING = "differs", "is missing"


def lock_of(path):
    """Returns the lock under which a file is written."""
    return "file" + path.replace("/", "-")


def note(path, data, resource):
    """Records that a file now has this content. Without a resource, only a file that is known already is recorded."""
    with lock.held(_LOCK, 30):
        known = _read()
        resource = resource or known.get(path, {}).get("resource")
        if resource is not None:
            known[path] = {"sha256": hashlib.sha256(data).hexdigest(), "resource": resource}
            files.write(NOTE, jsontext.dumps(known) + "\n", mode=0o600)


def forget():
    files.remove(NOTE)


def changed():
    """Returns the files that are no longer as they were written: (path, resource, DIFFERS or MISSING)."""
    found = []
    known = _read()
    for path in sorted(known):
        if _fault(path, known[path]) is None:
            continue
        try:
            # Under its lock, so that it is not being written just now.
            with lock.held(lock_of(path), 0):
                entry = _read().get(path)
                fault = None if entry is None else _fault(path, entry)
        except StepError:
            continue
        if entry is not None and fault is not None:
            found.append((path, entry["resource"], fault))
    return found


def _read():
    """Returns the note by path; an empty one where there is none, or none that means anything.

    Raises NoAnswer if it cannot be read: written anew, it would lack all other files.
    """
    try:
        entries = jsontext.loads(files.read(NOTE, "{}")).items()
    except OSError as failure:
        raise NoAnswer("{}: {} cannot be read ({})".format(host.name(), NOTE, failure.strerror))
    except (ValueError, AttributeError):
        return {}
    return {path: entry for path, entry in entries if _is_entry(entry)}


def _is_entry(entry):
    return isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in ("sha256", "resource"))


def _fault(path, entry):
    try:
        with open(host.path(path), "rb") as file:
            same = hashlib.sha256(file.read()).hexdigest() == entry["sha256"]
    except FileNotFoundError:
        return MISSING
    except OSError:
        # What cannot be read proves nothing.
        return None
    return None if same else DIFFERS
