"""One host's part in a full stop, in which all brokers change how they speak with each other (agent/inter_node.py).

`npm run up -- --full-stop` runs --look on every broker's host, then --stop on each, then --change and --release. Each
can be repeated. It prints one line of JSON for --look, which changes nothing.
"""

import hashlib

from .. import (
    certificates,
    cluster,
    files,
    full_stop,
    host,
    inter_node,
    jsontext,
    lock,
    owner,
    queues,
    rabbitmq,
    systemd,
)
from ..arguments import listed
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 330  # a stop extends it

# Steps that start, stop or change a broker; a killed `up` may have left one.
_STEPS = ("start", "member", "restart", "leave", "members", "force-boot", "certificates", "inter-node", "cookie")

# The broker connects with itself as another one would: by its own name, with its certificate, which it checks.
_HANDSHAKE = """
Header = case application:get_env(rabbit, proxy_protocol, false) of
  true -> <<"PROXY TCP4 127.0.0.1 127.0.0.1 1 1\\r\\n">>;
  _ -> <<>>
end,
Options = [{cacertfile, "@authorities@"}, {certfile, "@broker@"}, {keyfile, "@broker@"}, {verify, verify_peer},
  {versions, ['tlsv1.3', 'tlsv1.2']}, {server_name_indication, "@name@"}, {log_level, none}],
Tried = case application:get_env(rabbit, ssl_listeners, []) of
  [] -> {error, no_port_with_tls};
  [First | _] ->
    {At, Port} = case First of {_, _} -> First; _ -> {"127.0.0.1", First} end,
    case gen_tcp:connect(At, Port, [binary, {active, false}], 5000) of
      {ok, Plain} -> ok = gen_tcp:send(Plain, Header), ssl:connect(Plain, Options, 5000);
      Failed -> Failed
    end
end,
case Tried of
  {ok, Socket} -> ssl:close(Socket), <<"trusted">>;
  {error, Reason} -> iolist_to_binary(io_lib:format("~0p", [Reason]))
end
"""


def arguments(parser):
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--look", action="store_true", help="say whether a full stop can begin or has begun")
    action.add_argument("--stop", action="store_true", help="stop the broker, and let nothing start it")
    action.add_argument("--change", action="store_true", help="have the stopped broker speak so with the others")
    action.add_argument("--release", action="store_true", help="let the broker start again")
    parser.add_argument("--brokers", type=listed, default=[], help="every broker, a,b,c")
    parser.add_argument("--tls", action="store_true", help="by TLS, with the certificates of this host")
    parser.add_argument("--distribution", help="terms of kernel in advanced.config by which brokers connect")
    parser.add_argument("--stack-id", help="whose machine it has to be")
    parser.add_argument("--host", help="the name in the stack that it has to have")


def run(wanted):
    found = None if wanted.stack_id is None else owner.other_than(wanted.stack_id, wanted.host)
    if found is not None:
        raise StepError(
            "{}: nothing was done: the machine belongs to stack {} as {} now".format(
                wanted.host, found.stack, found.host_name
            )
        )
    if wanted.look:
        print(jsontext.dumps(look(wanted.brokers, wanted.tls)))
    elif wanted.stop:
        full_stop.stop()
    elif wanted.change:
        full_stop.end()
        absent = missing() if wanted.tls else None
        if absent:
            raise StepError("{}: {}, so nothing is changed".format(host.name(), absent))
        # Its own mark comes last: with it, the files are there.
        inter_node.write(wanted.tls)
        if wanted.distribution is not None:
            inter_node.write_terms(wanted.distribution)
        inter_node.note(wanted.tls)
    else:
        full_stop.release()


def look(brokers, by_tls):
    """Returns what this host says before a full stop. Raises NoAnswer unless the state of its broker is known.

    byTls: whether it speaks TLS at its next start; speaksTls: whether it does now, None if it does not run.
    apart: why it is not one of a whole cluster; obstacle: why it must not be stopped now; distrust: why it could not
    speak TLS. Each is None if there is nothing. A broker without an answer is a reason: one that is left alone by a full
    stop pauses, and answers nothing.
    """
    state = systemd.state(rabbitmq.UNIT)
    speaks, is_marked = inter_node.is_by_tls(), full_stop.is_marked()
    # The start of a marked broker waits before Erlang's.
    runs = state not in systemd.STOPPED and not (is_marked and state == "activating" and speaks is None)
    serves = state in systemd.RUNS
    return {
        "byTls": inter_node.is_noted(),
        "speaksTls": speaks,
        "isMarked": is_marked,
        "runs": runs,
        "apart": reason(lambda: apart(brokers)) if serves else "its broker does not run",
        "obstacle": reason(obstacle) if serves else None,
        "distrust": reason(lambda: distrust(serves)) if by_tls else None,
        "authorities": hashlib.sha256(files.read(certificates.AUTHORITIES, "").encode()).hexdigest(),
    }


def reason(find):
    try:
        return find()
    except NoAnswer as silent:
        return silent.message


def apart(brokers):
    seen = cluster.look()
    for names, words in (
        (set(brokers) - set(seen.members), "it does not count {} as a member"),
        (set(seen.members) - set(brokers), "it counts {} as a member, which is no broker of the stack"),
        (set(seen.members) - set(seen.running), "it does not see {} run"),
    ):
        if names:
            return words.format(", ".join(sorted(names)))
    return None


def obstacle():
    busy = [step for step in _STEPS if lock.is_busy(step)]
    if busy:
        return "rabbitmq-ha {} works on it".format(busy[0])
    behind = queues.look().unsynchronised_on(host.name())
    return "its mirrors are not in sync: {}".format(queues.named(behind, 3)) if behind else None


def missing():
    for path in (certificates.BROKER, certificates.AUTHORITIES):
        if not host.exists(path):
            return "{} is missing".format(path)
    return None


def distrust(serves):
    """Returns why this host's broker could not speak TLS with the others; None if it could, or does not run."""
    absent = missing()
    if absent or not serves:
        return absent
    question = _HANDSHAKE.replace("@name@", host.name())
    question = question.replace("@authorities@", certificates.AUTHORITIES).replace("@broker@", certificates.BROKER)
    said = rabbitmq.evaluate(question, seconds=30)
    if not isinstance(said, str) or not said:
        raise NoAnswer("{}: the broker does not say whether it trusts its own certificate".format(host.name()))
    return None if said == "trusted" else "its certificate is not trusted: {}".format(said)
