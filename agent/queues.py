"""All queues, and the brokers that have a copy of each, in one complete answer.

The data comes from the brokers' own records, never from the queues' processes: a process that hangs blocks nobody, and
a queue whose broker is down is included.

A copy counts once it has the messages. A new member of a quorum queue has no vote until then (RabbitMQ 3.13 and newer;
before, the queue's log is complete with a majority of all members). A new replica of a stream is listed at once, with
nothing in it.
"""

import base64

from . import erlang, khepri, rabbitmq, series
from .errors import NoAnswer

CLASSIC, QUORUM, STREAM = "classic", "quorum", "stream"
KINDS = {"rabbit_classic_queue": CLASSIC, "rabbit_quorum_queue": QUORUM, "rabbit_stream_queue": STREAM}

# The queues of some virtual hosts, once each. The order of the lists is explained below.
EVERY = """
EveryQueue = fun(OfHosts) ->
  ListedNow = fun() -> lists:append([rabbit_amqqueue:list(OneHost) || OneHost <- OfHosts]) end,
  ListedFirst = ListedNow(),
  ListedDown = lists:append([rabbit_amqqueue:list_down(OneHost) || OneHost <- OfHosts]),
  maps:values(maps:from_list([{amqqueue:get_name(One), One} || One <- ListedFirst ++ ListedDown ++ ListedNow()]))
end,
"""

# `list` lacks the queues of a broker that is down; `list_down` has only those. A queue that comes up meanwhile is in
# the second or in the third list, and one that goes down is in the first. RabbitMQ 4 has no fields for mirrors, so the
# version decides whether to read them: tools of 4.0 still offer commands for them. The fence makes this broker know all
# that was written before. ra_state tells how each member of a quorum queue sees itself, from RabbitMQ 3.13 on with its
# vote. A replica has a stream's messages once it has reached what its leader had committed when it was asked first.
_LISTED = """@fence@
Mirrors = @mirrors@,
Hosts = lists:sort(rabbit_vhost:list_names()),
Before = rabbit_amqqueue:list(),
Down = lists:append([rabbit_amqqueue:list_down(V) || V <- Hosts]),
Records = Before ++ Down ++ rabbit_amqqueue:list(),
Running = rabbit_nodes:all_running(),
Of = fun(Node, Module, Function, Args, Else) ->
  case rpc:call(Node, Module, Function, Args, 10000) of {badrpc, _} -> Else; Said -> Said end
end,
HasType = fun(Type) -> lists:any(fun(Q) -> amqqueue:get_type(Q) =:= Type end, Records) end,
AsSet = fun(Keys) -> Set = maps:from_list([{Key, true} || Key <- Keys]), fun(Key) -> maps:is_key(Key, Set) end end,
Voters = [{{'$1', '_'}, [], ['$1']}, {{'$1', '_', voter}, [], ['$1']}],
HasVote = AsSet([{Name, At} || HasType(rabbit_quorum_queue), At <- Running,
  Name <- Of(At, ets, select, [ra_state, Voters], [])]),
Offsets = fun(Role) -> [{Name, At, Counters} || HasType(rabbit_stream_queue), At <- Running,
  {{Its, Name}, Counters} <- maps:to_list(Of(At, osiris_counters, overview, [], #{})), Its =:= Role] end,
Committed = maps:from_list([{Name, Last} || {Name, _, #{committed_offset := Last}} <- Offsets(osiris_writer)]),
HasCommitted = AsSet(
  [{Name, At} || {Name, At, #{offset := Last}} <- Offsets(osiris_replica), Last >= maps:get(Name, Committed, none)] ++
  [{Name, At} || {Name, At, _} <- Offsets(osiris_writer)]),
Nodes = fun(Pids) when is_list(Pids) -> [node(P) || P <- Pids]; (none) -> [] end,
Row = fun(Q) ->
  {resource, V, queue, N} = amqqueue:get_name(Q),
  {RaName, Leader} = case amqqueue:get_pid(Q) of
    {_, _} = Server -> Server;
    Pid when is_pid(Pid) -> {none, node(Pid)};
    _ -> {none, undefined}
  end,
  Members = case amqqueue:get_type_state(Q) of
    #{nodes := L} when is_list(L) -> L;
    #{nodes := M} when is_map(M) -> maps:keys(M);
    _ -> undefined
  end,
  {Mirrored, InSync} = case {amqqueue:get_type(Q), Members, Mirrors} of
    {rabbit_quorum_queue, [_ | _], _} -> {[], [At || At <- Members, HasVote({RaName, At})]};
    {rabbit_stream_queue, [_ | _], _} -> {[], [At || At <- Members, HasCommitted({amqqueue:get_name(Q), At})]};
    {_, _, true} -> {Nodes(amqqueue:get_slave_pids(Q)), Nodes(amqqueue:get_sync_slave_pids(Q))};
    {_, _, false} -> {[], []}
  end,
  IsExclusive = is_pid(amqqueue:get_exclusive_owner(Q)),
  {V, base64:encode(N), amqqueue:get_type(Q), IsExclusive, Leader, Members, Mirrored, InSync}
end,
Rows = [Row(Q) || Q <- Records],
#{version => list_to_binary(rabbit_misc:version()), queues => Rows, count => length(Rows),
  vhosts => Hosts, vhosts_then => lists:sort(rabbit_vhost:list_names()),
  running => Running}
""".replace("@fence@", khepri.FENCE).replace("@mirrors@", series.expression("hasMirrors"))


