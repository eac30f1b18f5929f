"""Removes objects that the stack has made and that its definitions no longer name: only those that nobody uses.

The broker itself looks right before each removal. What belongs to something that stays, stays too.
Objects are told apart by their keys: two may have the same title.
"""

from . import clients, defined, definitions, erlang, jsontext, khepri, queues, rabbitmq
from .errors import NoAnswer

# Each returns `gone`, or why it stays. What is not known keeps it. RabbitMQ's own number of a quorum queue's or a stream's
# messages is 0 where its leader does not answer within a quarter of a second, and a connection on a broker that does not
# answer is not listed; so those that know are asked here, and each has to answer. A majority proves who leads a quorum
# queue; newer releases of Ra take no function for that.
_COMMON = (
    khepri.FENCE
    + queues.EVERY
    + clients.CONNECTIONS
    + """
Actor = @actor@,
Told = fun(ok) -> gone; ({ok, _}) -> gone; ({error, not_found}) -> gone; (E) -> iolist_to_binary(io_lib:format("~0tp", [E])) end,
Try = fun(Do) -> try Do() catch throw:Why -> Why; _:E -> iolist_to_binary(io_lib:format("~0tp", [E])) end end,
Proof = fun(At) ->
  try ra:consistent_query(At, fun erlang:is_tuple/1, 5000)
  catch error:function_clause -> ra:consistent_query(At, {erlang, is_tuple, []}, 5000) end
end,
code:ensure_loaded(rabbit_fifo_client),
Query = case erlang:function_exported(rabbit_fifo_client, local_query, 3) of
  true -> fun(At, F) -> rabbit_fifo_client:local_query(At, F, 5000) end;
  false -> fun(At, F) -> ra:local_query(At, erlang:make_fun(rabbit_fifo, F, 1), 5000) end
end,
Content = fun
  (rabbit_quorum_queue, Q) ->
    {ok, true, Leader} = Proof(amqqueue:get_pid(Q)),
    [{Ready, Known}, All, Up] = [begin {ok, {_, Said}, _} = Query(Leader, F), Said end
      || F <- [query_stat, query_messages_total, query_consumer_count]],
    {max(Ready, All), max(Known, Up)};
  (rabbit_stream_queue, Q) ->
    #{leader_node := Leader, nodes := Nodes} = amqqueue:get_type_state(Q),
    Writers = Ask(Leader, osiris_counters, overview, []),
    #{offset := Last, first_offset := First} = maps:get({osiris_writer, amqqueue:get_name(Q)}, Writers),
    [At = Ask(At, erlang, node, []) || At <- Nodes],
    [{consumers, Consumers}] = rabbit_amqqueue:info(Q, [consumers]),
    {Last + 1 - max(First, 0), Consumers};
  (_, Q) ->
    {ok, Ready, Subscribed} = rabbit_amqqueue:stat(Q),
    [{messages, All}, {consumers, Consumers}] = rabbit_amqqueue:info(Q, [messages, consumers]),
    {max(Ready, All), max(Subscribed, Consumers)}
end,
Use = fun(Q) ->
  case (try Content(amqqueue:get_type(Q), Q) catch error:_ -> unknown; exit:_ -> unknown end) of
    {0, 0} -> none;
    {Messages, Consumers} -> Say("messages: ~p, consumers: ~p", [Messages, Consumers]);
    unknown -> <<"it does not say whether it is empty">>
  end
end,
Queue = fun(V, N, Forced) -> Try(fun() ->
  {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(V, queue, N)),
  case Forced orelse Use(Q) of
    true -> Told(rabbit_amqqueue:delete(Q, false, false, Actor));
    none ->
      Careful = amqqueue:get_type(Q) =:= rabbit_classic_queue,
      Told(rabbit_amqqueue:delete(Q, Careful, Careful, Actor));
    Why -> Why
  end end)
end,
User = fun(U, Forced) -> Try(fun() ->
  case Forced orelse Connections(list_of_user, [U]) of
    true -> Told(rabbit_auth_backend_internal:delete_user(U, Actor));
    0 -> Told(rabbit_auth_backend_internal:delete_user(U, Actor));
    Count -> Say("connections: ~p", [Count])
  end end)
end,
Binding = fun(V, Source, Key, Type, To, Args) ->
  {binding, rabbit_misc:r(V, exchange, Source), Key, rabbit_misc:r(V, Type, To),
    rabbit_misc:sort_field_table(rabbit_definitions:args(rabbit_json:decode(Args)))}
end,
Exchange = fun(V, N, Leaving, Forced) -> Try(fun() ->
  X = rabbit_misc:r(V, exchange, N),
  Known = lists:usort(rabbit_binding:list_for_source(X) ++ rabbit_binding:list_for_destination(X)),
  case Known -- Leaving of
    [] ->
      [ok = rabbit_binding:remove(B, Actor) || not Forced, B <- Known],
      Told(rabbit_exchange:delete(X, not Forced, Actor));
    _ when Forced -> Told(rabbit_exchange:delete(X, false, Actor));
    Left -> Say("bindings: ~p", [length(Left)])
  end end)
end,
Policies = [proplists:get_value(<<"name">>, T)
  || T <- case rabbit_runtime_parameters:value_global(rabbitmq_ha_policies) of not_found -> []; L -> L end, T =/= []],
IsOwn = fun(<<"amq.", _/binary>>) -> true; (N) -> N =:= <<>> end,
Vhost = fun(V, Leaving, Forced) -> Try(fun() ->
  Queues = [{N, Q} || Q <- EveryQueue([V]), {resource, _, _, N} <- [amqqueue:get_name(Q)]],
  Named = maps:from_list([{N, Any} || {queue, At, N, Any} <- Leaving, At =:= V]),
  Own = [{N, Q, maps:get(N, Named)} || {N, Q} <- Queues, maps:is_key(N, Named)],
  Inside = [
    {connections, lists:seq(1, Connections(list, [V]))},
    {queues, [N || {N, _} <- Queues] -- [N || {N, _, _} <- Own]},
    {bindings, [B || {binding, {resource, _, _, From}, _, _, _} = B <- rabbit_binding:list(V), From =/= <<>>]},
    {exchanges, [{exchange, V, N} || X <- rabbit_exchange:list(V),
      [{name, {resource, _, _, N}}] <- [rabbit_exchange:info(X, [name])], not IsOwn(N)]},
    {parameters, [{parameter, V, proplists:get_value(component, P), proplists:get_value(name, P)}
      || P <- rabbit_runtime_parameters:list(V)]},
    {policies, [{policy, V, N} || P <- rabbit_policy:list(V), N <- [proplists:get_value(name, P)],
      not lists:member(N, Policies)]}],
  Staying = [Say("~s: ~p", [K, length(L)]) || not Forced, {K, All} <- Inside, L <- [All -- Leaving], L =/= []],
  Used = [Say("queue ~s: ~s", [N, Why]) || not Forced, {N, Q, false} <- Own, Why <- [Use(Q)], Why =/= none],
  case Staying ++ Used of
    [First | _] -> First;
    [] -> case [Why || not Forced, {N, _, Any} <- Own, Why <- [Queue(V, N, Any)], Why =/= gone] of
      [] -> Told(rabbit_vhost:delete(V, Actor));
      [Why | _] -> Why
    end
  end end)
end,
""".replace("@actor@", defined.ACTOR)
)

