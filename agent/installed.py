"""The end of the program's installation: earlier programs are removed, and their notes are taken over."""

import os

from . import files, fingerprint, former_watch, host, notes


def finish(home, version):
    """Takes over the services' notes, so that the new program restarts none of them, and removes earlier programs.

    A watch that runs from an earlier program's folder has already loaded all that it needs.
    """
    notes.adopt_all()
    fingerprint.adopt()
    for name in os.listdir(host.path(home)):
        if name not in (version, "current") and os.path.isdir(os.path.join(host.path(home), name, "agent")):
            files.remove_tree(os.path.join(home, name))
    former_watch.remove()
