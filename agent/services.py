"""Stand-in for the part that has the services."""

from . import systemd


def add_arguments(parser):
    parser.add_argument("--unit", required=True, help="the systemd unit; a service without .service")
    parser.add_argument("--restart", default=[], type=_listed, help="files that need a restart when they change, a,b,c")
    parser.add_argument("--reload", default=[], type=_listed, help="files that need a reload when they change, a,b,c")


def _listed(text):
    return [each for each in text.split(",") if each]


def do_what_is_due(unit, restart, reload, held_address=None):
    if not systemd.is_active(unit):
        systemd.act("start", unit)
