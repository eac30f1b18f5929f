"""Refuses a rabbitmq.conf without plain ports while this member of the cluster has none with TLS yet.

Its clients could reach no broker from the first restart to the last.
"""

import re

from .. import files, host, rabbitmq
from ..errors import StepError

TIMEOUT_SECONDS = 20
LOCK = None

# The lines that close a plain port: of AMQP, of MQTT, STOMP and streams, and of the web variants.
_CLOSING = re.compile(r"^((?:\w+\.)?listeners\.tcp|\w+\.tcp\.listener) = none$", re.MULTILINE)
_AMQP = "listeners.tcp"


def arguments(parser):
    parser.add_argument("path", help="the new file")


def run(wanted):
    now = files.read(rabbitmq.CONFIGURATION, "")
    # With AMQP's plain port closed already, a further protocol is new.
    if not host.exists(rabbitmq.MEMBER_MARK) or not now or _AMQP in _CLOSING.findall(now):
        return
    with open(wanted.path, encoding="utf-8", errors="replace") as file:
        closing = _CLOSING.findall(file.read())
    without = [key.split(".")[0] for key in closing if not _has_tls(key, now)]
    if not without:
        return
    whose = "" if closing[0].split(".")[0] in without else " of " + ", ".join(without)
    raise StepError(
        "{}: its clients{} have no port with TLS yet, so the plain ones cannot be closed".format(host.name(), whose),
        "first run up with tls and without tls.only, and have the clients use TLS; then set tls.only",
    )


def _has_tls(key, text):
    """Whether a configuration serves, with TLS, the protocol of a closing line."""
    prefix = re.sub(r"tcp(\.listener)?$", "ssl.", key)
    return re.search("^" + re.escape(prefix), text, re.MULTILINE) is not None
