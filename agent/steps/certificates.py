"""Writes the broker's certificates, and has the running broker show them, without a restart.

They come on standard input: the broker's own with those above it and with its key, a line between, the authorities that
it trusts, and a last line.
"""

import sys

from .. import certificates, host, inter_node, rabbitmq, systemd
from ..arguments import listed
from ..errors import StepError

TIMEOUT_SECONDS = 120
SEPARATOR = "--authorities--\n"
END = "--end--\n"


def arguments(parser):
    parser.add_argument("--ports", type=listed, default=[], help="the broker's TCP ports with TLS, a,b,c")
    parser.add_argument("--remove", action="store_true", help="the files go, once no line of rabbitmq.conf names them")


def run(wanted):
    if wanted.remove:
        if inter_node.is_noted():
            raise StepError(
                "{}: the certificates stay: the brokers speak TLS with each other".format(host.name()),
                "set tls with interNode again (docs/tls.md)",
            )
        certificates.remove()
        return
    text = sys.stdin.buffer.read().decode("utf-8")
    broker, separator, rest = text.partition(SEPARATOR)
    authorities, end, _ = rest.partition(END)
    if not separator or not end or "PRIVATE KEY-----" not in broker:
        # A broken connection also ends the input.
        raise StepError("{}: the certificates did not come completely on standard input".format(host.name()))
    shown = certificates.fingerprint(broker)
    certificates.write(broker, authorities)
    if systemd.is_active(rabbitmq.UNIT):
        certificates.show(shown, [int(port) for port in wanted.ports])
