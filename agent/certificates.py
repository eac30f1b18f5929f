"""The broker's certificates on this host, and which of them its ports show.

One file holds the certificate with its key, so that no moment has one without the other. Erlang keeps what it has read
of them; once it is told to forget that, the next connection shows the new certificate. No connection is closed.
"""

import base64
import hashlib
import re

from . import clock, files, host, rabbitmq
from .errors import NoAnswer, StepError

FOLDER = "/etc/rabbitmq-ha/tls"
BROKER = FOLDER + "/broker.pem"
AUTHORITIES = FOLDER + "/authorities.pem"

SHOWN_SECONDS = 10

_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)

# What a port shows: its certificate's digest, `closed` if nothing listens there, or why it shows none. AMQP's may expect
# the PROXY protocol's header first.
_SHOWN = """
Header = case application:get_env(rabbit, proxy_protocol, false) of
  true -> <<"PROXY TCP4 127.0.0.1 127.0.0.1 1 1\\r\\n">>;
  _ -> <<>>
end,
Amqp = application:get_env(rabbit, ssl_listeners, []),
[case gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}], 5000) of
  {ok, Plain} ->
    [ok = gen_tcp:send(Plain, Header) || lists:member(Port, Amqp)],
    case ssl:connect(Plain, [{verify, verify_none}, {log_level, none}], 5000) of
      {ok, Socket} ->
        {ok, Shown} = ssl:peercert(Socket),
        ssl:close(Socket),
        base64:encode(crypto:hash(sha256, Shown));
      {error, Reason} -> iolist_to_binary(io_lib:format("no TLS: ~0p", [Reason]))
    end;
  {error, econnrefused} -> <<"closed">>;
  {error, Reason} -> iolist_to_binary(io_lib:format("~0p", [Reason]))
end || Port <- %s]
"""

# Connections between brokers have a cache of their own (ssl_pem_cache, OTP), which Erlang itself looks through every two
# minutes.
_FORGET = """
ssl:clear_pem_cache(),
try gen_server:call(ssl_pem_cache_dist, {unconditionally_clear_pem_cache, self()}, 10000), true catch _:_ -> false end
"""


def fingerprint(text):
    """Returns the digest of the first certificate of a text, as the broker writes it. Raises StepError without one."""
    found = _CERTIFICATE.search(text)
    if found is None:
        raise StepError("{}: no certificate came on standard input".format(host.name()))
    return base64.b64encode(hashlib.sha256(base64.b64decode(found.group(1))).digest()).decode()


def write(broker, authorities):
    """Writes both files, which root and the broker can read."""
    _, group = rabbitmq.account()
    for path, text in ((AUTHORITIES, authorities), (BROKER, broker)):
        files.write(path, text, mode=0o640, owner=(0, group))


def remove():
    files.remove_tree(FOLDER)


def show(wanted, ports):
    """Has the running broker read its certificates again. Returns the ports that show the wanted one.

    A port that nothing listens at is left out. Raises StepError if another one does not show it in time.
    """
    # Nothing is lost by forgetting twice, so it may be asked like a question.
    rabbitmq.evaluate(_FORGET, seconds=30)
    found = {}  # type: dict

    def is_shown():
        answers = rabbitmq.evaluate(_SHOWN.strip() % "[{}]".format(", ".join(map(str, ports))), seconds=40)
        if not isinstance(answers, list) or len(answers) != len(ports):
            raise NoAnswer("{}: the broker does not say which certificates its ports show".format(host.name()))
        found.update(zip(ports, map(str, answers)))
        return all(shown in (wanted, "closed") for shown in found.values())

    if not clock.wait_until(is_shown, SHOWN_SECONDS):
        other = ["port {}: {}".format(port, shown) for port, shown in sorted(found.items()) if shown != wanted]
        raise StepError(
            "{}: does not show its new certificate after {} s; restart rabbitmq-server here:".format(
                host.name(), SHOWN_SECONDS
            ),
            log="\n".join(other),
        )
    return [port for port in ports if found[port] == wanted]
