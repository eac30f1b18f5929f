"""Starts, restarts or reloads a systemd service if it does not run with its current files."""

from .. import services

TIMEOUT_SECONDS = 120


def _lock(wanted):
    return "service-" + wanted.unit


LOCK = _lock


def arguments(parser):
    services.add_arguments(parser)
    parser.add_argument(
        "--held-address", help="whoever holds this address leaves a restart to a step that comes after all hosts' own"
    )


def run(wanted):
    services.do_what_is_due(wanted.unit, wanted.restart, wanted.reload, wanted.held_address)
