/**
 * What a broker is asked and told in a migration, as texts of Erlang for `rabbitmqctl eval`. Each answers with JSON. They
 * hold no secret.
 */
import { carryUser, fenceName, lateCarryUser } from "../definitions/migration-names.ts";
import { upToDate } from "../hosts/khepri.ts";
import { agreedCount } from "./agreed-count.ts";

/** The global parameter that says how far the move is. */
const noteName = "rabbitmq_ha_migration";
const actor = `<<"rabbitmq-ha">>`;

const json = `Json = fun(Term) -> base64:encode(iolist_to_binary(rabbit_json:encode(Term))) end,`;

/** Text as Erlang, whatever characters it has. */
function binary(text: string): string {
  return `base64:decode(<<"${Buffer.from(text).toString("base64")}">>)`;
}

const mine = `Mine = [${binary(carryUser)}, ${binary(lateCarryUser)}],`;

/** What each begins with that must not be answered in part: by a member that knows all that was written before. */
const start = `${json}${upToDate}`;

/** Clients wait for the slowest answer, not for the sum of them; more than this many would be a burst for the brokers. */
const queuesAtOnce = 64;

/** The queues that are no client's own, with what each one's process says now; `null` where it does not say. */
const counts = `${agreedCount}
Number = fun(N) when is_integer(N) -> N; (_) -> null end,
Ask = fun(Q) ->
  try case amqqueue:get_type(Q) of
    rabbit_quorum_queue ->
      {Agreed(Q, query_messages_total), Agreed(Q, query_consumer_count)};
    _ ->
      Info = rabbit_amqqueue:info(Q, [messages_ready, messages_unacknowledged, consumers]),
      [Ready, Unacked, Consumers] = [Number(proplists:get_value(K, Info)) || K <- [messages_ready, messages_unacknowledged, consumers]],
      {try Ready + Unacked catch _:_ -> null end, Consumers}
  end catch _:_ -> {null, null} end
end,
Listed = fun() -> lists:ukeysort(1, [{amqqueue:get_name(Q), Q} || V <- rabbit_vhost:list_names(),
  Q <- rabbit_amqqueue:list(V) ++ rabbit_amqqueue:list_down(V),
  amqqueue:get_exclusive_owner(Q) =:= none, amqqueue:get_type(Q) =/= rabbit_stream_queue]) end,
AskAll = fun Again([]) -> [];
  Again(Queues) ->
    {These, Later} = lists:split(min(${queuesAtOnce}, length(Queues)), Queues),
    Asked = [spawn_monitor(fun() -> exit({said, Ask(Q)}) end) || {_, Q} <- These],
    [receive {'DOWN', Ref, process, _, {said, Numbers}} -> Numbers; {'DOWN', Ref, process, _, _} -> {null, null} end
      || {_, Ref} <- Asked] ++ Again(Later)
end,
Counts = fun() -> All = Listed(), [#{vhost => V, name => N, messages => M, consumers => C}
  || {{{resource, V, queue, N}, _}, {M, C}} <- lists:zip(All, AskAll(All))] end,
`;

const limits = `
Limit = fun(U) -> case rabbit_auth_backend_internal:get_user_limits(U) of
  Map when is_map(Map) -> maps:get(<<"max-connections">>, Map, -1);
  _ -> -1
end end,
Set = fun(U, N) -> case rabbit_auth_backend_internal:set_user_limits(U,
    iolist_to_binary(rabbit_json:encode(#{<<"max-connections">> => N})), ${actor}) of
  ok -> ok;
  {error_string, Why} -> exit({limit_refused, Why})
end end,
Return = fun(U, N) when N < 0 -> rabbit_auth_backend_internal:clear_user_limits(U, <<"max-connections">>, ${actor});
  (U, N) -> Set(U, N)
end,
Known = fun(U) -> case rabbit_auth_backend_internal:lookup_user(U) of {ok, _} -> true; _ -> false end end,
`;

/**
 * Who is connected besides the shovels, and which members let clients in, as each member says of itself. RabbitMQ's own lists
 * leave out a member that does not answer (`rabbit_tracking`, `rabbit_nodes:list_running`). Whoever has no limit of its own,
 * such as a user of LDAP, counts too; `none` are the broker's own links. The user's name is the eleventh element of a tracked
 * connection in all of RabbitMQ 3.8 to 4.3 (`rabbit.hrl`).
 */
