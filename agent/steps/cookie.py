"""Changes the Erlang cookie of all running brokers at once, without a stop: the new one comes on standard input.

Brokers ask each other for the cookie only when they connect, so connections stay. A broker that starts later reads it
from its file. Nothing is changed unless every member runs, answers and is connected to every other one.
"""

import re
import sys

from .. import cluster, erlang, hidden, host, rabbitmq, starting, systemd
from ..arguments import listed
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 180
PATH = rabbitmq.HOME + "/.erlang.cookie"

_COMMON = """
New = @new@, Atom = binary_to_atom(New, latin1), Path = <<"@path@">>, Aside = <<Path/binary, ".new">>,
Nodes = @nodes@,
OnAll = fun(Module, Function, Arguments) ->
  Keys = [rpc:async_call(Node, Module, Function, case Arguments of own -> [Node, Atom]; _ -> Arguments end)
    || Node <- Nodes],
  [rpc:yield(Key) || Key <- Keys]
end,
Are = fun(Value, Answers) -> lists:all(fun(Answer) -> Answer =:= Value end, Answers) end,
"""

_LOOK = (
    _COMMON
    + """
#{has => [Answer =:= Atom || Answer <- OnAll(erlang, get_cookie, [])],
  file => [Answer =:= {ok, New} || Answer <- OnAll(file, read_file, [Path])],
  sees => [case Answer of Seen when is_list(Seen) -> Nodes -- [Node | Seen]; _ -> unknown end
    || {Node, Answer} <- lists:zip(Nodes, OnAll(erlang, nodes, []))]}
"""
)

# The files are beside first, readable by their owner alone, so that nothing can be in the way of the change itself.
_CHANGE = (
    _COMMON
    + """
Old = erlang:get_cookie(),
_ = OnAll(file, delete, [Aside]),
Staged = lists:all(fun({F, A}) -> Are(ok, OnAll(file, F, A)) end, [
  {write_file, [Aside, <<>>]}, {change_mode, [Aside, 8#600]},
  {write_file, [Aside, New]}, {change_mode, [Aside, 8#400]}]),
case Staged andalso Are(true, OnAll(erlang, set_cookie, own)) of
  true ->
    case Are(ok, OnAll(file, rename, [Aside, Path])) of true -> done; false -> half end;
  false ->
    _ = [rpc:call(Node, erlang, set_cookie, [Node, Old], 5000) || Staged, Node <- Nodes],
    _ = OnAll(file, delete, [Aside]),
    undone
end
"""
)


def arguments(parser):
    parser.add_argument("--brokers", required=True, type=listed, help="every broker: a,b,c")
    parser.add_argument("--port", required=True, type=int, help="AMQP's TCP port")


def run(wanted):
    cookie = sys.stdin.read().strip()
    if not re.match("[A-Za-z0-9]{1,255}$", cookie):
        raise StepError("{}: no cookie of letters and digits came on standard input".format(host.name()))
    try:
        change(wanted, cookie)
    except StepError as failure:
        raise hidden.without([cookie], failure)


def change(wanted, cookie):
    if not systemd.is_active(rabbitmq.UNIT):
        check_nobody_serves(wanted)
        return
    seen = cluster.look()
    if all_have_it(seen.running, cookie)[0]:
        return
    absent = sorted((set(seen.members) | {host.name()}) - set(seen.running))
    if absent:
        raise nothing_done("{} does not run".format(", ".join(absent)), "Start it, or take it out of the cluster.")
    _, apart = all_have_it(seen.members, cookie)
    if apart:
        raise nothing_done("{} is not connected to every other broker".format(", ".join(apart)))
    said = rabbitmq.act(expression(_CHANGE, seen.members, cookie), seconds=60)
    if said == "undone":
        raise nothing_done("a broker has not taken the new one")
    if said not in ("done", "half") or not all_have_it(seen.members, cookie)[0]:
        raise StepError(
            "{}: the new Erlang cookie has not reached every broker's file".format(host.name()),
            "Run this again. A broker that has stopped meanwhile is to be stopped for good before that.",
        )
    print("{}: {} have the new Erlang cookie, without a restart".format(host.name(), ", ".join(seen.members)))


def nothing_done(why, remedy="Run this again once verify is content."):
    return StepError("{}: the Erlang cookie stays as it is: {}".format(host.name(), why), remedy)


def check_nobody_serves(wanted):
    """A broker that is stopped gets its file later. It must not be the only one, unless it is new."""
    others = [name for name in wanted.brokers if name != host.name() and rabbitmq.serves(name, wanted.port)]
    if others and starting.has_data():
        raise nothing_done(
            "its broker does not run, and {} does".format(", ".join(others)), "Start it, and run this again."
        )


def all_have_it(names, cookie):
    """Returns whether the brokers have the cookie, also in their files, and those that lack a connection to another."""
    answer = rabbitmq.evaluate(expression(_LOOK, names, cookie), seconds=60)
    parts = [rabbitmq.field(answer, key, list) for key in ("has", "file", "sees")]
    if any(len(part) != len(names) for part in parts) or "unknown" in parts[2]:
        raise NoAnswer("{}: not every broker says which cookie it has".format(host.name()))
    has, file, sees = parts
    return all(has + file), [name for name, missing in zip(names, sees) if missing]


def expression(question, names, cookie):
    nodes = erlang.atoms([rabbitmq.node(name) for name in names])
    return question.replace("@new@", erlang.text(cookie)).replace("@path@", PATH).replace("@nodes@", nodes)
