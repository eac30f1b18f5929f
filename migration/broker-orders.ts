/** What brokers are told in a migration, the fence apart (fence.ts), as texts of Erlang for `rabbitmqctl eval`. */
import type { Direction } from "./direction.ts";
import {
  actor,
  agreementsName,
  type Carried,
  endOf,
  mine,
  noteChanges,
  noteName,
  own,
  type ShovelName,
  start,
  unsetGlobal,
  whileWaiting,
} from "./erlang.ts";
import type { QueueName } from "./shovels.ts";
import { binary } from "./erlang-text.ts";

const timeout = "consumer_disconnected_timeout";
/** What a broker was configured for, in its own environment. */
const kept = "rabbitmq_ha_consumer_disconnected_timeout";

/** @param text undefined: forgets the note, and what is kept of streams @param carried what is kept of them from now on */
export function noteOrder(text: string | undefined, carried?: Carried): string {
  const changes =
    text === undefined ? [unsetGlobal(agreementsName), unsetGlobal(noteName)] : noteChanges(text, carried);
  return `${start} ${changes.join(", ")}, Json(#{done => true})`;
}

/** @param direction the note has to say that clients wait in a move in it */
export const waitingNoteOrder = (direction: Direction, text: string, carried: Carried): string =>
  `${start}${whileWaiting(direction)} ${noteChanges(text, carried).join(", ")}, Json(#{done => true})`;

export const shovelEnd = (shovels: readonly ShovelName[]): string =>
  `${start} ${endOf(shovels)}, Json(#{done => true})`;

/** Deletes streams of which the new cluster has copies alone. */
export const copyRemoval = (streams: readonly QueueName[]): string => `${start}
Names = [${streams.map(({ vhost, name }) => `{${binary(vhost)}, ${binary(name)}}`).join(", ")}],
[{ok, _} = rabbit_amqqueue:delete(Q, false, false, ${actor}) || {V, N} <- Names, Q <- rabbit_amqqueue:list(V),
  amqqueue:get_type(Q) =:= rabbit_stream_queue, element(4, amqqueue:get_name(Q)) =:= N],
Json(#{done => true})`;

/** Ends the migration's shovels, or removes the exchanges that they publish to. */
export const shovelRemoval = (prefix: string): string => `${start}
${own(prefix)}
Get = fun(Key, List) -> proplists:get_value(Key, List) end,
[rabbit_runtime_parameters:clear(Get(vhost, P), <<"shovel">>, Get(name, P), ${actor})
  || P <- rabbit_runtime_parameters:list_component(<<"shovel">>), Own(Get(name, P))],
Json(#{done => true})`;

export const exchangeRemoval = (prefix: string): string => `${start}
${own(prefix)}
[rabbit_exchange:delete(R, false, ${actor}) || {resource, _, exchange, N} = R <- rabbit_exchange:list_names(), Own(N)],
Json(#{done => true})`;

/**
 * Has the quorum queues of RabbitMQ 4.3 and later give a consumer's messages back as soon as the consumer's broker dies, as
 * earlier ones do (`rabbit_fifo`, `consumer_disconnected_timeout`). They would keep them for a minute, in which the next
 * shovel gets later messages. Every five seconds a queue takes what its leader's broker is set to
 * (`rabbit_quorum_queue:maybe_apply_policies`), so each broker that runs is set, and keeps what it was configured for. One that
 * starts again is as configured. A queue's own policy counts more than any of this.
 */
export const promptReturnOrder = returnOrder(`
case {Ask(N, ${timeout}), Ask(N, ${kept})} of
  {undefined, _} -> ok;
  {{ok, Configured}, undefined} -> ok = Set(N, ${kept}, Configured), ok = Set(N, ${timeout}, 0);
  _ -> ok = Set(N, ${timeout}, 0)
end`);
/** Has them do what the broker is configured for. */
export const configuredReturnOrder = returnOrder(`
case Ask(N, ${kept}) of
  {ok, Configured} -> ok = Set(N, ${timeout}, Configured), ok = Do(N, application, unset_env, [rabbit, ${kept}]);
  undefined -> ok
end`);

/** @param change of the setting of the broker `N` */
function returnOrder(change: string): string {
  return `${start}
Do = fun(N, M, F, A) -> case rpc:call(N, M, F, A, 5000) of {badrpc, Why} -> exit({N, Why}); Said -> Said end end,
Ask = fun(N, Key) -> Do(N, application, get_env, [rabbit, Key]) end,
Set = fun(N, Key, Value) -> Do(N, application, set_env, [rabbit, Key, Value]) end,
Members = rabbit_nodes:all_running(),
[${change} || N <- Members],
case application:get_env(rabbit, ${timeout}) of
  undefined -> ok;
  _ -> [ok = rabbit_quorum_queue:policy_changed(Q) || V <- rabbit_vhost:list_names(),
    Q <- rabbit_amqqueue:list(V), amqqueue:get_type(Q) =:= rabbit_quorum_queue], ok
end,
Json(#{done => true})`;
}

/** Removes the migration's users. */
export const userRemoval = `${start}${mine}
[rabbit_auth_backend_internal:delete_user(U, ${actor}) || U <- Mine,
  case rabbit_auth_backend_internal:lookup_user(U) of {ok, _} -> true; _ -> false end],
Json(#{done => true})`;
