"""Has the broker run these plug-ins and no others, and starts again what has ended of them."""

from .. import plugins, rabbitmq, systemd

TIMEOUT_SECONDS = 300


def arguments(parser):
    parser.add_argument("--plugins", required=True, type=_listed, help="their names, a,b,c; what they need comes along")


def _listed(text):
    return [each for each in text.split(",") if each]


def run(wanted):
    same = sorted(plugins.enabled()) == sorted(wanted.plugins)
    if not systemd.is_active(rabbitmq.UNIT):
        if not same:
            plugins.write(wanted.plugins)
    elif same:
        plugins.start_ended()
    else:
        plugins.enable(wanted.plugins)
