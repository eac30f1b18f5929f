"""Services and the files that they should run with: which of start, restart and reload is due.

A service's note (agent/notes.py) has the files that it has read. Whether a restart is due is decided by the note,
never by whether a file was written just now: the next run completes one that was killed between the two.
"""

from . import addresses, host, notes, systemd
from .arguments import listed
from .errors import NoAnswer

_RUNS_NOT = systemd.STOPPED + ("activating", "deactivating")


def add_arguments(parser):
    """Adds the options of a step that restarts or reloads a service."""
    parser.add_argument("--unit", required=True, help="the systemd unit; a service without .service")
    parser.add_argument("--restart", default=[], type=listed, help="files that need a restart when they change, a,b,c")
    parser.add_argument("--reload", default=[], type=listed, help="files that need a reload when they change, a,b,c")


def due(unit, restart, reload):
    """Returns start, restart, reload or None. Raises NoAnswer unless systemd's answer and the note are complete."""
    state = systemd.state(unit)
    if state in _RUNS_NOT:
        return "start"
    if state not in systemd.RUNS:
        raise NoAnswer(
            "{}: systemctl does not say whether {} runs: {}".format(host.name(), unit, state or "nothing at all")
        )
    noted = notes.read(unit)
    if noted is None and notes.adopt(unit):
        noted = notes.read(unit)
    # A service that was started without the program's drop-in has no note.
    if noted is None or notes.is_stale(noted, restart):
        return "restart"
    return "reload" if notes.is_stale(noted, reload) else None


def do_what_is_due(unit, restart, reload, held_address=None):
    """Starts, restarts or reloads the service if that is due.

    held_address: a host that holds it leaves a restart to a later step, which follows this one on all hosts.
    """
    systemd.enable(unit)
    what = due(unit, restart, reload)
    is_left = what == "restart" and held_address is not None and addresses.is_held(held_address)
    # systemd does not always notice a new drop-in by itself.
    if what in ("start", "restart"):
        systemd.reload_units()
    else:
        systemd.reload_units_if_changed(unit)
    if is_left:
        print("{}: holds {}, so {} is restarted here after the others".format(host.name(), held_address, unit))
    elif what is not None:
        if what == "start":
            systemd.reset(unit)
        systemd.act(what, unit)
