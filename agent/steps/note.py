"""Records which files a service reads at its start or reload; the service's unit calls this.

It runs before each start of the service, so it does little, waits for nothing and ends soon.
"""

from .. import notes

TIMEOUT_SECONDS = 5
LOCK = None


def arguments(parser):
    parser.add_argument("--unit", required=True, help="the systemd unit; a service without .service")
    parser.add_argument("--restart", default="", help="files that the service reads at its start only, a,b,c")
    parser.add_argument("--reload", default="", help="files that it reads again at a reload, a,b,c")
    parser.add_argument("--reloaded", action="store_true", help="it is reloaded, not started")


def run(wanted):
    restart, reload = ([name for name in text.split(",") if name] for text in (wanted.restart, wanted.reload))
    if wanted.reloaded:
        notes.update(wanted.unit, reload)
    else:
        notes.write(wanted.unit, restart + reload)
