"""Removes objects that the stack has made and that its definitions no longer name: only those that nobody uses.

The broker itself looks right before each removal. What belongs to something that stays, stays too.
"""

from . import defined, definitions, erlang, jsontext, khepri, rabbitmq
from .errors import NoAnswer

# Each returns `gone`, or why it stays. What is not known keeps it. RabbitMQ's own number of a quorum queue's or a stream's
# messages is 0 where its leader does not answer within a quarter of a second, and a connection on a broker that does not
# answer is not listed; so those that know are asked here, and each has to answer. A majority proves who leads a quorum
# queue; newer releases of Ra take no function for that.
_COMMON = (
    khepri.FENCE
    + defined.WHOLE
    + """
Actor = @actor@,
Told = fun(ok) -> gone; ({ok, _}) -> gone; (E) -> iolist_to_binary(io_lib:format("~0tp", [E])) end,
Try = fun(Do) -> try Do() catch throw:Why -> Why; _:E -> iolist_to_binary(io_lib:format("~0tp", [E])) end end,
Say = fun(Format, Words) -> iolist_to_binary(io_lib:format(Format, Words)) end,
Members = rabbit_nodes:all(),
true = lists:member(node(), Members),
Ask = fun(At, M, F, A) ->
  case rpc:call(At, M, F, A, 10000) of {badrpc, _} -> throw(Say("~s does not answer", [At])); Answer -> Answer end
end,
Connections = fun(F, A) -> length(lists:usort([C || At <- Members, C <- Ask(At, rabbit_connection_tracking, F, A)])) end,
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
Queue = fun(V, N, Forced) -> Try(fun() ->
  {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(V, queue, N)),
  Type = amqqueue:get_type(Q),
  case Forced orelse (try Content(Type, Q) catch error:_ -> unknown; exit:_ -> unknown end) of
    true -> Told(rabbit_amqqueue:delete(Q, false, false, Actor));
    {0, 0} ->
      Careful = Type =:= rabbit_classic_queue,
      Told(rabbit_amqqueue:delete(Q, Careful, Careful, Actor));
    {Messages, Consumers} -> Say("messages: ~p, consumers: ~p", [Messages, Consumers]);
    unknown -> <<"it does not say whether it is empty">>
  end end)
end,
User = fun(U, Forced) -> Try(fun() ->
  case Forced orelse Connections(list_of_user, [U]) of
    true -> Told(rabbit_auth_backend_internal:delete_user(U, Actor));
    0 -> Told(rabbit_auth_backend_internal:delete_user(U, Actor));
    Count -> Say("connections: ~p", [Count])
  end end)
end,
Exchange = fun(V, N, Forced) -> Try(fun() ->
  X = rabbit_misc:r(V, exchange, N),
  case length(rabbit_binding:list_for_source(X)) + length(rabbit_binding:list_for_destination(X)) of
    Count when Forced orelse Count =:= 0 -> Told(rabbit_exchange:delete(X, not Forced, Actor));
    Count -> Say("bindings: ~p", [Count])
  end end)
end,
Policies = [proplists:get_value(<<"name">>, T)
  || T <- case rabbit_runtime_parameters:value_global(rabbitmq_ha_policies) of not_found -> []; L -> L end, T =/= []],
IsOwn = fun(<<"amq.", _/binary>>) -> true; (N) -> N =:= <<>> end,
Vhost = fun(V, Forced) -> Try(fun() ->
  Inside = [
    {connections, lists:seq(1, Connections(list, [V]))},
    {queues, rabbit_amqqueue:list(V) ++ rabbit_amqqueue:list_down(V)},
    {bindings, rabbit_binding:list(V)},
    {exchanges, [X || X <- rabbit_exchange:list(V), [{name, {resource, _, _, N}}] <- [rabbit_exchange:info(X, [name])],
      not IsOwn(N)]},
    {parameters, rabbit_runtime_parameters:list(V)},
    {policies, [P || P <- rabbit_policy:list(V), not lists:member(proplists:get_value(name, P), Policies)]}],
  case [Say("~s: ~p", [K, length(L)]) || {K, L} <- Inside, L =/= []] of
    Left when Forced orelse Left =:= [] -> Told(rabbit_vhost:delete(V, Actor));
    [First | _] -> First
  end end)
end,
""".replace("@actor@", defined.ACTOR)
)

