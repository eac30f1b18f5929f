"""Services that run with the files that they should have read: which of start, restart and reload is due.

Which files a service has read is in its note (agent/notes.py). Whether a restart is due is read from there, never
inferred from a file that was written just now: a run that was killed between the two is made good by the next one.
"""

from . import addresses, host, notes, systemd
from .arguments import listed
from .errors import NoAnswer

_RUNS = ("active", "reloading", "refreshing")
_RUNS_NOT = ("inactive", "failed", "activating", "deactivating")


def add_arguments(parser):
    """What a step says of the service whose restart or reload it does."""
    parser.add_argument("--unit", required=True, help="the systemd unit; a service without .service")
    parser.add_argument("--restart", default=[], type=listed, help="files that need a restart when they change, a,b,c")
    parser.add_argument("--reload", default=[], type=listed, help="files that need a reload when they change, a,b,c")


def due(unit, restart, reload):
    """start, restart, reload or None. Raises NoAnswer unless systemd and the service's note say all of it."""
    return _due(unit, systemd.state(unit), restart, reload)


def do_what_is_due(unit, restart, reload, held_address=None):
    """Starts, restarts or reloads the service where it needs it.

    held_address: whoever holds it leaves a restart to a step of its own that comes after this one of all hosts.
    """
    systemd.enable(unit)
    said = systemd.properties(unit, "ActiveState", "NeedDaemonReload")
    if said["NeedDaemonReload"] not in ("yes", "no"):
        raise NoAnswer("systemctl does not say whether it has read {} anew".format(unit))
    what = _due(unit, said["ActiveState"], restart, reload)
    is_left = what == "restart" and held_address is not None and addresses.is_held(held_address)
    # systemd does not always notice by itself that a drop-in has come, and not all of one is worth a restart.
    if what in ("start", "restart") or said["NeedDaemonReload"] == "yes":
        systemd.reload_units()
    if is_left:
        print("{}: holds {}, so {} is restarted here after the others".format(host.name(), held_address, unit))
    elif what is not None:
        if what == "start":
            systemd.reset(unit)
        systemd.act(what, unit)


def _due(unit, state, restart, reload):
    if state in _RUNS_NOT:
        return "start"
    if state not in _RUNS:
        raise NoAnswer(
            "{}: systemctl does not say whether {} runs: {}".format(host.name(), unit, state or "nothing at all")
        )
    noted = notes.read(unit)
    if noted is None and notes.adopt(unit):
        noted = notes.read(unit)
    # A service that was started without the program's drop-in has noted nothing.
    if noted is None or notes.is_stale(noted, restart):
        return "restart"
    return "reload" if notes.is_stale(noted, reload) else None