const others = `
Users = [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()] -- Mine,
Members = rabbit_nodes:all(),
true = Users =/= [] andalso lists:member(node(), Members),
Call = fun(At, M, F, A) -> case rpc:call(At, M, F, A, 5000) of
  {badrpc, _} -> throw({silent, At});
  Said -> Said
end end,
Others = fun() -> [C || At <- Members, C <- Call(At, rabbit_connection_tracking, list_on_node, [At]),
  not lists:member(element(11, C), [none | Mine])] end,
Open = fun() -> [At || At <- Members,
  Known <- [maps:from_list(Call(At, rabbit_auth_backend_internal, get_user_limits, []))],
  lists:any(fun(U) -> maps:get(<<"max-connections">>, maps:get(U, Known, #{}), -1) =/= 0 end, Users)] end,
`;

/** Waits some seconds for two answers in a row that no queue holds a message. */
const waiting = `
Empty = fun(List) -> lists:all(fun(#{messages := M}) -> M =:= 0 end, List) end,
Wait = fun Again(Times, Before) ->
  Now = Counts(),
  case {Empty(Now), Before} of
    {true, true} -> Now;
    {Is, _} when Times > 0 -> timer:sleep(150), Again(Times - 1, Is);
    {true, false} -> timer:sleep(150), Again(1, true);
    _ -> Now
  end
end,
`;

/** @returns `{queues}` */
export const countQuestion = `${start}${counts} Json(#{queues => Counts()})`;

/** @returns `{note}`: the text that was noted, or null */
export const noteQuestion = `${start}
Json(#{note => case rabbit_runtime_parameters:value_global(${noteName}) of not_found -> null; Text -> Text end})`;

function setNote(text: string): string {
  return `rabbit_runtime_parameters:set_global(${noteName}, ${binary(text)}, ${actor})`;
}

export function noteOrder(text: string | undefined): string {
  const change =
    text === undefined
      ? `case rabbit_runtime_parameters:value_global(${noteName}) of
           not_found -> ok;
           _ -> rabbit_runtime_parameters:clear_global(${noteName}, ${actor})
         end`
      : setNote(text);
  return `${start} ok = ${change}, Json(#{done => true})`;
}

/** @returns `{connections, users, queues}`, or the member that did not answer, or that lets clients in */
function fencedAnswer(expressions: string): string {
  return `${start}${mine}${limits}
try ${others}${counts}${waiting}
${expressions}
Json(#{connections => length(Left), users => lists:usort([element(11, C) || C <- Left]), queues => Queues})
catch throw:{Why, At} when Why =:= silent; Why =:= open -> Json(#{Why => At})
end`;
}

/**
 * Lets nobody log in but the shovels, and ends the connections of all others. The users' own limits are noted before the
 * first one is changed, and each member has to answer before that. Shovels that wait for it are let in once no other connection
 * is left, and have some seconds.
 * @param note how far the move is once no message and no connection is left
 */
export const fenceOrder = (note?: string): string =>
  fencedAnswer(`
_ = Open(),
Noted = case rabbit_runtime_parameters:value_global(${fenceName}) of
  not_found -> #{};
  Text -> rabbit_json:decode(Text)
end,
New = maps:merge(maps:from_list([{U, Limit(U)} || U <- Users]), Noted),
ok = case New =:= Noted of
  true -> ok;
  false -> rabbit_runtime_parameters:set_global(${fenceName}, iolist_to_binary(rabbit_json:encode(New)), ${actor})
end,
[Set(U, 0) || U <- Users, Limit(U) =/= 0],
End = fun Again(Times) -> case {Open(), Others()} of
  {[], []} -> [];
  {[At | _], _} when Times =:= 0 -> throw({open, At});
  {[], Rest} when Times =:= 0 -> Rest;
  {_, Rest} ->
    [spawn(fun() -> rabbit_connection_tracking:close_connections([C], "the cluster is being migrated", 0) end) || C <- Rest],
    timer:sleep(150),
    Again(Times - 1)
end end,
Before = End(30),
Queues = case Before of
  [] -> [Return(U, -1) || U <- [lists:last(Mine)], Known(U), Limit(U) =/= -1], Wait(20, false);
  _ -> Counts()
end,
Left = lists:usort(Before ++ Others()),
${note === undefined ? "" : `ok = case Left =:= [] andalso Empty(Queues) of true -> ${setNote(note)}; false -> ok end,`}`);

/** Waits up to some seconds for two answers in a row that no queue holds a message. */
export const drainQuestion = fencedAnswer(`
[throw({open, At}) || At <- Open()],
Queues = Wait(20, false),
Left = Others(),`);

