"""The objects of RabbitMQ's definitions as text: one a line, its kind and its JSON, in the order in which they are made.

An object is compared by what is stated of it: what its line leaves out may be anything.
"""

from . import jsontext
from .errors import StepError

# What tells an object from others of its kind, in the order in which they are made.
KEYS = {
    "vhost": ("name",),
    "user": ("name",),
    "permission": ("user", "vhost"),
    "topic_permission": ("user", "vhost", "exchange"),
    "parameter": ("vhost", "component", "name"),
    "global_parameter": ("name",),
    "policy": ("vhost", "name"),
    "exchange": ("vhost", "name"),
    "queue": ("vhost", "name"),
    "binding": ("vhost", "source", "destination_type", "destination", "routing_key", "arguments"),
}
TITLES = {
    "vhost": "virtual host {name}",
    "user": "user {name}",
    "permission": "permission of {user} on {vhost}",
    "topic_permission": "topic permission of {user} on {exchange} of {vhost}",
    "parameter": "parameter {component}/{name} of {vhost}",
    "global_parameter": "global parameter {name}",
    "policy": "policy {name} of {vhost}",
    "exchange": "exchange {name} of {vhost}",
    "queue": "queue {name} of {vhost}",
    "binding": "binding {source} to {destination} of {vhost} with {routing_key}",
}
# RabbitMQ changes these by no command.
FIXED = ("exchange", "queue")
END = "end"
# Besides objects, a line may name one that may be removed although it is not empty.
REMOVE = "remove"


class Object:
    """One object. text: its JSON as it came. fields: that as a value; of a virtual host and a queue in a common form."""

    def __init__(self, kind, text):
        self.kind = kind
        self.text = text
        self.fields = _COMMON_FORMS.get(kind, plain)(plain(jsontext.loads(text)))
        self.key = jsontext.dumps([kind] + [self.fields[name] for name in KEYS[kind]])
        self.title = title_of(self.key)

    def differs_from(self, other):
        """Returns the fields that are stated here and are otherwise there."""
        return [name for name in self.fields if self.fields[name] != other.fields.get(name, {})]


def fields_of(key):
    """Returns what a key consists of: the object's kind, and the fields that tell it from others of that kind."""
    kind, *values = jsontext.loads(key)
    return dict(zip(KEYS[kind], values), kind=kind)


def title_of(key):
    fields = fields_of(key)
    return TITLES[fields["kind"]].format(**fields)


def plain(value):
    """Returns a value in which an empty list equals an empty mapping, as in Erlang, and a fraction is a text."""
    if isinstance(value, float):
        return int(value) if value == int(value) else repr(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value] or {}
    return value


def _vhost(fields):
    known = fields.get("metadata") or {}
    found = {name: value for name, value in known.items() if value not in ("undefined", None)}
    if "tags" in found:
        found["tags"] = sorted(found["tags"])
    return dict(found, name=fields["name"])


def _user(fields):
    tags = fields.get("tags") or []
    tags = [tag.strip() for tag in tags.split(",")] if isinstance(tags, str) else tags
    return dict(fields, tags=sorted(tag for tag in tags if tag))


def _queue(fields):
    arguments = fields.get("arguments") or {}
    return dict(fields, arguments={name: value for name, value in arguments.items() if name != "x-queue-type"})


_COMMON_FORMS = {"vhost": _vhost, "user": _user, "queue": _queue}


def lines(text):
    """Returns the pairs of kind and JSON of a text. Raises StepError unless it is whole."""
    rows = text.split("\n")
    if len(rows) < 2 or rows[-1] or rows[-2] != "{} {}".format(END, len(rows) - 2):
        # A broken connection also ends the input.
        raise StepError("the definitions did not come whole on standard input", "run this again")
    return [tuple(row.split(" ", 1)) for row in rows[:-2]]


def read(text):
    """Returns the objects by their keys, and the titles of those that may be removed although they are not empty."""
    wanted, removable = {}, []
    for kind, value in lines(text):
        if kind == REMOVE:
            removable.append(jsontext.loads(value))
            continue
        each = Object(kind, value)
        wanted[each.key] = each
    return wanted, removable
