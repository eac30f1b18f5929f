"""Questions and commands to the broker.

RabbitMQ's own tools are called as the user rabbitmq, not through the packages' wrappers: Debian 12's passes every word
to a second shell, and the wrappers of 3.12 and newer do not pass standard input on. A question is an Erlang expression
on standard input, and its answer is one complete Erlang term. So no name needs quoting, an incomplete answer is
detected, and one call answers several questions.
"""

import base64
import os
import pwd
import re

from . import clock, command, erlang, host
from .errors import NoAnswer, Silence, StepError

UNIT = "rabbitmq-server"
# TimeoutStopSec= of the program's drop-in, which counts for ExecStop= and again for what SIGTERM begins.
STOP_SECONDS = 2 * 300 + 10
HOME = "/var/lib/rabbitmq"
DATA = HOME + "/mnesia"
TOOLS = "/usr/lib/rabbitmq/bin"
CONFIGURATION = "/etc/rabbitmq/rabbitmq.conf"
ADVANCED = "/etc/rabbitmq/advanced.config"
# Read after rabbitmq.conf (rabbit_env, RABBITMQ_CONFIG_FILES).
SECRETS = "/etc/rabbitmq/conf.d/rabbitmq-ha-secrets.conf"
DROP_IN = "/etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf"
PLUGINS = "/etc/rabbitmq/enabled_plugins"

# Seconds for which a tool of RabbitMQ tries to connect to a broker: Erlang's net_setuptime, by default.
CONNECTING = 7

# Exists once this host's broker has been a member of the stack's cluster: it never serves alone again.
MEMBER_MARK = host.STATE + "/member"
# Every broker that the stack has ever had, one name a line. A member that is not listed was added by somebody else.
KNOWN_BROKERS = host.STATE + "/brokers"


def node(name=None):
    """Returns the Erlang name of a broker's node."""
    return "rabbit@" + (name or host.name())


def short(node_name):
    return str(node_name).split("@", 1)[-1]


def log_file(name=None):
    return "/var/log/rabbitmq/{}.log".format(node(name))


def account():
    """Returns the uid and the gid of the user rabbitmq."""
    try:
        found = pwd.getpwnam("rabbitmq")
    except KeyError:
        raise StepError("{}: there is no user rabbitmq, so RabbitMQ is not installed".format(host.name()))
    return found.pw_uid, found.pw_gid


def options(seconds, stdin="", more=()):
    # Erlang's output has to be UTF-8, and CentOS 7 has no C.UTF-8.
    known = ("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8")
    locale = "C.UTF-8" if any(os.path.isdir(each) for each in known) else "en_US.UTF-8"
    return {
        "seconds": seconds,
        "stdin": stdin,
        "user": None if os.getuid() != 0 else account(),
        "extra": dict({"HOME": HOME, "LC_ALL": locale, "LANG": locale}, **dict(more)),
        "cwd": host.path(HOME) if os.path.isdir(host.path(HOME)) else "/",
    }


def words(tool, arguments, of=None):
    target = [] if of is None else ["-n", node(of)]
    return [host.path(TOOLS + "/" + tool), "-q"] + target + list(arguments)


def tell(*arguments, tool="rabbitmqctl", of=None, seconds=120):
    """Runs one of RabbitMQ's tools for the broker `of`, or this host's. Raises StepError if it fails."""
    return command.do(words(tool, arguments, of), **options(seconds))


def evaluate(expression, of=None, seconds=60):
    """Returns the value of an Erlang expression on the broker `of`, or this host's.

    On a busy host the tool may have given up its connection before the broker had answered, above all with TLS between
    brokers. Then it is asked once more, within the same time. Raises NoAnswer unless the value arrives completely.
    """
    begun, deadline = clock.now(), clock.Deadline(seconds)
    try:
        return _value(command.ask, expression, of, seconds)
    except Silence:
        if clock.now() - begun < CONNECTING or deadline.seconds_left() < CONNECTING:
            raise
    return _value(command.ask, expression, of, deadline.seconds_left())


def act(expression, of=None, seconds=120):
    """Runs an Erlang expression that changes something on the broker `of`, or this host's. Returns its value.

    Raises StepError unless the value arrives completely.
    """
    return _value(command.do, expression, of, seconds)


def have(expression, of=None, seconds=120):
    """Runs an expression like `act`. Returns what the tool prints of the value, whatever that is."""
    return _eval(command.do, expression, of, seconds)


def _eval(run, expression, of, seconds):
    # From 3.13 on the tool reads its standard input only if `eval` is its one argument. Otherwise it waits for ever.
    more = {} if of is None else {"RABBITMQ_NODENAME": node(of)}
    question = expression.strip().rstrip(".") + ".\n"
    return run([host.path(TOOLS + "/rabbitmqctl"), "eval"], **options(seconds, question, more))


def _value(run, expression, of, seconds):
    question = "base64:encode(term_to_binary(begin {} end))".format(expression.strip().rstrip("."))
    said = _eval(run, question, of, seconds)
    pieces = re.fullmatch(r'\s*<<((?:"[A-Za-z0-9+/=]*"\s*)+)>>\s*', said)
    if pieces is None:
        raise NoAnswer("{} did not answer in full".format(of or host.name()), log=said)
    try:
        return erlang.decode(base64.b64decode("".join(re.findall(r'"([^"]*)"', pieces.group(1))), validate=True))
    except ValueError as broken:
        raise NoAnswer("{} did not answer in full: {}".format(of or host.name(), broken))


def field(answer, key, kind):
    """Returns a part of an answer. Raises NoAnswer unless it is there and of the kind."""
    value = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(value, kind):
        raise NoAnswer("a broker's answer lacks its {}".format(key))
    return value


def serves(name, port):
    """Whether a broker accepts connections."""
    return host.serves(name, port)


def stop():
    """Stops the broker in order, for as long as systemd lets it. Raises StepError with the end of its journal."""
    from . import systemd

    clock.extend(STOP_SECONDS + 60)
    systemd.act("stop", UNIT, seconds=STOP_SECONDS)


def boot_errors(lines=8):
    """Returns the errors that the broker logged at a failed start, each one once, without Erlang's own reports."""
    from . import files, systemd

    text = "\n".join(
        [
            systemd.journal(UNIT, 100),
            files.tail("/var/log/rabbitmq/rabbitmq-server.log", 100),
            files.tail(log_file(), 100),
        ]
    )
    said, skip = [], True
    for match in re.finditer(r"^.*\[error\] <[0-9.]*> (.*\S.*)$", text, re.MULTILINE):
        line = match.group(1)
        if not line.startswith(" "):
            skip = False
        if re.match(r" *(supervisor|crasher):", line):
            skip = True
        if not skip and line not in said:
            said.append(line)
    return "\n".join(said[:lines])
