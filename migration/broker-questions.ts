/** What brokers are asked in a migration, as texts of Erlang for `rabbitmqctl eval`. Nothing is changed. */
import { agreementsName, counts, globalText, json, members, noteName, own, start } from "./erlang.ts";
import type { Searched } from "./stream-tails.ts";

/** @returns `{queues, streams}` */
export const countQuestion = `${start}${counts()} Json(#{queues => Counts(), streams => Tails()})`;

/** @returns `{queues, streams, away}`, the last of which are the members that do not run */
export const sourceQuestion = (searched: readonly Searched[]): string => `${start}${counts(searched)}
Json(#{queues => Counts(), streams => Tails(), away => ${members} -- rabbit_nodes:all_running()})`;

/** @returns `{streams}` */
export const tailQuestion = `${start}${counts()} Json(#{streams => Tails()})`;

/** @returns `{agreements}`: the text that was kept, or null */
export const agreementsQuestion = `${start} Json(#{agreements => ${globalText(agreementsName)}})`;

/** @returns `{note}`: the text that was noted, or null */
export const noteQuestion = `${start} Json(#{note => ${globalText(noteName)}})`;

/** @returns `{shovels}`: the migration's own, each with its virtual host and name */
export const shovelQuestion = (prefix: string): string => `${start}
${own(prefix)}
Get = fun(Key, List) -> proplists:get_value(Key, List) end,
Json(#{shovels => [#{vhost => Get(vhost, P), name => Get(name, P)}
  || P <- rabbit_runtime_parameters:list_component(<<"shovel">>), Own(Get(name, P))]})`;

/**
 * A broker keeps what a shovel said last, also once another broker has it, so without an answer of each nothing is known.
 * @returns `{troubles}`: the migration's shovels that run nowhere, each with its virtual host and reason
 */
export const troubleQuestion = (prefix: string): string => `${json}
${own(prefix)}
Said = [rpc:call(N, rabbit_shovel_status, status, [], 3000) || N <- rabbit_nodes:all_running()],
Status = case lists:all(fun erlang:is_list/1, Said) of true -> lists:append(Said); false -> [] end,
Running = [element(1, S) || S <- Status, case element(3, S) of {terminated, _} -> false; _ -> true end],
Json(#{troubles => [#{vhost => V, name => Name, reason => iolist_to_binary(io_lib:format("~0tp", [Why]))}
  || S <- Status, {V, Name} <- [element(1, S)], Own(Name), not lists:member({V, Name}, Running), {terminated, Why} <- [element(3, S)]]})`;
