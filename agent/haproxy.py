"""HAProxy's admin socket (https://docs.haproxy.org/2.6/management.html#9): its state and that of its servers."""

import csv
import socket

from . import clock, host
from .errors import NoAnswer
from .steps import check_haproxy

UNIT = "haproxy"

# The proxies in front of the brokers: AMQP and the management UI.
AMQP = "rabbitmq_cluster"
PROXIES = (AMQP, "rabbitmq_management")


def ask(question, seconds=5):
    """Returns the complete answer to a question. Raises NoAnswer if HAProxy does not give it."""
    deadline = clock.Deadline(seconds)
    said = []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(host.path(check_haproxy.SOCKET))
            connection.sendall(question.encode() + b"\n")
            while True:
                connection.settimeout(max(0.1, deadline.seconds_left()))
                piece = connection.recv(65536)
                if not piece:
                    break
                said.append(piece)
    except OSError as failure:
        raise NoAnswer("HAProxy's socket does not answer: {}".format(failure.strerror or failure))
    text = b"".join(said).decode("utf-8", "replace")
    # HAProxy ends each answer with an empty line, and closes the connection.
    if not text.endswith("\n\n"):
        raise NoAnswer("HAProxy's socket does not answer in full")
    return text


def brokers():
    """Returns each proxy's state of each broker: [(proxy, broker, state)]; a healthy broker is UP."""
    lines = list(csv.reader(ask("show stat").splitlines()))
    titles = [title.lstrip("# ") for title in lines[0]] if lines else []
    if not {"pxname", "svname", "status"} <= set(titles):
        raise NoAnswer("HAProxy's statistics have no such columns as they should have")
    rows = [dict(zip(titles, line)) for line in lines[1:] if line]
    return [
        (row["pxname"], row["svname"], row.get("status", ""))
        for row in rows
        if row["pxname"] in PROXIES and row.get("svname") not in ("FRONTEND", "BACKEND")
    ]
