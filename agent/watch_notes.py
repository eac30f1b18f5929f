"""What the watch on this host did last, one line each, the newest last; `rabbitmq-ha status` shows it."""

import contextlib
import time

from . import files, host

PATH = host.RUN + "/watch"
MOST = 10


def say(words):
    """Writes a line to the journal, and to the notes."""
    print(words)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with contextlib.suppress(OSError):
        known = files.read(PATH, "").splitlines()[-(MOST - 1) :]
        files.write(PATH, "".join(line + "\n" for line in known + ["{} {}".format(now, words)]))
