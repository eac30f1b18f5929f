"""Changes the SSH key that the stack logs in with: with --add another one is valid, too; with --finish the former goes.

Standard input has the public key that is in use on its first line, and with a flag a second key: the new one to add, or
the former one. Without a flag it only looks. Each run says, as JSON, in which file the key in use is, and which keys a
rotation has.
"""

import sys

from .. import authorized_keys, files, host, jsontext
from ..errors import StepError

TIMEOUT_SECONDS = 60

# The rotation under way: its new key, its former one, and whether the program has added the new one.
NOTE = host.STATE + "/ssh-key"


def arguments(parser):
    parser.add_argument("--user", required=True, help="the user that logs in")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--add", action="store_true", help="make the new key valid beside the one in use")
    what.add_argument("--finish", action="store_true", help="make the former key invalid")


def run(wanted):
    used, *others = [authorized_keys.public_key(line) for line in sys.stdin.read().splitlines()] or [""]
    if len(others) != (1 if wanted.add or wanted.finish else 0) or used in ["", *others]:
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
        note = finish(known, used, others[0], note)
    print(jsontext.dumps({"file": file, "new": note.get("new"), "former": note.get("former")}))


def add(known, used, new, note):
    if note and note["new"] == used:
        raise StepError(
            "{}: nothing was changed: the key in use is a new one, and the former is valid, too".format(host.name())
        )
    if note and note["new"] != new and note["added"]:
        known.remove(note["new"])  # a start that was not completed; nobody has its other half
    if not note or note["new"] != new:
        note = {"new": new, "former": used, "added": known.file_with(new) is None}
        files.write(NOTE, jsontext.dumps(note) + "\n", mode=0o600)
    known.add_beside(used, new)
    return note


def finish(known, used, former, note):
    if note and note["new"] != used:
        raise StepError("{}: nothing was changed: the new key is not in use yet".format(host.name()))
    known.remove(former)
    files.remove(NOTE)
    return {}


def read_note(used):
    """Returns the rotation that the key in use belongs to; empty without one. A former stack's does not count."""
    try:
        note = jsontext.loads(files.read(NOTE, "{}"))
        keys = [note[key] for key in ("new", "former")] if note else []
    except (ValueError, KeyError, TypeError):
        raise StepError(
            "{}: {} does not say which keys are valid".format(host.name(), NOTE),
            "Take the keys that nobody needs out of authorized_keys, remove the file, and run this again.",
        )
    return note if used in keys else {}
