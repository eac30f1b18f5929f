"""Has the broker expect the PROXY protocol's header from its next connection on, or not, without a restart.

HAProxy sends this broker no new connection meanwhile (proxy-lines). A broker that is new takes it from its first start
on: the balancers' lines have it already.
"""

import sys
import time

from .. import host, proxy_protocol, rabbitmq, systemd

TIMEOUT_SECONDS = 90


def arguments(parser):
    parser.add_argument("--header", action="store_true", help="the header is expected; without it, not expected")
    parser.add_argument("--first", action="store_true", help="only for a broker that has never been a member")


def run(wanted):
    if wanted.first:
        if not host.exists(rabbitmq.MEMBER_MARK):
            proxy_protocol.write(wanted.header)
        return
    sys.stdin.read()
    proxy_protocol.write(wanted.header)
    if systemd.is_active(rabbitmq.UNIT):
        proxy_protocol.set_now(wanted.header)
    # The time makes it another output each time: what comes after is done too.
    print("{}: expects {} header; {:.0f}".format(host.name(), "the" if wanted.header else "no", time.time()))