class Queue:
    """One queue. leader, members, mirrors and synchronised are short names of brokers, running or not.

    synchronised: those of the members or mirrors that have the messages; of members only running ones.
    code: its name in base 64, as a name can be any bytes.
    """

    def __init__(self, vhost, code, kind, is_exclusive, leader, members, mirrors, synchronised):
        self.vhost = vhost
        self.code = code
        self.name = base64.b64decode(code).decode("utf-8", "replace")
        self.kind = kind
        self.is_exclusive = is_exclusive
        self.leader = leader
        self.members = members
        self.mirrors = mirrors
        self.synchronised = synchronised

    @property
    def key(self):
        return self.vhost, self.code

    def holders(self):
        """Returns the brokers that have a reliable copy."""
        if self.kind in (QUORUM, STREAM):
            return set(self.synchronised)
        return set(self.synchronised) | ({self.leader} if self.leader else set())

    def places(self):
        """Returns the brokers that have a copy, whether it has the messages or not."""
        return set(self.members) | set(self.mirrors) | self.holders()

    def __str__(self):
        return "{} ({}, virtual host {})".format(self.name, self.kind, self.vhost)


class Queues:
    """All queues that outlive a connection, and the brokers that run."""

    def __init__(self, answer):
        rows = rabbitmq.field(answer, "queues", list)
        if len(rows) != rabbitmq.field(answer, "count", int):
            raise NoAnswer("a broker lists only a part of the queues")
        vhosts = rabbitmq.field(answer, "vhosts", list)
        if vhosts != rabbitmq.field(answer, "vhosts_then", list):
            raise NoAnswer("virtual hosts come or go at this moment, so the list of the queues is not whole")
        self.running = {rabbitmq.short(node) for node in rabbitmq.field(answer, "running", list)}
        if not self.running:
            raise NoAnswer("a broker lists no broker that runs, not even itself")
        # Up to 3.12 a forgotten broker stays a member of its streams, and cannot be removed from them any more.
        self._streams_keep_places = not series.can(rabbitmq.field(answer, "version", str), "streamsForgetMembers")
        found = {}
        for queue in map(_queue, rows):
            if queue.vhost not in vhosts:
                raise NoAnswer("there is a queue in the virtual host {}, which is not listed".format(queue.vhost))
            # The last list is the current one.
            found[queue.key] = queue
        # An exclusive queue ends with its connection anyway.
        self.all = [queue for _, queue in sorted(found.items()) if not queue.is_exclusive]

    def only_on(self, name):
        """Returns the queues without a copy on another running broker, which would be lost with this one."""
        return [queue for queue in self.all if not (queue.holders() & self.running) - {name}]

    def with_member(self, name):
        """Returns the quorum queues that have a member on a broker."""
        return [queue for queue in self.all if queue.kind == QUORUM and name in queue.members]

    def without_member(self, name):
        """Returns the quorum queues and streams that have no member on a broker."""
        return [queue for queue in self.all if queue.kind in (QUORUM, STREAM) and name not in queue.members]

    def out_of_reach_without(self, name):
        """Returns the streams that would never have a majority again once a broker is forgotten."""
        return [
            queue
            for queue in self.all
            if self._streams_keep_places and queue.kind == STREAM and name in queue.members
            if 2 * len((set(queue.members) & self.running) - {name}) <= len(queue.members)
        ]

    def unsynchronised_on(self, name):
        """Returns the queues whose mirror on a broker lacks messages."""
        return [queue for queue in self.all if name in queue.mirrors and name not in queue.synchronised]

    def unfilled_on(self, name):
        """Returns the queues whose member or mirror on a broker lacks messages, or does not run."""
        return [queue for queue in self.all if name in queue.members + queue.mirrors and name not in queue.synchronised]


def _queue(row):
    if not isinstance(row, tuple) or len(row) != 8:
        raise NoAnswer("a broker tells only a part of a queue")
    vhost, code, module, is_exclusive, leader, members, mirrors, synchronised = row
    kind = KINDS.get(module, module)
    if not isinstance(kind, str) or not isinstance(is_exclusive, bool) or not isinstance(code, str):
        raise NoAnswer("a broker does not say of which type a queue of the virtual host {} is".format(vhost))
    if kind in (QUORUM, STREAM) and not isinstance(members, list):
        raise NoAnswer("a broker does not say who are the members of a queue of the virtual host {}".format(vhost))
    if not isinstance(mirrors, list) or not isinstance(synchronised, list):
        raise NoAnswer("a broker does not say which mirrors a queue of the virtual host {} has".format(vhost))
    brokers = [[rabbitmq.short(node) for node in nodes] for nodes in (members or [], mirrors, synchronised)]
    return Queue(vhost, code, kind, is_exclusive, leader and rabbitmq.short(leader), *brokers)


def look(of=None, seconds=120):
    """Returns all queues of the cluster, from a broker's records. Raises NoAnswer unless the answer is complete."""
    return Queues(rabbitmq.evaluate(_LISTED, of=of, seconds=seconds))


def source(keys):
    """Returns queues, each as (virtual host, code), as an Erlang list of {VHost, Code}."""
    return "[{}]".format(", ".join('{{{}, <<"{}">>}}'.format(erlang.text(vhost), code) for vhost, code in keys))


def named(queues, most=10):
    """Lists some queues for a message."""
    names = [str(queue) for queue in queues]
    rest = ["and {} more".format(len(names) - most)] if len(names) > most else []
    return "; ".join(names[:most] + rest)
