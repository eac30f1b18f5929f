"""The note of an upgrade that this host's broker has begun: what it had before. It is gone once all is done."""

from . import files, host, jsontext
from .errors import NoAnswer

PATH = host.STATE + "/upgrade"


def write(version, state):
    """Notes an upgrade before the broker is stopped for it. state: of before; None keeps what an ended run has noted."""
    noted = (read() or {}) if state is None else {}
    if state is not None:
        noted["queues"] = [list(queue.key) for queue in state.lasting()]
        noted["messages"] = state.messages()
    noted["to"] = version
    files.write(PATH, jsontext.dumps(noted) + "\n")


def read():
    """Returns what is noted; None without a note. Raises NoAnswer if it cannot be read."""
    try:
        said = jsontext.loads(files.read(PATH))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as failure:
        raise NoAnswer("{}: {} cannot be read: {}".format(host.name(), PATH, failure), "Remove it, and run this again.")
    if not isinstance(said, dict):
        raise NoAnswer("{}: {} is not whole".format(host.name(), PATH), "Remove it, and run this again.")
    return said


def remove():
    files.remove(PATH)
