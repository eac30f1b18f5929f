"""The broker's metrics page in Prometheus' format (https://www.rabbitmq.com/docs/prometheus)."""

import socket

from . import clock
from .errors import NoAnswer

_REQUEST = b"GET /metrics HTTP/1.0\r\n\r\n"


def lines(address, port, seconds):
    """Yields the page's lines as they arrive. Raises NoAnswer if the page does not arrive completely."""
    deadline = clock.Deadline(seconds)
    try:
        with socket.create_connection((address, port), seconds) as connection:
            connection.sendall(_REQUEST)
            for line in _received(connection, deadline):
                yield line
    except OSError as silent:
        raise NoAnswer("the page at {}:{} does not come: {}".format(address, port, silent))


def _received(connection, deadline):
    rest, size, wanted = b"", 0, None
    while True:
        connection.settimeout(max(0.05, deadline.seconds_left()))
        piece = connection.recv(65536)
        if not piece:
            break
        if wanted is None:
            head, mark, piece = (rest + piece).partition(b"\r\n\r\n")
            if not mark:
                rest = head
                continue
            rest, wanted = b"", _length(head)
        size += len(piece)
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
        if wanted == size:
            break
    if wanted is None or wanted not in (-1, size):
        raise NoAnswer("the page ended before its end")


def _length(head):
    """Returns the length that the response states; -1 if it states none."""
    first, *fields = head.decode("latin-1").split("\r\n")
    if first.split(" ")[1:2] != ["200"]:
        raise NoAnswer("instead of the page came: {}".format(first))
    for field in fields:
        name, _, value = field.partition(":")
        if name.strip().lower() == "content-length" and value.strip().isdigit():
            return int(value)
    return -1
