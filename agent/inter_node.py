"""How this host's broker speaks with the others (Erlang's distribution): in the clear, or by TLS.

All brokers of a cluster, and RabbitMQ's tools with them, have to speak alike: one that speaks TLS and one that does not
cannot be connected. So it is noted on the host before the broker's first start, and changed in a full stop alone.
"""

import os
import re

from . import certificates, cgroup, files, host, hosts_file, rabbitmq, sent, systemd
from .errors import StepError

# RabbitMQ's scripts read it, those of its tools too (https://www.rabbitmq.com/docs/clustering-ssl).
ENVIRONMENT = "/etc/rabbitmq/rabbitmq-env.conf"
OPTIONS = certificates.FOLDER + "/inter-node.config"
# Exists while the broker is set up to speak TLS with the others.
NOTE = host.STATE + "/inter-node-tls"

# As hosts/distribution.ts makes them; terms of the user stand on lines of their own.
_TERMS = re.compile(r"\{net_setuptime, \d+ *\}(, \{inet_dist_(connect|listen)_options, \[[^]\n]*\]\})*")

WORDS = {True: "by TLS", False: "without TLS"}

# Erlang asks for the files anew at each connection. The other side's certificate has to be for its host's name.
_OPTIONS = """\
%% Written by rabbitmq-ha.
[{{server, [{files}, {{fail_if_no_peer_cert, true}}]}},
 {{client, [{files}]}}].
""".format(
    files='{{cacertfile, "{}"}}, {{certfile, "{}"}}, {{keyfile, "{}"}},\n  {{verify, verify_peer}}, {{versions, [{}]}}'.format(
        certificates.AUTHORITIES, certificates.BROKER, certificates.BROKER, "'tlsv1.3', 'tlsv1.2'"
    )
)

# A script may be read by another one that has read it already. Erlang takes no argument that comes twice.
_LINES = """\
# Written by rabbitmq-ha; a change belongs into the stack's tls.interNode.
RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="${{RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:-$SERVER_ADDITIONAL_ERL_ARGS}}"
case "$RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS" in *inet_tls*) ;; *)
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="$RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS {arguments}" ;;
esac
RABBITMQ_CTL_ERL_ARGS="${{RABBITMQ_CTL_ERL_ARGS:-$CTL_ERL_ARGS}}"
case "$RABBITMQ_CTL_ERL_ARGS" in *inet_tls*) ;; *)
  RABBITMQ_CTL_ERL_ARGS="$RABBITMQ_CTL_ERL_ARGS {arguments}" ;;
esac
""".format(arguments="-proto_dist inet_tls -ssl_dist_optfile " + OPTIONS)


def write(by_tls):
    """Writes the files by which the broker's next start, and the tools from now on, speak so."""
    if by_tls:
        _, group = rabbitmq.account()
        files.write(OPTIONS, _OPTIONS, mode=0o640, owner=(0, group))
    text = files.read(ENVIRONMENT, "")
    if not by_tls and hosts_file.BEGIN not in text:
        return
    wanted = hosts_file.without_block(text)
    if by_tls:
        wanted += "{}\n{}{}\n".format(hosts_file.BEGIN, _LINES, hosts_file.END)
    if wanted:
        files.write(ENVIRONMENT, wanted)
    else:
        files.remove(ENVIRONMENT)


def write_terms(terms):
    """Has the broker's next start connect with the others by these terms of advanced.config, as the next `up` writes them.

    Otherwise that `up` would restart every broker once more.
    """
    text = files.read(rabbitmq.ADVANCED, "")
    wanted = _TERMS.sub(lambda _: terms, text)
    if wanted != text:
        files.write(rabbitmq.ADVANCED, wanted)
        sent.note(rabbitmq.ADVANCED, wanted.encode("utf-8", "surrogateescape"), None)


def is_noted():
    """Whether this broker is set up to speak TLS with the others."""
    return host.exists(NOTE)


def note(by_tls):
    if by_tls:
        files.write(NOTE, "")
    else:
        files.remove(NOTE)


def is_by_tls():
    """Whether the running broker speaks TLS with the others; None if none runs, or nobody knows."""
    try:
        group = systemd.properties(rabbitmq.UNIT, "ControlGroup")["ControlGroup"]
    except StepError:
        return None
    for words in map(_words, cgroup.processes(group)):
        # RabbitMQ's own tools run in no unit, and a start's helpers do not boot a broker.
        if os.path.basename(words[0]) == "beam.smp" and "boot" in words:
            return "inet_tls" in words
    return None


def _words(process):
    try:
        with open(host.path("/proc/{}/cmdline".format(process)), "rb") as file:
            return file.read().decode("utf-8", "replace").split("\0")
    except OSError:
        return [""]
