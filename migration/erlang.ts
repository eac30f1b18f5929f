/** Parts of the texts of Erlang that a broker is sent in a migration, by `rabbitmqctl eval`. Each text answers with JSON. */
import { carryUser, lateCarryUser } from "../definitions/migration-names.ts";
import { upToDate } from "../hosts/khepri.ts";
import { agreedCount } from "./agreed-count.ts";
import type { Direction } from "./direction.ts";
import { type Searched, tails } from "./stream-tails.ts";
import { binary } from "./erlang-text.ts";

/** The global parameter that says how far the move is. */
export const noteName = "rabbitmq_ha_migration";
/** The global parameter that says up to where the streams of both clusters hold the same. */
export const agreementsName = "rabbitmq_ha_migration_streams";
export const actor = `<<"rabbitmq-ha">>`;

export const json = `Json = fun(Term) -> base64:encode(iolist_to_binary(rabbit_json:encode(Term))) end,`;

export const mine = `Mine = [${binary(carryUser)}, ${binary(lateCarryUser)}],`;

/** What each begins with that must not be answered in part: by a member that knows all that was written before. */
export const start = `${json}${upToDate}`;

/**
 * Ends the evaluation unless the cluster's note says that clients wait in a move in this direction: an order that reaches its
 * broker late, when nobody waits for its answer any more, must not undo what came after it.
 */
export const whileWaiting = (direction: Direction): string => `
ok = (fun() -> case rabbit_runtime_parameters:value_global(${noteName}) of
  not_found -> exit(no_migration);
  Written -> case rabbit_json:decode(Written) of
    #{<<"direction">> := <<"${direction}">>, <<"phase">> := Phase} when Phase =:= <<"closing">>; Phase =:= <<"opening">> -> ok;
    Other -> exit({late, Other})
  end
end end)(),`;

/** The members, whether they run or not; up to 3.8.23 and 3.9.6 RabbitMQ has no function of this name. */
export const members = "(try rabbit_nodes:all() catch error:undef -> rabbit_mnesia:cluster_nodes(all) end)";

/** Clients wait for the slowest answer, not for the sum of them; more than this many would be a burst for the brokers. */
const queuesAtOnce = 64;

/**
 * The queues that are no client's own, with what each one's process says now; `null` where it does not say. And the streams
 * (stream-tails.ts). @param searched where the search in streams goes on
 */
export const counts = (searched?: readonly Searched[]): string => `${agreedCount}
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
Listed = fun(AreStreams) -> lists:ukeysort(1, [{amqqueue:get_name(Q), Q} || V <- rabbit_vhost:list_names(),
  Q <- rabbit_amqqueue:list(V) ++ rabbit_amqqueue:list_down(V),
  amqqueue:get_exclusive_owner(Q) =:= none, (amqqueue:get_type(Q) =:= rabbit_stream_queue) =:= AreStreams]) end,
AskAll = fun Again(_, []) -> [];
  Again(One, Queues) ->
    {These, Later} = lists:split(min(${queuesAtOnce}, length(Queues)), Queues),
    Asked = [spawn_monitor(fun() -> exit({said, One(Q)}) end) || {_, Q} <- These],
    [receive {'DOWN', Ref, process, _, {said, Numbers}} -> Numbers; {'DOWN', Ref, process, _, _} -> {null, null} end
      || {_, Ref} <- Asked] ++ Again(One, Later)
end,
Counts = fun() -> All = Listed(false), [#{vhost => V, name => N, messages => M, consumers => C}
  || {{{resource, V, queue, N}, _}, {M, C}} <- lists:zip(All, AskAll(Ask, All))] end,
${tails(searched)}`;

/** A shovel, by its own name. */
export interface ShovelName {
  readonly vhost: string;
  readonly shovel: string;
}

/** What is kept of streams once all that they hold is carried, and the shovels that have done it. */
export interface Carried {
  /** JSON. */
  readonly agreements: string;
  readonly shovels: readonly ShovelName[];
}

export function endOf(shovels: readonly ShovelName[]): string {
  const names = shovels.map(({ vhost, shovel }) => `{${binary(vhost)}, ${binary(shovel)}}`);
  return `[rabbit_runtime_parameters:clear(V, <<"shovel">>, N, ${actor}) || {V, N} <- [${names.join(", ")}]]`;
}

/** Ends the shovels first: one that started again would carry all of it once more. */
function keep({ agreements, shovels }: Carried): string {
  return `${endOf(shovels)}, ok = ${setGlobal(agreementsName, agreements)}`;
}

/** The text of a global parameter, `null` if it is not there. */
export function globalText(name: string): string {
  return `case rabbit_runtime_parameters:value_global(${name}) of not_found -> null; Text -> Text end`;
}

/** Removes a global parameter, if it is there. */
export function unsetGlobal(name: string): string {
  return `ok = case rabbit_runtime_parameters:value_global(${name}) of
  not_found -> ok;
  _ -> rabbit_runtime_parameters:clear_global(${name}, ${actor})
end`;
}

/** How far the move is from now on. @param carried what is kept of streams before that @returns expressions; none without a note */
export function noteChanges(note: string | undefined, carried: Carried | undefined): string[] {
  return [
    ...(carried === undefined ? [] : [keep(carried)]),
    ...(note === undefined ? [] : [`ok = ${setNote(note)}`]),
  ];
}

export function setNote(text: string): string {
  return setGlobal(noteName, text);
}

function setGlobal(name: string, text: string): string {
  return `rabbit_runtime_parameters:set_global(${name}, ${binary(text)}, ${actor})`;
}

/** Whether a name is one of the migration's own, which begin so. */
export function own(prefix: string): string {
  return `Own = fun(Name) -> is_binary(Name) andalso string:prefix(Name, ${binary(prefix)}) =/= nomatch end,`;
}