_AUTH = "rabbit_auth_backend_internal"
_BINDING = (
    "Binding({vhost}, {source}, {routing_key}, binary_to_atom({destination_type}, utf8), {destination}, {arguments})"
)
_CALLS = {
    "queue": "Queue({vhost}, {name}, {forced})",
    "user": "User({name}, {forced})",
    "exchange": "Exchange({vhost}, {name}, Leaving, {forced})",
    "vhost": "Vhost({name}, Leaving, {forced})",
    "permission": "Told(" + _AUTH + ":clear_permissions({user}, {vhost}, Actor))",
    "topic_permission": "Told(" + _AUTH + ":clear_topic_permissions({user}, {vhost}, {exchange}, Actor))",
    "parameter": "Told(rabbit_runtime_parameters:clear_any({vhost}, {component}, {name}, Actor))",
    "global_parameter": "Told(rabbit_runtime_parameters:clear_global(binary_to_atom({name}, utf8), Actor))",
    "policy": "Told(rabbit_policy:delete({vhost}, {name}, Actor))",
    "binding": "Told(rabbit_binding:remove(" + _BINDING + ", Actor))",
}
# What is in a virtual host, or belongs to an exchange, as the broker compares it.
_LEAVING = {
    "queue": "{{queue, {vhost}, {name}, {forced}}}",
    "exchange": "{{exchange, {vhost}, {name}}}",
    "parameter": "{{parameter, {vhost}, {component}, {name}}}",
    "policy": "{{policy, {vhost}, {name}}}",
    "binding": _BINDING,
}
# One call each. What others belong to comes first: as long as it stays, nothing of it is touched. If it goes, all of it
# goes with it.
_ORDER = (
    ("user", "vhost"),
    ("queue",),
    ("exchange",),
    ("binding", "topic_permission", "permission", "policy", "parameter", "global_parameter"),
)

