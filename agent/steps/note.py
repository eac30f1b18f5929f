"""Records which files a service reads at its start or reload; the service's unit calls this.

It runs before each start of the service, so it does little and ends soon. Before that it may wait for an address of
this host that the service needs from its start on; without it the service starts all the same, a minute later.
"""

from .. import addresses, clock, host, notes
from ..errors import NoAnswer

TIMEOUT_SECONDS = 5
LOCK = None
# Less than the 90 s that systemd gives a start.
ADDRESS_SECONDS = 60


def arguments(parser):
    parser.add_argument("--unit", required=True, help="the systemd unit; a service without .service")
    parser.add_argument("--restart", default="", help="files that the service reads at its start only, a,b,c")
    parser.add_argument("--reload", default="", help="files that it reads again at a reload, a,b,c")
    parser.add_argument("--address", help="an address of this host to wait for")
    parser.add_argument("--reloaded", action="store_true", help="it is reloaded, not started")


def run(wanted):
    restart, reload = ([name for name in text.split(",") if name] for text in (wanted.restart, wanted.reload))
    if wanted.address is not None:
        _wait_for(wanted.address)
    if wanted.reloaded:
        notes.update(wanted.unit, reload)
    else:
        notes.write(wanted.unit, restart + reload)


def _wait_for(address):
    clock.extend(ADDRESS_SECONDS + TIMEOUT_SECONDS)
    if not clock.wait_until(lambda: _is_there(address), ADDRESS_SECONDS, every=0.2):
        print("{}: {} is not configured after {} s; starting without it".format(host.name(), address, ADDRESS_SECONDS))


def _is_there(address):
    try:
        return addresses.is_held(address)
    except NoAnswer:
        return True  # where the kernel does not tell, waiting would tell nothing either
