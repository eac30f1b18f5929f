"""Checks whether HAProxy answers on its own socket; Keepalived runs this every second.

A hung HAProxy has a process, too, so only an answer counts. A killed one has nearly a second to be started again.
"""

# Not Python's own `socket` and `os`, whose import takes longer than all the rest of a check.
import _socket
import posix
import time

SOCKET = "/run/haproxy/admin.sock"
# Its time shows the watch that Keepalived runs the check.
TRACE = "/run/rabbitmq-ha/vrrp-check"
SECONDS = 0.9
PAUSE_SECONDS = 0.05

TIMEOUT_SECONDS = 10
LOCK = None


def arguments(parser):
    """Adds no arguments."""


def run(_wanted):
    return 0 if is_well() else 1


def leave_trace(path=TRACE):
    """Shows that the check runs. A trace that cannot be left fails no check."""
    try:  # noqa: SIM105 (contextlib takes long to import)
        posix.utime(path)
    except OSError:
        pass


def is_well(path=SOCKET, seconds=SECONDS):
    """Whether HAProxy answers in time; until then it is asked again."""
    end = time.monotonic() + seconds
    while not _answers(path, end):
        left = end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(PAUSE_SECONDS, left))
    return True


def _answers(path, end):
    """Whether HAProxy answers with its process ID."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    said = b"\n"
    try:
        _limit(connection, end)
        connection.connect(path)
        connection.sendall(b"show info\n")
        while b"\nPid:" not in said:
            _limit(connection, end)
            piece = connection.recv(8192)
            if not piece:
                return False
            said += piece
    except OSError:
        return False
    finally:
        connection.close()
    return True


def _limit(connection, end):
    connection.settimeout(max(0.01, end - time.monotonic()))
