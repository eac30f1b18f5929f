"""Reads which key an armoured OpenPGP file holds, so that a repository's key is known before anything trusts it."""

import binascii
import hashlib

from .errors import NoAnswer

_BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
_END = "-----END PGP PUBLIC KEY BLOCK-----"
_PRIMARY_KEY = 6


def fingerprints(text):
    """Returns the fingerprints of all primary keys in an armoured file, in capitals (RFC 4880, 12.2)."""
    found = []
    for tag, body in _packets(_data(text)):
        if tag == _PRIMARY_KEY:
            if body[:1] != b"\x04":
                raise NoAnswer("it has a key of another version than 4")
            head = b"\x99" + len(body).to_bytes(2, "big")
            found.append(hashlib.sha1(head + body).hexdigest().upper())
    return found


def _data(text):
    """Returns what the armour holds (RFC 4880, 6.2)."""
    if text.count(_BEGIN) != 1 or text.count(_END) != 1:
        raise NoAnswer("it is no armoured OpenPGP key")
    lines = [line.strip() for line in text[text.index(_BEGIN) + len(_BEGIN) : text.index(_END)].splitlines()]
    # Headers end with an empty line; the checksum begins with an equals sign.
    body = lines[lines.index("", 1) + 1 :] if "" in lines[1:] else lines
    try:
        return binascii.a2b_base64("".join(line for line in body if not line.startswith("=")))
    except binascii.Error:
        raise NoAnswer("its armour is damaged")


def _packets(data):
    """Yields each packet's tag and body (RFC 4880, 4.2). Raises NoAnswer unless the packets end where the data ends."""
    at = 0
    while at < len(data):
        first = data[at]
        if not first & 0x80:
            raise NoAnswer("it is damaged")
        if first & 0x40:
            tag, (at, size) = first & 0x3F, _new_size(data, at + 1)
        else:
            tag, octets = (first >> 2) & 0x0F, 1 << (first & 3)
            if octets == 8:
                raise NoAnswer("it has a packet of unknown length")
            at, size = at + 1 + octets, int.from_bytes(data[at + 1 : at + 1 + octets], "big")
        if at + size > len(data):
            raise NoAnswer("it is cut off")
        yield tag, data[at : at + size]
        at += size


def _new_size(data, at):
    """Returns where a packet's body begins and its size, of a length in the new format."""
    first = int.from_bytes(data[at : at + 1], "big")
    if first < 192:
        return at + 1, first
    if first < 224:
        return at + 2, ((first - 192) << 8) + int.from_bytes(data[at + 1 : at + 2], "big") + 192
    if first == 255:
        return at + 5, int.from_bytes(data[at + 1 : at + 5], "big")
    raise NoAnswer("it has a packet in pieces")
