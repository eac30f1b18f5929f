"""Has this balancer's HAProxy send the PROXY protocol's header to one broker, or not, and hold back another one.

Brokers change one after the other. The next one is held, so that no new connection meets it while it changes; sessions
stay. Without haproxy.cfg there is nothing to change: the file comes later, with its final lines.
"""

import sys
import time

from .. import clock, command, files, haproxy, host, notes, proxy_lines, sent, systemd
from ..arguments import listed
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 240
LOCK = sent.lock_of(proxy_lines.CONFIGURATION)
# For how long another broker is waited for, which serves instead of the held one.
OTHERS_SECONDS = 60
RELOAD_SECONDS = 20
# After a reload the former process may still be connecting to a broker.
SETTLE_SECONDS = 1


def arguments(parser):
    parser.add_argument("--proxies", required=True, type=listed, help="whose brokers take the header, a,b,c")
    parser.add_argument("--header", action="store_true", help="the header is to be sent; without it, not to be sent")
    parser.add_argument("--settle", metavar="BROKER", help="the broker that has just changed")
    parser.add_argument("--hold", metavar="BROKER", help="the broker that changes next")
    parser.add_argument("--binary", required=True, help="HAProxy, which judges the file")


def run(wanted):
    # What came before is on standard input, so that this step follows when that is done anew.
    sys.stdin.read()
    text = files.read(proxy_lines.CONFIGURATION, "")
    changed = proxy_lines.change(text, wanted.proxies, wanted.header, wanted.settle, wanted.hold)
    held, others = proxy_lines.held(changed, wanted.proxies)
    if wanted.hold in held and others and systemd.is_active(haproxy.UNIT):
        await_others(others)
    if changed != text:
        write(changed, wanted.binary)
    if changed and systemd.is_active(haproxy.UNIT) and is_stale():
        systemd.act("reload", haproxy.UNIT)
        await_reload(held)
    # The time makes it another output each time: what comes after is done too.
    print("{}: {}; {:.0f}".format(host.name(), described(wanted, held), time.time()))


def described(wanted, held):
    words = ["sends {} to {}".format("the header" if wanted.header else "no header", wanted.settle)]
    words = words if wanted.settle else []
    return ", ".join(words + (["holds {}".format(wanted.hold)] if wanted.hold in held else [])) or "nothing to change"


def is_stale():
    """Whether HAProxy has not read the file, also if a run was killed before its reload."""
    noted = notes.read(haproxy.UNIT)
    return noted is None or notes.is_stale(noted, [proxy_lines.CONFIGURATION])


def write(text, binary):
    def judge(candidate):
        result = command.attempt([binary, "-c", "-f", candidate], seconds=45)
        if result.code != 0:
            raise StepError("{}: HAProxy refuses its changed lines:".format(host.name()), log=result.log())

    files.write(proxy_lines.CONFIGURATION, text, check=judge)
    sent.note(proxy_lines.CONFIGURATION, text.encode("utf-8", "surrogateescape"), None)


def await_others(others):
    await_weights(
        lambda found: any(found.get(name, "0") != "0" for name in others),
        OTHERS_SECONDS,
        lambda: StepError(
            "{}: HAProxy sees none of {} up, so no broker is held back".format(host.name(), ", ".join(sorted(others))),
            "start them: npm run verify names what is missing; then run up again",
        ),
    )


def await_reload(held):
    """Waits until the new process answers: the brokers' weights tell it from the former one."""
    await_weights(
        lambda found: all((weight == "0") == (name in held) for name, weight in found.items()),
        RELOAD_SECONDS,
        lambda: StepError(
            "{}: HAProxy does not show its changed lines {} s after its reload; the end of its journal:".format(
                host.name(), RELOAD_SECONDS
            ),
            log=systemd.journal(haproxy.UNIT),
        ),
    )
    clock.pause(SETTLE_SECONDS)


def await_weights(are_right, seconds, failure):
    """Waits until HAProxy answers with weights that are right. Raises what `failure` returns after so many seconds."""

    def seen():
        try:
            found = proxy_lines.brokers_up()
        except NoAnswer:
            return False
        return are_right(found)

    clock.await_(seen, seconds, failure)
