"""Has Erlang read a new advanced.config before a broker does, and says line and fault of what it cannot read."""

import re

from .. import command, host, rabbitmq
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 40
LOCK = None

# As a broker reads it (rabbit_prelaunch_conf, cuttlefish_advanced).
_READ = """
Pair = fun({Key, _}) -> is_atom(Key); (_) -> false end,
Entry = fun({_, Pairs} = Each) -> Pair(Each) andalso is_list(Pairs) andalso lists:all(Pair, Pairs); (_) -> false end,
[Path] = init:get_plain_arguments(),
case file:consult(Path) of
    {ok, [Entries]} when is_list(Entries) ->
        case lists:all(Entry, Entries) of
            true -> io:format("whole~n");
            false -> io:format("fault not a list of applications, each with a list of its settings~n")
        end;
    {ok, _} -> io:format("fault not one list~n");
    {error, Reason} -> io:format("fault ~ts~n", [file:format_error(Reason)])
end,
halt(0).
"""


def arguments(parser):
    parser.add_argument("path", help="the new file's whole path")


def run(wanted):
    words = ["erl", "-noinput", "-boot", "no_dot_erlang", "-eval", _READ, "-extra", wanted.path]
    said = command.ask(words, **rabbitmq.options(30, more={"ERL_CRASH_DUMP_SECONDS": "0"})).strip()
    if said == "whole":
        return
    if not said.startswith("fault "):
        raise NoAnswer("{}: Erlang did not say whether it can read the file".format(host.name()), log=said)
    raise StepError("{}: Erlang cannot read it: {}".format(host.name(), _shown(said[len("fault ") :], wanted.path)))


def _shown(fault, path):
    """Returns a fault with the text of its line: the number is that of the file, not of the stack's part in it."""
    at = re.match(r"(\d+):", fault)
    if at is None:
        return fault
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    number = int(at.group(1))
    text = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    return "line {}\n  {}".format(fault, text)