_AUTH = "rabbit_auth_backend_internal"
_CALLS = {
    "queue": "Queue({vhost}, {name}, {forced})",
    "user": "User({name}, {forced})",
    "exchange": "Exchange({vhost}, {name}, {forced})",
    "vhost": "Vhost({name}, {forced})",
    "permission": "Told(" + _AUTH + ":clear_permissions({user}, {vhost}, Actor))",
    "topic_permission": "Told(" + _AUTH + ":clear_topic_permissions({user}, {vhost}, {exchange}, Actor))",
    "parameter": "Told(rabbit_runtime_parameters:clear_any({vhost}, {component}, {name}, Actor))",
    "global_parameter": "Told(rabbit_runtime_parameters:clear_global(binary_to_atom({name}, utf8), Actor))",
    "policy": "Told(rabbit_policy:delete({vhost}, {name}, Actor))",
    "binding": (
        "Told(rabbit_binding:remove({{binding, rabbit_misc:r({vhost}, exchange, {source}), {routing_key},"
        " rabbit_misc:r({vhost}, binary_to_atom({destination_type}, utf8), {destination}),"
        " rabbit_definitions:args(rabbit_json:decode({arguments}))}}, Actor))"
    ),
}
# First what may stay, since what belongs to it depends on that; a virtual host comes last.
_FIRST = ("queue", "user")
_THEN = (
    "binding",
    "topic_permission",
    "permission",
    "policy",
    "parameter",
    "global_parameter",
    "exchange",
    "vhost",
)


NEEDED = "the {} needs it, and stays"


def remove(objects, removable, of):
    """Removes objects. Returns by the title of each that stays why it does.

    removable: the titles of those that need not be empty.
    """
    vhosts = {each.fields["name"] for each in objects if each.kind == "vhost"}
    stays: dict = {}
    gone: list = []
    for kinds in (_FIRST, _THEN):
        due = []
        for each in (each for kind in kinds for each in objects if each.kind == kind):
            owners = _owners(each, vhosts, stays)
            owner = next((title for title in owners if title in stays), None)
            if any(title in gone for title in owners):
                # What belongs to something that is gone went with it.
                continue
            if owner is None:
                due.append(each)
            else:
                stays[each.title] = NEEDED.format(owner)
        stays.update(_remove(due, removable, of))
        gone += [each.title for each in due if each.title not in stays]
    return stays


def _owners(each, vhosts, stays):
    """Returns the titles of what may need an object."""
    vhost = each.fields.get("vhost")
    owners = ["user {}".format(each.fields.get("user"))]
    if each.fields.get("destination_type") == "queue":
        owners.append("queue {} of {}".format(each.fields["destination"], vhost))
    if vhost in vhosts and each.kind not in _FIRST:
        owners += [title for title in stays if title.startswith("queue ") and title.endswith(" of " + vhost)]
    return owners


def _remove(due, removable, of):
    if not due:
        return {}
    calls = []
    for each in due:
        values = {name: _source(each.fields.get(name)) for name in definitions.KEYS[each.kind]}
        call = _CALLS[each.kind].format(forced=str(each.title in removable).lower(), **values)
        calls.append("Try(fun() -> {} end)".format(call))
    answer = rabbitmq.act("{}\n[{}]".format(_COMMON, ",\n".join(calls)), of=of, seconds=300)
    if not isinstance(answer, list) or len(answer) != len(due):
        raise NoAnswer("{} does not say what it has removed".format(of))
    return {each.title: str(said) for each, said in zip(due, answer) if said != "gone"}


def _source(value):
    return erlang.text(value if isinstance(value, str) else jsontext.dumps(value or {}))
