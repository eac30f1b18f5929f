"""The messages that the plug-in rabbitmq_delayed_message_exchange delays.

Each is in a table of one node alone, the one that took it, and its publisher has had its confirm (README of that plug-in,
"Limitations").
"""

from . import erlang, rabbitmq
from .errors import NoAnswer

# How many rows its tables have on a node.
_QUESTION = """
case rpc:call(%(node)s, ets, all, [], 10000) of
  {badrpc, _} -> silent;
  Tables ->
    lists:sum([rpc:call(%(node)s, ets, info, [T, size], 10000)
      || T <- Tables, is_atom(T), lists:prefix("rabbit_delayed_message", atom_to_list(T))])
end
"""


def count(name, of=None):
    """Returns how many a broker has, 0 without the plug-in. Raises NoAnswer unless it says so. of: the broker that is asked."""
    found = rabbitmq.evaluate(_QUESTION % {"node": erlang.atom(rabbitmq.node(name))}, of=of)
    if not isinstance(found, int) or isinstance(found, bool):
        raise NoAnswer("{} does not say whether it has delayed messages".format(name))
    return found
