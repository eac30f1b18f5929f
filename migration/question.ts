/** The question to one broker of a cluster: everything but its definitions that a migration has to know. It changes nothing. */
import { agreedCount } from "./agreed-count.ts";
import { binary } from "./erlang-text.ts";

/** An address that a broker has to reach. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** For how long the broker waits for its queues, its channels and the other members. */
const gatherMs = 4500;
const connectMs = 2000;

/**
 * Each thing is asked by a process of its own, so that one that hangs costs no more than itself; what did not come in time is
 * absent in the answer. A quorum queue has statistics from its first seconds on. Names that not every release has are looked up
 * when they are called.
 * @param endpoints what each member of this cluster tries to connect to
 */
export function stateQuestion(endpoints: readonly Endpoint[]): string {
  const list = endpoints.map(({ host, port }) => `{${binary(host)}, ${port}}`).join(", ");
  return `
Endpoints = [${list}],
Parent = self(), Ref = make_ref(),
Now = fun() -> erlang:monotonic_time(millisecond) end,
End = Now() + ${gatherMs},
Text = fun(T) when is_binary(T) -> T; (T) when is_atom(T) -> atom_to_binary(T, utf8); (T) -> iolist_to_binary(io_lib:format("~0p", [T])) end,
Number = fun(N) when is_integer(N) -> N; (N) when is_float(N) -> round(N); (_) -> null end,
Safe = fun(Do) -> try Do() catch _:_ -> null end end,
Exported = fun(M, F, A) -> code:ensure_loaded(M) =:= {module, M} andalso erlang:function_exported(M, F, A) end,
Running = rabbit_nodes:all_running(),
Members = case Exported(rabbit_nodes, list_members, 0) of
  true -> rabbit_nodes:list_members();
  false -> rabbit_mnesia:cluster_nodes(all)
end,
Call = fun(N, M, F, A) -> case rpc:call(N, M, F, A, 4000) of {badrpc, _} -> null; Said -> Said end end,
Home = fun(Q) -> case amqqueue:get_pid(Q) of P when is_pid(P) -> node(P); {_, N} -> N; _ -> node() end end,
Get = fun(Key, Info) -> proplists:get_value(Key, Info) end,
${agreedCount}
Size = fun(Q) ->
  {resource, V, queue, N} = Name = amqqueue:get_name(Q),
  Type = amqqueue:get_type(Q),
  Own = case Type of
    rabbit_classic_queue -> [message_bytes, exclusive_consumer_tag];
    rabbit_stream_queue -> [messages];
    _ -> []
  end,
  Info = rpc:call(Home(Q), rabbit_amqqueue, info, [Q, [messages_ready, messages_unacknowledged, consumers | Own]], 4000),
  Counted = [{K, Number(E)} || {K, E} <- Info],
  Total = case Type of rabbit_quorum_queue -> Agreed(Q, query_messages_total); _ -> null end,
  Stated = fun Again() -> case Call(Home(Q), ets, lookup, [queue_metrics, Name]) of
    [{_, Known, _}] -> Number(Get(message_bytes, Known));
    [] when Total =:= 0 -> 0;
    _ -> case Now() < End of true -> timer:sleep(300), Again(); false -> null end
  end end,
  Bytes = case Type of
    rabbit_quorum_queue -> Stated();
    rabbit_stream_queue -> 0;
    _ -> Get(message_bytes, Counted)
  end,
  Unacked = Get(messages_unacknowledged, Counted),
  Ready = case Type of
    rabbit_stream_queue -> Get(messages, Counted);
    rabbit_quorum_queue when is_integer(Total), is_integer(Unacked) -> max(0, Total - Unacked);
    rabbit_quorum_queue -> null;
    _ -> Get(messages_ready, Counted)
  end,
  Sole = case Get(exclusive_consumer_tag, Info) of T when is_binary(T), T =/= <<>> -> true; _ -> false end,
  #{vhost => V, name => N, ready => Ready, unacknowledged => Unacked,
    consumers => Get(consumers, Counted), bytes => Bytes, sole_consumer => Sole}
end,
Fact = fun(N) ->
  Version = case Call(N, application, get_key, [rabbit, vsn]) of {ok, V} -> list_to_binary(V); _ -> null end,
  #{name => Text(N), version => Version, time_ms => Number(Call(N, os, system_time, [millisecond])),
    disk_free => Number(Call(N, rabbit_disk_monitor, get_disk_free, [])),
    disk_limit => Number(Call(N, rabbit_disk_monitor, get_disk_free_limit, []))}
end,
Reach = fun(N, {Host, Port}) ->
  Said = rpc:call(N, gen_tcp, connect, [binary_to_list(Host), Port, [binary, {active, false}], ${connectMs}], 4000),
  Failure = case Said of {ok, Socket} -> _ = (catch gen_tcp:close(Socket)), null; {error, Why} -> Text(Why); _ -> <<"no answer">> end,
  #{node => Text(N), host => Host, port => Port, failure => Failure}
end,
Connections = fun() ->
  Users = [element(11, C) || N <- Members, C <- rpc:call(N, rabbit_connection_tracking, list_on_node, [N], 4000)],
  Counts = lists:foldl(fun(U, Sum) -> maps:put(U, maps:get(U, Sum, 0) + 1, Sum) end, #{}, [U || U <- Users, U =/= none]),
  [#{user => Text(U), count => N} || {U, N} <- maps:to_list(Counts)]
end,
Queues = rabbit_amqqueue:list(),
Shared = [Q || Q <- Queues, not is_pid(amqqueue:get_exclusive_owner(Q))],
Tasks = [{queues, fun() -> Size(Q) end} || Q <- Shared] ++ [{nodes, fun() -> Fact(N) end} || N <- Running]
  ++ [{reached, fun() -> Reach(N, E) end} || N <- Running, E <- Endpoints]
  ++ [{connections, Connections},
      {global_prefetch, fun() -> length([I || [{_, P}] = I <- rabbit_channel:info_all([global_prefetch_count]), P > 0]) end}],
_ = [spawn(fun() -> Parent ! {Ref, Key, try {ok, Do()} catch _:_ -> none end} end) || {Key, Do} <- Tasks],
Gather = fun Next(0, Got) -> Got; Next(Left, Got) ->
  receive {Ref, Key, Said} -> Next(Left - 1, [{Key, Said} | Got]) after max(0, End - Now()) -> Got end
end,
Got = Gather(length(Tasks), []),
All = fun(Key) -> [E || {K, {ok, E}} <- Got, K =:= Key] end,
One = fun(Key) -> case All(Key) of [E] -> E; _ -> null end end,
Registered = fun(Class) -> [Text(N) || {N, _} <- rabbit_registry:lookup_all(Class)] end,
Can = fun(M) -> C = M:capabilities(),
  #{arguments => maps:get(queue_arguments, C), unsupported_policies => maps:get(unsupported_policies, C)} end,
Type = Safe(fun() -> case Exported(rabbit_queue_type, short_alias_of, 1) of
  true -> Text(rabbit_queue_type:short_alias_of(rabbit_queue_type:default()));
  false -> <<"classic">>
end end),
Permitted = fun(F) -> case Exported(rabbit_deprecated_features, is_permitted, 1) of
  true -> rabbit_deprecated_features:is_permitted(F); false -> true end end,
Alarm = fun({resource_limit, Source, At}) -> iolist_to_binary(io_lib:format("~s on ~s", [Source, At])); (Other) -> Text(Other) end,
{ok, Version} = application:get_key(rabbit, vsn),
base64:encode(iolist_to_binary(rabbit_json:encode(#{version => list_to_binary(Version),
  members => [Text(N) || N <- Members], running => [Text(N) || N <- Running], nodes => All(nodes),
  plugins => [Text(P) || P <- rabbit_plugins:active()],
  alarms => [Alarm(A) || {A, _} <- rabbit_alarm:get_alarms()],
  partitions => case Exported(rabbit_node_monitor, partitions, 0) of
    true -> [Text(N) || N <- lists:usort(rabbit_node_monitor:partitions())]; false -> [] end,
  queues => All(queues), exclusive_queues => length(Queues) - length(Shared), reached => All(reached),
  connections => One(connections), global_prefetch => One(global_prefetch),
  default_queue_type => Type,
  relaxed_checks => application:get_env(rabbit, quorum_relaxed_checks_on_redeclaration, false),
  max_message_size => case application:get_env(rabbit, max_message_size) of {ok, Max} -> Number(Max); _ -> null end,
  permits => [Text(F) || F <- [transient_nonexcl_queues, queue_master_locator, global_qos], Permitted(F)],
  exchange_types => Registered(exchange), components => Registered(runtime_parameter),
  policy_keys => Registered(policy_validator),
  queue_types => #{classic => Safe(fun() -> Can(rabbit_classic_queue) end),
    quorum => Safe(fun() -> Can(rabbit_quorum_queue) end), stream => Safe(fun() -> Can(rabbit_stream_queue) end)}})))`;
}
