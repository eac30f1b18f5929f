/**
 * The fence: nobody logs in to a cluster but the migration's shovels, and no other connection is left. As texts of Erlang for
 * `rabbitmqctl eval`, which hold no secret.
 */
import { fenceName } from "../definitions/migration-names.ts";
import type { Direction } from "./direction.ts";
import {
  actor,
  type Carried,
  counts,
  members,
  mine,
  noteChanges,
  setNote,
  start,
  whileWaiting,
} from "./erlang.ts";
import type { Searched } from "./stream-tails.ts";

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
 * connection in all of RabbitMQ 3.8 to 4.3 (`rabbit.hrl`). A member that says that RabbitMQ is stopped there, or just being
 * started, has nobody, and knows the others' limits before it lets anybody in. One that is being stopped may have clients.
 */
const others = `
Users = [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()] -- Mine,
Members = ${members},
true = Users =/= [] andalso lists:member(node(), Members),
Call = fun(At, M, F, A) -> case rpc:call(At, M, F, A, 5000) of
  {badrpc, _} -> throw({silent, At});
  Said -> Said
end end,
Up = fun() -> [At || At <- Members, not lists:member(rpc:call(At, rabbit_boot_state, get, [], 5000), [stopped, booting])] end,
Others = fun() -> [C || At <- Up(), C <- Call(At, rabbit_connection_tracking, list_on_node, [At]),
  not lists:member(element(11, C), [none | Mine])] end,
Open = fun() -> [At || At <- Up(),
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

/** @returns `{connections, users, queues, streams}`, or the member that did not answer, or that lets clients in */
function fencedAnswer(expressions: string, searched?: readonly Searched[]): string {
  return `${start}${mine}${limits}
try ${others}${counts(searched)}${waiting}
${expressions}
Json(#{connections => length(Left), users => lists:usort([element(11, C) || C <- Left]), queues => Queues, streams => Streams})
catch throw:{Why, At} when Why =:= silent; Why =:= open -> Json(#{Why => At})
end`;
}

/**
 * Lets nobody log in but the shovels, and ends the connections of all others. The users' own limits are noted before the
 * first one is changed, and each member has to answer before that. Shovels that wait for it are let in once no other connection
 * is left, and have some seconds.
 * @param direction of the move; the note has to say that clients wait in it
 * @param note how far the move is once no message and no connection is left, unless there are streams
 * @param searched where the search in streams goes on
 */
export const fenceOrder = (direction: Direction, note?: string, searched?: readonly Searched[]): string =>
  fencedAnswer(
    `${whileWaiting(direction)}
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
Streams = Tails(),
${note === undefined ? "" : `ok = case Left =:= [] andalso Empty(Queues) andalso Streams =:= [] of true -> ${setNote(note)}; false -> ok end,`}`,
    searched,
  );

/**
 * Waits up to some seconds for two answers in a row that no queue holds a message. Messages that are delayed are in no
 * queue yet: each is in a table of one broker.
 */
export const emptyQuestion = fencedAnswer(`
[throw({open, At}) || At <- Open()],
DelayedAt = fun(N) -> case rpc:call(N, ets, all, [], 5000) of
  {badrpc, _} -> null;
  Tables ->
    Sizes = [rpc:call(N, ets, info, [T, size], 5000)
      || T <- Tables, is_atom(T), lists:prefix("rabbit_delayed_message", atom_to_list(T))],
    case lists:all(fun erlang:is_integer/1, Sizes) of true -> lists:sum(Sizes); false -> null end
end end,
Queues = Wait(20, false) ++ [#{vhost => <<"/">>, messages => Delayed, consumers => 0,
    name => iolist_to_binary(io_lib:format("rabbitmq_delayed_message_exchange on ~s", [N]))}
  || N <- rabbit_nodes:all_running(), Delayed <- [DelayedAt(N)], Delayed =/= 0],
Streams = [],
Left = Others(),`);

/**
 * Gives each user its own limit back, and notes how far the move is before.
 * @param direction as for `fenceOrder` @param carried what is kept of streams
 */
export function unfenceOrder(direction: Direction, note?: string, carried?: Carried): string {
  const written = noteChanges(note, carried).map((change) => `${change},`);
  return `${start}${whileWaiting(direction)}${limits} ${written.join(" ")}
ok = case rabbit_runtime_parameters:value_global(${fenceName}) of
  not_found -> ok;
  Text ->
    maps:fold(fun(U, N, _) -> case Known(U) andalso Limit(U) =:= 0 of true -> Return(U, N); false -> ok end end, ok, rabbit_json:decode(Text)),
    rabbit_runtime_parameters:clear_global(${fenceName}, ${actor})
end,
Json(#{done => true})`;
}

/** Lets users that have come since the fence was made not log in either, while there is one. */
export const extendFenceOrder = `${start}${mine}${limits}
ok = case rabbit_runtime_parameters:value_global(${fenceName}) of
  not_found -> ok;
  Text ->
    Noted = rabbit_json:decode(Text),
    Users = [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()] -- Mine,
    Added = maps:from_list([{U, Limit(U)} || U <- Users, not maps:is_key(U, Noted)]),
    New = iolist_to_binary(rabbit_json:encode(maps:merge(Added, Noted))),
    ok = case maps:size(Added) of 0 -> ok; _ -> rabbit_runtime_parameters:set_global(${fenceName}, New, ${actor}) end,
    lists:foreach(fun(U) -> Set(U, 0) end, maps:keys(Added))
end,
Json(#{done => true})`;

/** Has the shovels of `lateCarryUser` wait until the fence stands. */
export const gateOrder = `${start}${mine}${limits} ok = Set(lists:last(Mine), 0), Json(#{done => true})`;
