"""Changes the SSH key that the stack logs in with: with --add another one is valid, too; with --finish the former goes.

Standard input has the public key that is in use on its first line, and with a flag others, one a line: the new one to
add, or the former ones. Without a flag it only looks. Each run says, as JSON, in which file the key in use is, and which
keys a rotation has. Only --finish takes a key out, since only then it is certain which one the stack logs in with.
"""

import sys

from .. import authorized_keys, files, host, jsontext
from ..errors import StepError

TIMEOUT_SECONDS = 60

# The rotation under way: its former key, the new ones of each run that has begun it, the last one at the end, and those
# of them that the program has added.
NOTE = host.STATE + "/ssh-key"


def arguments(parser):
    parser.add_argument("--user", required=True, help="the user that logs in")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--add", action="store_true", help="make the new key valid beside the one in use")
    what.add_argument("--finish", action="store_true", help="make the former keys invalid")


def run(wanted):
    used, *others = [authorized_keys.public_key(line) for line in sys.stdin.read().splitlines()] or [""]
    is_enough = len(others) == 1 if wanted.add else bool(others) == wanted.finish
    if not is_enough or used in ["", *others]:
        raise StepError("{}: the keys on standard input are not those that the flags need".format(host.name()))
    known = authorized_keys.AuthorizedKeys(wanted.user)
    file = known.file_with(used)
    if file is None:
        raise StepError(
            "{}: the key that is in use is in none of {}".format(host.name(), ", ".join(known.files)),
            "sshd gets it from elsewhere, as by AuthorizedKeysCommand; change it there",
        )
    note = read_note(used)
    if wanted.add:
        note = add(known, used, others[0], note)
    elif wanted.finish:
        note = finish(known, used, others, note)
    print(jsontext.dumps({"file": file, "new": new_of(note, used), "former": formers_of(note, used)}))


def new_of(note, used):
    """Returns the key in use if it is a new one, else the one that a rotation has added last; None without one."""
    if not note:
        return None
    return used if used in note["new"] else note["new"][-1]


def formers_of(note, used):
    """Returns the keys that the rotation ends: with the former one those of starts that were not completed."""
    if not note:
        return []
    return [note["former"]] + [each for each in note["added"] if used in note["new"] and each != used]


def add(known, used, new, note):
    """Takes no key out: a start that was killed may have put its own into the stack's state by now."""
    if note and used in note["new"]:
        raise StepError(
            "{}: nothing was changed: the key in use is a new one, and the former is valid, too".format(host.name())
        )
    news, added = (note["new"], note["added"]) if note else ([], [])
    if new not in added and known.file_with(new) is None:
        added = added + [new]
    note = {"former": used, "new": [each for each in news if each != new] + [new], "added": added}
    files.write(NOTE, jsontext.dumps(note) + "\n", mode=0o600)
    known.add_beside(used, new)
    return note


def finish(known, used, formers, note):
    if note and used not in note["new"]:
        raise StepError("{}: nothing was changed: the new key is not in use yet".format(host.name()))
    for former in formers:
        known.remove(former)
    files.remove(NOTE)
    return {}


def read_note(used):
    """Returns the rotation that the key in use belongs to; empty without one. A former stack's does not count."""
    try:
        note = jsontext.loads(files.read(NOTE, "{}"))
        keys = [note["former"]] + note["new"] + note["added"] if note else []
    except (ValueError, KeyError, TypeError):
        raise StepError(
            "{}: {} does not say which keys are valid".format(host.name(), NOTE),
            "Take the keys that nobody needs out of authorized_keys, remove the file, and run this again.",
        )
    return note if used in keys else {}
