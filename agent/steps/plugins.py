"""Has the broker run exactly these plug-ins, and starts those of them again that have ended.

A plug-in that is not on the host is refused before anything is changed.
"""

from .. import enabled_plugins, plugins, rabbitmq, systemd
from ..arguments import listed

TIMEOUT_SECONDS = 300


def arguments(parser):
    parser.add_argument("--plugins", required=True, type=listed, help="their names, a,b,c; what they need comes along")


def run(wanted):
    enabled_plugins.require(wanted.plugins)
    same = sorted(enabled_plugins.names()) == sorted(wanted.plugins)
    if not systemd.is_active(rabbitmq.UNIT):
        if not same:
            enabled_plugins.write(wanted.plugins)
    elif same:
        enabled_plugins.enable_again(wanted.plugins)
        plugins.start_ended()
    else:
        enabled_plugins.enable(wanted.plugins)
