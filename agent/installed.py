"""What is done once the program lies on a host: programs of earlier releases go, and their notes are taken over."""

import os

from . import files, fingerprint, host


def finish(home, version):
    """Removes what an earlier program has left in its folder; a watch that runs from there has read all that it needs."""
    fingerprint.adopt()
    for name in os.listdir(host.path(home)):
        if name not in (version, "current") and os.path.isdir(os.path.join(host.path(home), name, "agent")):
            files.remove_tree(os.path.join(home, name))
