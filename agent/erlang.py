"""Erlang terms: decodes answers (https://www.erlang.org/doc/apps/erts/erl_ext_dist.html), writes names as source."""

import base64
import struct


class Atom(str):
    """An Erlang atom; it compares like a string."""

    __slots__ = ()


class Pid(str):
    """An Erlang process, as the name of its node."""

    __slots__ = ()


def text(value):
    """Returns a text as Erlang source in plain ASCII; its value is a binary in UTF-8."""
    return 'base64:decode(<<"{}">>)'.format(base64.b64encode(value.encode("utf-8")).decode())


def texts(values):
    return "[" + ", ".join(text(value) for value in values) + "]"


def atom(value):
    """Returns an atom as Erlang source."""
    return "binary_to_atom({}, utf8)".format(text(value))


def atoms(values):
    return "[" + ", ".join(atom(value) for value in values) + "]"


def decode(data):
    """Decodes a term in the external term format. Raises ValueError unless the data is exactly one complete term."""
    try:
        if data[0] != 131:
            raise ValueError("no Erlang term")
        value, end = _term(data, 1)
    except (IndexError, struct.error) as broken:
        raise ValueError("an Erlang term that is cut off") from broken
    if end != len(data):
        raise ValueError("more than one Erlang term")
    return value


def _take(data, start, length):
    if start + length > len(data):
        raise IndexError("cut off")
    return data[start : start + length], start + length


def _number(data, start, size):
    raw, end = _take(data, start, size)
    return int.from_bytes(raw, "big"), end


def _items(data, start, count):
    values = []
    for _ in range(count):
        value, start = _term(data, start)
        values.append(value)
    return values, start


def _term(data, start):
    """Returns a term and the position behind it.

    Lists and tuples become lists and tuples, binaries become strings, undefined becomes None.
    """
    tag, at = data[start], start + 1
    if tag == 97:
        return data[at], at + 1
    if tag == 98:
        raw, end = _take(data, at, 4)
        return struct.unpack(">i", raw)[0], end
    if tag == 70:
        raw, end = _take(data, at, 8)
        return struct.unpack(">d", raw)[0], end
    if tag in (100, 118, 115, 119):
        size = 1 if tag in (115, 119) else 2
        length, at = _number(data, at, size)
        raw, end = _take(data, at, length)
        return _atom(raw.decode("utf-8" if tag in (118, 119) else "latin-1")), end
    if tag == 106:
        return [], at
    if tag == 107:
        length, at = _number(data, at, 2)
        raw, end = _take(data, at, length)
        return list(raw), end
    if tag == 108:
        count, at = _number(data, at, 4)
        values, at = _items(data, at, count)
        last, end = _term(data, at)
        return (values if last == [] else values + [last]), end
    if tag in (104, 105):
        count, at = _number(data, at, 1 if tag == 104 else 4)
        values, end = _items(data, at, count)
        return tuple(values), end
    if tag == 109:
        length, at = _number(data, at, 4)
        raw, end = _take(data, at, length)
        return raw.decode("utf-8", "replace"), end
    if tag == 116:
        count, at = _number(data, at, 4)
        flat, end = _items(data, at, 2 * count)
        return dict(zip(flat[::2], flat[1::2])), end
    if tag in (110, 111):
        length, at = _number(data, at, 1 if tag == 110 else 4)
        sign, at = data[at], at + 1
        raw, end = _take(data, at, length)
        value = int.from_bytes(raw, "little")
        return (-value if sign else value), end
    if tag in (88, 103):
        node, at = _term(data, at)
        _, end = _take(data, at, 12 if tag == 88 else 9)
        return Pid(node), end
    if tag in (90, 114):
        count, at = _number(data, at, 2)
        _, at = _term(data, at)
        _, end = _take(data, at, 4 * count + (4 if tag == 90 else 1))
        return None, end
    raise ValueError("an Erlang term of the unknown kind {}".format(tag))


def _atom(name):
    if name in ("true", "false"):
        return name == "true"
    return None if name == "undefined" else Atom(name)
