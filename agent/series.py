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
    found = _parsed(version)
    return int(found.group(1)), int(found.group(2))


def _patch(version):
    return int(_parsed(version).group(3) or 0)


def _parsed(version):
    """Parses a version of RabbitMQ or of its package, which can have an epoch and a revision: 1:4.0.5-6."""
    found = re.match(r"(?:\d+:)?(\d+)\.(\d+)(?:\.(\d+))?(?!\d)", version)
    if found is None:
        raise NoAnswer("{!r} is not a version of RabbitMQ".format(version))
    return found


_ROWS = _read()


def can(version, ability):
    """Whether a version of RabbitMQ has an ability, a column of the table.

    A version newer than the table counts as the newest series in it, an older one as the oldest.
    """
    return _row(version)[ability]


def _row(version):
    numbers = _numbers(version)
    row = _ROWS[0][1]
    for series, each in _ROWS:
        if series <= numbers:
            row = each
    return row


# Its first two numbers, as a list; lists compare like the versions.
_VERSION = 'lists:map(fun erlang:list_to_integer/1, lists:sublist(string:lexemes(rabbit_misc:version(), "."), 2))'


def expression(ability):
    """Returns an Erlang expression: whether the broker that evaluates it has an ability that older or newer ones lack."""
    first = _ROWS[0][1][ability]
    change = [series for series, row in _ROWS if row[ability] != first]
    if not change:
        return "true" if first else "false"
    return "({} {} [{}, {}])".format(_VERSION, "<" if first else ">=", *change[0])


def is_same(version, other):
    """Whether two versions are of one series."""
    return _numbers(version) == _numbers(other)


def path(running, wanted):
    """Returns why a rolling upgrade does not lead from one version to another, and the way; "" if it does."""
    old, new = _numbers(running), _numbers(wanted)
    if (new, _patch(wanted)) < (old, _patch(running)):
        return "a broker does not go back to an earlier version: give {} or a later one".format(_plain(running))
    if old == new:
        return ""
    rows = dict(_ROWS)
    for numbers in (old, new):
        if numbers not in rows:
            return "this program knows no upgrade from or to {}.{}: see whether a later release of it does".format(
                *numbers
            )
    steps = _way(rows[old]["series"], rows[new]["series"])
    least = rows[old]["upgradesFromPatch"]
    first = "{}.{}".format(rows[old]["series"], least) if _patch(running) < least else ""
    # A step with a lowest patch of its own is named with it.
    between = [first] * bool(first) + [_at_least(name) for name in steps[:-1]]
    if not between:
        return ""
    return "from {} to {} the way is: first {}".format(
        _plain(running), rows[new]["series"], ", then ".join(between + [rows[new]["series"]])
    )


def _plain(version):
    return ".".join(each for each in _parsed(version).groups() if each is not None)


def _at_least(name):
    least = dict(_ROWS)[_numbers(name)]["upgradesFromPatch"]
    return "{}.{}".format(name, least) if least else name


def _way(start, end):
    """Returns the series of the shortest way, without the first one."""
    ways = [[start]]
    for way in ways:
        if way[-1] == end:
            return way[1:]
        ways += [way + [following] for following in can(way[-1], "upgradesTo")]
    raise NoAnswer("the table has no way from {} to {}".format(start, end))


def erlang(version):
    """Returns the lowest and the highest release of Erlang with which a version runs."""
    fitting = [each for each in can(version, "erlang") if each["sincePatch"] <= _patch(version)]
    return fitting[-1]["from"], fitting[-1]["to"]


def denied(running, wanted):
    """Returns the deprecated features that the series after `running` take away: (those to be permitted, the rest)."""
    later = [row for series, row in _ROWS if _numbers(running) < series <= _numbers(wanted)]
    denies, removes = ([name for row in later for name in row[key]] for key in ("denies", "removes"))
    return [name for name in denies if name not in removes], removes
