"""What is done once the program lies on a host: programs of earlier releases go, and their notes are taken over."""

import os

from . import files, fingerprint, former_watch, host, notes


def finish(home, version):
    """Takes over what services have noted, so that none is restarted for the new program's sake, and removes the old.

    A watch that runs from an earlier program's folder has read all that it needs.
    """
    notes.adopt_all()
    fingerprint.adopt()
    for name in os.listdir(host.path(home)):
        if name not in (version, "current") and os.path.isdir(os.path.join(host.path(home), name, "agent")):
            files.remove_tree(os.path.join(home, name))
    former_watch.remove()