/** Gives each user its own limit back, and notes how far the move is before. */
export function unfenceOrder(note?: string): string {
  const written = note === undefined ? "" : `ok = ${setNote(note)},`;
  return `${start}${limits} ${written}
ok = case rabbit_runtime_parameters:value_global(${fenceName}) of
  not_found -> ok;
  Text ->
    maps:fold(fun(U, N, _) -> case Known(U) andalso Limit(U) =:= 0 of true -> Return(U, N); false -> ok end end, ok, rabbit_json:decode(Text)),
    rabbit_runtime_parameters:clear_global(${fenceName}, ${actor})
end,
Json(#{done => true})`;
}

/** Has the shovels of \`lateCarryUser\` wait until the fence stands. */
export const gateOrder = `${start}${mine}${limits} ok = Set(lists:last(Mine), 0), Json(#{done => true})`;

/** @returns \`{shovels, exchanges}\`: the migration's own, and what each shovel does now */
export const shovelQuestion = (prefix: string): string => `${start}
Own = fun(Name) -> string:prefix(Name, ${binary(prefix)}) =/= nomatch end,
Get = fun(Key, List) -> proplists:get_value(Key, List) end,
Json(#{shovels => [#{vhost => Get(vhost, P), name => Get(name, P)}
  || P <- rabbit_runtime_parameters:list_component(<<"shovel">>), Own(Get(name, P))]})`;

/** Ends the migration's shovels, or removes the exchanges that they publish to. */
export const shovelRemoval = (prefix: string): string => `${start}
Own = fun(Name) -> string:prefix(Name, ${binary(prefix)}) =/= nomatch end,
Get = fun(Key, List) -> proplists:get_value(Key, List) end,
[rabbit_runtime_parameters:clear(Get(vhost, P), <<"shovel">>, Get(name, P), ${actor})
  || P <- rabbit_runtime_parameters:list_component(<<"shovel">>), Own(Get(name, P))],
Json(#{done => true})`;

export const exchangeRemoval = (prefix: string): string => `${start}
Own = fun(Name) -> string:prefix(Name, ${binary(prefix)}) =/= nomatch end,
[rabbit_exchange:delete(R, false, ${actor}) || {resource, _, exchange, N} = R <- rabbit_exchange:list_names(), Own(N)],
Json(#{done => true})`;

/**
 * Has each quorum queue of RabbitMQ 4.3 and later give a consumer's messages back as soon as the consumer's broker dies, as
 * earlier ones do (`rabbit_fifo`, `consumer_disconnected_timeout`). They would keep them for a minute, in which the next
 * shovel gets later messages. A queue keeps what it was told until it is told again; the broker itself does not.
 */
export const promptReturnOrder = returnOrder("0");
/** Has them do what the broker is configured for. */
export const configuredReturnOrder = returnOrder("Configured");

function returnOrder(milliseconds: string): string {
  return `${start}
ok = case application:get_env(rabbit, consumer_disconnected_timeout) of
  undefined -> ok;
  {ok, Configured} ->
    ok = application:set_env(rabbit, consumer_disconnected_timeout, ${milliseconds}),
    try [ok = rabbit_quorum_queue:policy_changed(Q) || V <- rabbit_vhost:list_names(),
      Q <- rabbit_amqqueue:list(V), amqqueue:get_type(Q) =:= rabbit_quorum_queue], ok
    after application:set_env(rabbit, consumer_disconnected_timeout, Configured)
    end
end,
Json(#{done => true})`;
}

/** Removes the migration's users. */
export const userRemoval = `${start}${mine}
[rabbit_auth_backend_internal:delete_user(U, ${actor}) || U <- Mine,
  case rabbit_auth_backend_internal:lookup_user(U) of {ok, _} -> true; _ -> false end],
Json(#{done => true})`;

/** @returns `{troubles}`: the migration's shovels that do not run, each with its reason */
export const troubleQuestion = (prefix: string): string => `${json}
Own = fun(Name) -> is_binary(Name) andalso string:prefix(Name, ${binary(prefix)}) =/= nomatch end,
Status = lists:append([case rpc:call(N, rabbit_shovel_status, status, [], 3000) of L when is_list(L) -> L; _ -> [] end
  || N <- rabbit_nodes:all_running()]),
Json(#{troubles => [#{name => Name, reason => iolist_to_binary(io_lib:format("~0tp", [Why]))}
  || S <- Status, {_, Name} <- [element(1, S)], Own(Name), {terminated, Why} <- [element(3, S)]]})`;
