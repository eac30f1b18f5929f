"""Whose machine this is: the mark that a stack leaves on each machine that it has not made itself."""

from . import files, host, jsontext
from .errors import NoAnswer

MARK = host.STATE + "/owner"

_KEYS = ("stackId", "stack", "host", "role", "identity")


class Owner:
    """A stack's claim to a machine."""

    def __init__(self, stack_id, stack, host_name, role, identity):
        self.stack_id, self.stack, self.host_name, self.role = stack_id, stack, host_name, role
        # Changes when the machine is another one; the mark keeps it where the machine's own id changes.
        self.identity = identity

    def is_same(self, stack_id, host_name):
        return (self.stack_id, self.host_name) == (stack_id, host_name)

    def write(self):
        values = self.stack_id, self.stack, self.host_name, self.role, self.identity
        files.write(MARK, jsontext.dumps(dict(zip(_KEYS, values))) + "\n")


def other_than(stack_id, host_name):
    """The machine's owner where that is another stack, or this one under another name; None where it bears no mark.

    Raises NoAnswer for a mark that cannot be read.
    """
    found = read()
    return None if found is None or found.is_same(stack_id, host_name) else found


def read():
    """The machine's owner; None where it bears no mark. Raises NoAnswer for a mark that cannot be read."""
    try:
        text = files.read(MARK)
    except FileNotFoundError:
        return None
    try:
        values = [jsontext.loads(text)[key] for key in _KEYS]
    except (ValueError, KeyError, TypeError):
        values = []
    if not values or not all(isinstance(value, str) for value in values):
        raise NoAnswer(
            "{}: {} does not say whose machine this is".format(host.name(), MARK),
            "See on which stack's machines it is listed; remove the file if it is on none's, and run this again.",
        )
    return Owner(*values)
