"""The cluster as an upgrade sees it, in one complete answer of this host's broker.

`quorum_status` shows the machine version that a broker's own files have, and not the one with which a queue runs. So the
members themselves are asked (rabbitmq/rabbitmq-server#17504).
"""

import base64

from . import cluster, host, khepri, queues, rabbitmq
from .errors import NoAnswer

# Up to 3.11 Raft's library has no member_overview; RabbitMQ's own quorum_status asks in the other way then.
QUESTION = (
    khepri.FENCE
    + queues.EVERY
    + """
Cluster = begin @status@ end,
Versions = [{N, rpc:call(N, rabbit_misc, version, [], 30000)} || N <- maps:get(members, Cluster)],
Said = fun(V) when is_list(V) -> list_to_binary(V); (_) -> undefined end,
Alarms = [case Alarm of
  {resource_limit, Source, At} -> iolist_to_binary(io_lib:format("~s on ~s", [Source, At]));
  _ -> iolist_to_binary(io_lib:format("~0p", [Alarm]))
end || {Alarm, _} <- rabbit_alarm:get_alarms()],
Has = fun(M, F, A) -> code:ensure_loaded(M) =:= {module, M} andalso erlang:function_exported(M, F, A) end,
Off = [F || F <- maps:keys(rabbit_feature_flags:list(disabled, stable)), rabbit_feature_flags:is_supported(F)],
Used = case Has(rabbit_deprecated_features, list, 1) of
  true -> maps:keys(rabbit_deprecated_features:list(used));
  false -> []
end,
Partitions = case Has(rabbit_node_monitor, partitions, 0) of
  true -> rabbit_node_monitor:partitions();
  false -> []
end,
Overview = case Has(ra, member_overview, 2) of
  true -> fun(Id) -> {ok, Seen, _} = ra:member_overview(Id, 5000), Seen end;
  false -> fun(Id) ->
    {_, Seen} = lists:keyfind(ra_server_state, 1, lists:nth(5, element(4, sys:get_status(Id, 5000)))),
    Seen
  end
end,
Member = fun(Id) ->
  case catch Overview(Id) of
    #{commit_index := Index, effective_machine_version := Machine} -> {element(2, Id), Index, Machine};
    _ -> {element(2, Id), undefined, undefined}
  end
end,
Nodes = fun(L) when is_list(L) -> L; (M) when is_map(M) -> maps:keys(M) end,
MembersOf = fun(Q) ->
  case amqqueue:get_type(Q) of
    rabbit_quorum_queue ->
      {Server, _} = amqqueue:get_pid(Q),
      [Member({Server, N}) || N <- Nodes(maps:get(nodes, amqqueue:get_type_state(Q)))];
    _ -> []
  end
end,
Size = fun(Q) ->
  case catch rabbit_amqqueue:info(Q, [messages]) of
    [{messages, Count}] when is_integer(Count) -> Count;
    _ -> undefined
  end
end,
Stays = fun(Q) ->
  amqqueue:is_durable(Q) andalso not amqqueue:is_auto_delete(Q) andalso not is_pid(amqqueue:get_exclusive_owner(Q))
end,
Queues = EveryQueue(rabbit_vhost:list_names()),
Row = fun(Q) ->
  {resource, Vhost, queue, Name} = amqqueue:get_name(Q),
  {Vhost, base64:encode(Name), Stays(Q), Size(Q), MembersOf(Q)}
end,
Rows = [Row(Q) || Q <- Queues],
#{cluster => Cluster, versions => [{N, Said(V)} || {N, V} <- Versions], alarms => Alarms, partitions => Partitions,
  off => Off, used => Used, erlang => list_to_integer(erlang:system_info(otp_release)),
  machine => rabbit_fifo:version(), queues => Rows, count => length(Queues)}
""".replace("@status@", cluster.STATUS.strip())
)


class QueueState:
    """One queue.

    stays: whether it outlives its broker's and its clients' connections. messages: None if nobody knows.
    members: [(broker, commit index, machine version)] of a quorum queue; None for what a member does not say.
    """

    def __init__(self, row):
        if not isinstance(row, tuple) or len(row) != 5 or not isinstance(row[4], list):
            raise _incomplete("its queues")
        self.vhost, self.code, self.stays, self.messages, members = row
        if not all(isinstance(each, tuple) and len(each) == 3 for each in members):
            raise _incomplete("the members of its queues")
        self.members = [(rabbitmq.short(node), index, machine) for node, index, machine in members]

    @property
    def key(self):
        return self.vhost, self.code

    def __str__(self):
        return named(self.vhost, self.code)


class State:
    """cluster: the cluster. versions: each member's version, None for one that does not say. erlang: this broker's.

    off: stable feature flags that every member knows, and that are disabled. used: deprecated features in use.
    machine: the newest machine version of quorum queues that this broker has.
    """

    def __init__(self, answer):
        if not isinstance(answer, dict):
            raise _incomplete("anything")
        self.cluster = cluster.Cluster(answer.get("cluster"))
        self.versions = {rabbitmq.short(node): version for node, version in _list(answer, "versions")}
        self.alarms = _list(answer, "alarms")
        self.partitions = sorted(rabbitmq.short(node) for node in _list(answer, "partitions"))
        self.off = sorted(_list(answer, "off"))
        self.used = _list(answer, "used")
        self.erlang = _number(answer, "erlang")
        self.machine = _number(answer, "machine")
        self.queues = [QueueState(row) for row in _list(answer, "queues")]
        if len(self.queues) != _number(answer, "count") or sorted(self.versions) != self.cluster.members:
            raise _incomplete("all its queues and members")

    def lasting(self):
        return [queue for queue in self.queues if queue.stays]

    def messages(self):
        """Returns how many messages the lasting queues have; None if one does not say."""
        counts = [queue.messages for queue in self.lasting()]
        return None if None in counts else sum(counts)


def _incomplete(what):
    return NoAnswer("{}: the broker does not tell {}".format(host.name(), what))


def _list(answer, key):
    value = answer.get(key)
    if not isinstance(value, list):
        raise _incomplete("its {}".format(key))
    return value


def _number(answer, key):
    value = answer.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _incomplete("its {}".format(key))
    return value


def named(vhost, code):
    name = base64.b64decode(code).decode("utf-8", "replace")
    return "the queue {} (virtual host {})".format(name, vhost)


def look():
    """Returns the state of the cluster. Raises NoAnswer unless the answer is complete."""
    return State(rabbitmq.evaluate(QUESTION, seconds=300))
