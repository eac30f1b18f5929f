"""Refuses a rabbitmq.conf without plain ports while this member of the cluster has none with TLS yet.

Its clients could reach no broker from the first restart to the last.
"""

import re

from .. import files, host, rabbitmq
from ..errors import StepError

TIMEOUT_SECONDS = 20
LOCK = None

_TLS = re.compile(r"^listeners\.ssl\.", re.MULTILINE)


def arguments(parser):
    parser.add_argument("path", help="the new file")


def run(wanted):
    now = files.read(rabbitmq.CONFIGURATION, "")
    if not host.exists(rabbitmq.MEMBER_MARK) or not now or _TLS.search(now):
        return
    raise StepError(
        "{}: its clients have no port with TLS yet, so the plain ones cannot be closed".format(host.name()),
        "first run up with tls and without tls.only, and have the clients use TLS; then set tls.only",
    )
