"""What each series of RabbitMQ can do: the project's one table, which the program's bundle has beside this module."""

import os
import re

from . import jsontext
from .errors import NoAnswer

_HERE = os.path.dirname(os.path.abspath(__file__))
# In the bundle, and in the project's own folder.
_TABLES = (_HERE + "/series.json", os.path.dirname(_HERE) + "/hosts/rabbitmq-series.json")


def _read():
    for path in _TABLES:
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return [(_numbers(row["series"]), row) for row in jsontext.loads(file.read())["series"]]
    raise FileNotFoundError(_TABLES[0])


def _numbers(version):
    found = re.match(r"(\d+)\.(\d+)(?!\d)", version)
    if found is None:
        raise NoAnswer("{!r} is not a version of RabbitMQ".format(version))
    return int(found.group(1)), int(found.group(2))


_ROWS = _read()


def can(version, ability):
    """Whether a version of RabbitMQ has an ability, a column of the table.

    A version newer than the table counts as the newest series in it, an older one as the oldest.
    """
    numbers = _numbers(version)
    row = _ROWS[0][1]
    for series, each in _ROWS:
        if series <= numbers:
            row = each
    return row[ability]


# Its first two numbers, as a list; lists compare like the versions.
_VERSION = 'lists:map(fun erlang:list_to_integer/1, lists:sublist(string:lexemes(rabbit_misc:version(), "."), 2))'


def expression(ability):
    """Returns an Erlang expression: whether the broker that evaluates it has an ability that older or newer ones lack."""
    first = _ROWS[0][1][ability]
    change = [series for series, row in _ROWS if row[ability] != first]
    if not change:
        return "true" if first else "false"
    return "({} {} [{}, {}])".format(_VERSION, "<" if first else ">=", *change[0])
