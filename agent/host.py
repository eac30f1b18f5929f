"""The host that this program runs on. Every path of it goes through `path`, so that tests have a host in a folder."""

import os

ROOT = ""

# Where the program keeps what only it has to know: marks that outlive a reboot, and what holds until the next one.
STATE = "/var/lib/rabbitmq-ha"
RUN = "/run/rabbitmq-ha"


def path(name):
    """A path of the host's, such as /etc/hosts."""
    return ROOT + name


def name():
    """The host's own short name, which the broker's node is named after."""
    return os.uname().nodename.split(".")[0]


def full_name():
    """The name as it was set, with or without a domain."""
    return os.uname().nodename


def exists(name_):
    return os.path.exists(path(name_))


def serves(address, port, seconds=2.0):
    """Whether a TCP port takes connections."""
    # Most steps ask no port, and this costs a tenth of their start.
    import socket

    try:
        with socket.create_connection((address, port), seconds):
            return True
    except OSError:
        return False


def which(command):
    """Whether a command is there, in the usual folders."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if folder and os.access(os.path.join(folder, command), os.X_OK):
            return True
    return False
