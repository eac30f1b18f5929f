"""Packages: lists what is installed, installs what is missing, and changes the version of a package.

Nothing that is installed is started: the program does that once it is configured. Every installation holds the lock
LOCK, so that two installations do not block each other half-way.
"""

from . import sources
from .apt import Apt
from .yum import Yum

LOCK = "packages"
LOCK_SECONDS = 300

# The package whose version the configuration can state.
BROKER = "rabbitmq-server"


def arguments(parser, required=True):
    """Adds the options that say how packages are installed on this host."""
    sources.arguments(parser, required)
    parser.add_argument("--proxy", default="", metavar="URL", help="the HTTP proxy for all that is fetched")


def manager(wanted):
    """Returns the package manager of this host, by the arguments."""
    if wanted.installer == "apt":
        return Apt(wanted.proxy)
    return Yum(wanted.installer, wanted.proxy, wanted.archive, wanted.mirror)
