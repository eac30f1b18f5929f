/** What brokers are told in a migration, the fence apart (fence.ts), as texts of Erlang for `rabbitmqctl eval`. */
import { actor, mine, noteName, own, setNote, start } from "./erlang.ts";

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
