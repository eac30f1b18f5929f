"""Khepri, RabbitMQ's store of the cluster's tables from 4.2 on: a broker's start waits for a majority of its members.

All members have the same log (Raft). What a majority has written is committed, so of the brokers that are left the one
with the longest log has the newest tables.
"""

from . import cluster, command, files, host, rabbitmq
from .errors import NoAnswer, StepError

# Whether the broker that evaluates it has its tables in Khepri, which up to 3.12 it does not know.
IS_ENABLED = "(try rabbit_khepri:is_enabled() catch error:undef -> false end)"

# Makes a member with Khepri know all that was written before, and fails unless it has the tables that its lists are read
# from: without them they are empty. `rabbit_khepri` offers its fence from 4.2 on, Khepri itself from 4.0 on; with 3.13
# Khepri was an experiment, has none, and has its tables under other names.
FENCE = """
ok = case {0} of
  true -> try khepri:fence(rabbitmq_metadata, 20000) catch error:undef -> ok end;
  false -> ok
end,
true = not {0} orelse lists:all(fun(Tables) -> lists:any(fun(T) -> ets:info(T, size) =/= undefined end, Tables) end, [
  [rabbit_khepri_vhost], [rabbit_khepri_queue], [rabbit_khepri_exchange],
  [rabbit_khepri_user, rabbit_khepri_users], [rabbit_khepri_user_permission, rabbit_khepri_user_permissions],
  [rabbit_khepri_binding, rabbit_khepri_bindings],
  [rabbit_khepri_per_vhost_rtparam, rabbit_khepri_runtime_parameters],
  [rabbit_khepri_global_rtparam, rabbit_khepri_runtime_parameters]]),
""".format(IS_ENABLED)

# Whether the start waits, the members of the store as this broker knows them, those of them that it is connected to,
# and the last entry of its log. All of this is asked of the broker alone, so it needs no majority.
_STORE = """
Name = rabbitmq_metadata,
Id = {Name, node()},
IsLed = ra_leaderboard:lookup_leader(Name) =/= undefined,
IsBooting = not rabbit:is_running() andalso rabbit_boot_state:get() =:= booting,
{ok, Members, _} = ra:members({local, Id}, 10000),
{ok, #{log := #{last_written_index_term := {Index, Term}}}, _} = ra:member_overview(Id, 10000),
Nodes = [N || {_, N} <- Members],
#{waits => IsBooting andalso not IsLed, members => Nodes, connected => [N || N <- Nodes, lists:member(N, nodes())],
  term => Term, index => Index}
"""

# How many members there are, and how many of them this broker is connected to, itself among them. Of the broker alone.
_CONNECTED = """
fun() ->
  {ok, Known, _} = ra:members({local, {rabbitmq_metadata, node()}}, 5000),
  {length(Known), length([N || {_, N} <- Known, lists:member(N, [node() | nodes()])])}
end
"""

# Whether a majority of the members answers. A leader that has lost its majority goes on leading, and answers other
# questions, rabbit_khepri:fence among them, by itself. Whom this broker is not connected to cannot answer it.
HAS_MAJORITY = (
    "case ("
    + _CONNECTED.strip()
    + """)() of
  {All, There} when 2 * There =< All -> false;
  _ ->
    case ra:consistent_query({rabbitmq_metadata, node()}, {erlang, is_tuple, []}, 5000) of
      {ok, _, _} -> true;
      _ -> false
    end
end
"""
)

# Whether it is connected to less than a majority of three members or more. One of two would be cut off whenever the
# other one stops.
IS_CUT_OFF = (
    "case (" + _CONNECTED.strip() + ")() of {Members, Seen} when Members > 2 -> 2 * Seen =< Members; _ -> false end"
)


class Store:
    """What a broker reports about its store.

    waits: whether its start waits for a majority. members, connected: short names of brokers, without this one.
    position: the last entry of its log; of two members the one with the greater position has the newer tables.
    """

    def __init__(self, name, answer):
        if not isinstance(answer, dict) or not isinstance(answer.get("waits"), bool):
            raise NoAnswer("{} does not say whether it waits for the others".format(name))
        self.waits = answer["waits"]
        nodes, connected = answer.get("members"), answer.get("connected")
        term, index = answer.get("term"), answer.get("index")
        if not (isinstance(nodes, list) and isinstance(connected, list)):
            raise NoAnswer("{} does not say who are the members of its store".format(name))
        if not (isinstance(term, int) and isinstance(index, int)):
            raise NoAnswer("{} does not say how new its tables are".format(name))
        members = [rabbitmq.short(each) for each in nodes]
        if name not in members:
            raise NoAnswer("{} does not list itself as a member of its store".format(name))
        self.members = [each for each in members if each != name]
        self.connected = [rabbitmq.short(each) for each in connected]
        self.position = (term, index)

    @property
    def majority(self):
        return (len(self.members) + 1) // 2 + 1


def is_used():
    """Whether the broker has its tables in Khepri at its next start, by its own note of enabled feature flags."""
    flags = files.read("{}/{}-feature_flags".format(rabbitmq.DATA, rabbitmq.node()), "")
    return "khepri_db" in flags.replace(",", " ").replace("[", " ").replace("]", " ").split()


def look(of=None, seconds=20):
    """Returns a broker's answer about its store, by default this host's. Raises NoAnswer unless it is complete."""
    return Store(of or host.name(), rabbitmq.evaluate(_STORE, of=of, seconds=seconds))


def look_all(names):
    """Asks several brokers at the same time. Raises NoAnswer unless all of them answer."""
    answers = command.side_by_side([lambda name=name: look(name) for name in names])
    for name, answer in zip(names, answers):
        if isinstance(answer, StepError):
            raise NoAnswer("{} does not say how new its tables are".format(name), log=answer.message)
        if isinstance(answer, Exception):
            raise answer
    return dict(zip(names, answers))


class Others:
    """Whether the brokers that serve count this one as a member of their cluster.

    list_it: whether one of them does. apart: those that do not. silent: whether one of them does not say.
    """

    def __init__(self, names, port):
        serving = [name for name in names if rabbitmq.serves(name, port)]
        answers = cluster.look_all(serving, seconds=20)
        said = {name: seen.members for name, seen in answers.items() if isinstance(seen, cluster.Cluster)}
        self.list_it = any(host.name() in members for members in said.values())
        self.apart = [] if self.list_it else sorted(said)
        self.silent = len(said) < len(serving)


def gone_on_without_it(name):
    """Returns the message and the remedy for a member whose data is of a former cluster."""
    return (
        "{0}: {1} serves in a cluster that has gone on without {0}, so it does not start with its old data.".format(
            host.name(), name
        ),
        "To have it join anew, with that data kept aside, run on {}: rabbitmq-ha force-boot --follow --after {}".format(
            host.name(), name
        ),
    )
