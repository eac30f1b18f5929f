"""Waits until this balancer's HAProxy sees every broker and its management UI up.

First it does the restart that was postponed until the brokers are members and, on the holder of the virtual address,
until the other balancers serve. A broker that is down does not keep the others from being served.
"""

from .. import clock, haproxy, host, services, systemd
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 180


def arguments(parser):
    services.add_arguments(parser)
    parser.add_argument("--patience", type=float, default=30, metavar="SECONDS", help="how long to wait (30)")


def run(wanted):
    services.do_what_is_due(wanted.unit, wanted.restart, wanted.reload)
    last = _Look()
    if clock.wait_until(last.finds_all_up, wanted.patience, every=0.5):
        return
    seen = last.seen
    down = ["{} {} {}".format(*each) for each in seen if each[2] != "UP"]
    if any(proxy == haproxy.AMQP and state == "UP" for proxy, _, state in seen):
        print(
            "{}: after {:.0f} s HAProxy does not see every broker up: {}".format(
                host.name(), wanted.patience, "; ".join(down)
            )
        )
        return
    raise StepError(
        "{}: after {:.0f} s HAProxy sees no broker up ({}); the end of its journal:".format(
            host.name(), wanted.patience, "; ".join(down) or last.silence or "it has none"
        ),
        log=systemd.journal(haproxy.UNIT),
    )


class _Look:
    """HAProxy's last answer."""

    def __init__(self):
        self.seen = []
        self.silence = ""

    def finds_all_up(self):
        self.seen, self.silence = [], ""
        try:
            self.seen = haproxy.brokers()
        except NoAnswer as none:
            self.silence = none.message
        return bool(self.seen) and all(state == "UP" for _, _, state in self.seen)
