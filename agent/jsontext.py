"""JSON for what the program notes on a host. Debian's python3-minimal, which is all that a host has to have, lacks `json`.

It reads what it has written itself: objects, lists, strings, whole numbers, true, false and null.
"""

import ast
import re

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\b(?:true|false|null)\b')
_WORDS = {"true": "True", "false": "False", "null": "None"}


def dumps(value):
    """Returns a value as JSON on one line, the keys of objects in their order."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"{}"'.format("".join(_ESCAPES.get(each) or _escaped(each) for each in value))
    if isinstance(value, dict):
        return "{{{}}}".format(", ".join("{}: {}".format(dumps(key), dumps(value[key])) for key in sorted(value)))
    if isinstance(value, (list, tuple)):
        return "[{}]".format(", ".join(dumps(each) for each in value))
    raise TypeError("no JSON for {!r}".format(value))


def _escaped(character):
    return character if character >= " " else "\\u{:04x}".format(ord(character))


def loads(text):
    """Returns the value of a text. Raises ValueError unless it is whole and of the kinds above."""
    try:
        return ast.literal_eval(_TOKEN.sub(lambda match: _WORDS.get(match.group(), match.group()), text).strip())
    except (SyntaxError, TypeError, MemoryError, RecursionError) as wrong:
        raise ValueError("no JSON: {}".format(wrong))