NEEDED = "the {} needs it, and stays"


def remove(objects, removable, of):
    """Removes objects. Returns by the key of each that stays why it does.

    removable: the titles of those that need not be empty.
    """
    by_key = {each.key: each for each in objects}
    stays: dict = {}
    gone = set()
    for kinds in _ORDER:
        leaving = []
        for each in objects:
            owners = [by_key[key] for key in _owners(each) if key in by_key]
            staying = [owner.title for owner in owners if owner.key in stays]
            if any(owner.key in gone for owner in owners):
                # What belongs to something that is gone went with it.
                gone.add(each.key)
            elif not staying or each.title in removable:
                leaving.append(each)
            elif each.kind in kinds:
                stays[each.key] = NEEDED.format(staying[0])
        due = [each for each in leaving if each.kind in kinds]
        stays.update(_remove(due, leaving, removable, of))
        gone.update(each.key for each in due if each.key not in stays)
    return stays


def _owners(each):
    """Returns the keys of what an object belongs to, whether that leaves or not."""
    fields, keys = each.fields, definitions.KEYS[each.kind]
    owners = [["user", fields["user"]]] if "user" in keys else []
    if "vhost" in keys:
        owners.append(["vhost", fields["vhost"]])
    if each.kind == "binding":
        owners.append(["exchange", fields["vhost"], fields["source"]])
        owners.append([fields["destination_type"], fields["vhost"], fields["destination"]])
    return [jsontext.dumps(key) for key in owners]


def _remove(due, leaving, removable, of):
    if not due:
        return {}
    calls = ["Try(fun() -> {} end)".format(_call(each, _CALLS, each.title in removable)) for each in due]
    needs_leaving = any(each.kind in ("vhost", "exchange") for each in due)
    inside = [
        _call(each, _LEAVING, each.title in removable) for each in leaving if needs_leaving and each.kind in _LEAVING
    ]
    answer = rabbitmq.act(
        "{}\nLeaving = [{}],\n[{}]".format(_COMMON, ",\n".join(inside), ",\n".join(calls)), of=of, seconds=300
    )
    if not isinstance(answer, list) or len(answer) != len(due):
        raise NoAnswer("{} does not say what it has removed".format(of))
    return {each.key: str(said) for each, said in zip(due, answer) if said != "gone"}


def _call(each, texts, forced):
    values = {name: _source(each.fields.get(name)) for name in definitions.KEYS[each.kind]}
    return texts[each.kind].format(forced=str(forced).lower(), **values)


def _source(value):
    return erlang.text(value if isinstance(value, str) else jsontext.dumps(value or {}))
