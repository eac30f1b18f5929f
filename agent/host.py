"""The host that this program runs on. Every path goes through `path`, so that tests can have a folder as the host."""

import os

ROOT = ""

# Where the program keeps its own data: STATE outlives a reboot, RUN does not.
STATE = "/var/lib/rabbitmq-ha"
RUN = "/run/rabbitmq-ha"


def path(name):
    """Returns a path on the host, such as /etc/hosts."""
    return ROOT + name


def name():
    """Returns the host's short name, which the broker's node is named after."""
    return os.uname().nodename.split(".")[0]


def full_name():
    """Returns the name as it was set, with or without a domain."""
    return os.uname().nodename


def exists(name_):
    return os.path.exists(path(name_))


def serves(address, port, seconds=2.0):
    """Whether a TCP port accepts connections."""
    # Imported here because most steps check no port, and the import takes a tenth of their start-up time.
    import socket

    try:
        with socket.create_connection((address, port), seconds):
            return True
    except OSError:
        return False


def which(command):
    """Whether a command exists in one of the folders of PATH."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if folder and os.access(os.path.join(folder, command), os.X_OK):
            return True
    return False
