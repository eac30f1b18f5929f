/** The end of each stream, as its broker says it: a function of Erlang, which reads the logs as consumers do (`osiris`). */
import { binary } from "./erlang-text.ts";

/** Where the search for batches goes on in a stream. */
export interface Searched {
  readonly vhost: string;
  readonly name: string;
  readonly id: string;
  /** The offset up to which there is none, exclusive. */
  readonly searched: number;
}

/** For how long the headers of a log are read for one answer; a question has 20 s. */
const searchMs = 2000;

/**
 * Of each stream the last message that a majority has: its offset, and the one at which a shovel read it (`origin`: a message
 * annotation of the copy, up to RabbitMQ 3.12 an application property; `rabbit_msg_record:from_amqp091`). Where a broker does not
 * say it, `null`. A log of which nothing is committed yet is not empty: its leader may just have been elected.
 *
 * And up to where it has no batch of the stream protocol (`searched`). A shovel skips a compressed one in silence, and up to
 * RabbitMQ 3.12 the channel that meets any batch is closed. Only the headers of chunks are read for it.
 * @param searched where the search goes on; undefined: there is none
 */
export function tails(searched?: readonly Searched[]): string {
  const before = (searched ?? []).map(
    ({ vhost, name, id, searched: offset }) =>
      `{{${binary(vhost)}, ${binary(name)}}, {${binary(id)}, ${offset}}}`,
  );
  return `
Searched = maps:from_list([${before.join(", ")}]),
Nothing = fun(Q) ->
  {resource, V, queue, N} = amqqueue:get_name(Q),
  #{vhost => V, name => N, id => unicode:characters_to_binary(maps:get(name, amqqueue:get_type_state(Q))),
    leader => null, last => null, origin => null, searched => 0, batch => false}
end,
Tail = fun(Q) ->
  #{vhost := V, name := N, id := Id} = Unknown = Nothing(Q),
  Leader = amqqueue:get_pid(Q),
  Begin = case maps:get({V, N}, Searched, none) of {Id, Place} -> Place; _ -> 0 end,
  With = fun(From, Do) ->
    Key = {rabbitmq_ha, make_ref()},
    {ok, Log} = osiris:init_reader(Leader, From, {Key, []}),
    try Do(Log) after osiris_log:close(Log), osiris_counters:delete(Key) end
  end,
  Last = fun Again(Log, Tries) -> case osiris_log:read_chunk_parsed(Log) of
    {[_ | _] = Records, _} -> lists:last(Records);
    {end_of_stream, Same} when Tries > 0 -> timer:sleep(25), Again(Same, Tries - 1);
    {end_of_stream, _} -> none
  end end,
  Search = fun Again(Log, Until, At, Messages, Batch) ->
    case erlang:monotonic_time(millisecond) < Until andalso osiris_log:read_header(Log) of
      {ok, #{chunk_id := Chunk, num_records := Records, num_entries := Entries, type := Type}, Next} ->
        Again(Next, Until, Chunk + Records, Messages orelse Type =:= 0, Batch orelse (Type =:= 0 andalso Entries =/= Records));
      {end_of_stream, _} -> {At, Messages, Batch};
      false -> {At, Messages, Batch}
    end
  end,
  Origin = fun(Entry) ->
    case [M || {Section, Pairs} <- amqp10_framing:decode_bin(iolist_to_binary(Entry)),
        lists:member(Section, ['v1_0.message_annotations', 'v1_0.application_properties']),
        {{_, <<"x-stream-offset">>}, {_, M}} <- Pairs, is_integer(M)] of
      [M | _] -> M;
      [] -> null
    end
  end,
  End = fun() ->
    Until = erlang:monotonic_time(millisecond) + ${searchMs},
    {Offset, From} = case With(last, fun(Log) -> Last(Log, 40) end) of
      {O, {batch, M, _, _, _}} -> {O + M - 1, null};
      {O, Entry} -> {O, Origin(Entry)};
      none ->
        Next = With(next, fun(Log) -> osiris_log:next_offset(Log) end),
        case With(first, fun(Log) -> Search(Log, Until, osiris_log:next_offset(Log), false, false) end) of
          {Next, false, _} -> {-1, null};
          _ -> {null, null}
        end
    end,
    {At, _, Batch} = ${searched === undefined ? "{0, false, false}" : "With(Begin, fun(Log) -> Search(Log, Until, Begin, false, false) end)"},
    #{last => Offset, origin => From, searched => At, batch => Batch}
  end,
  case rpc:call(node(Leader), erlang, apply, [End, []], 8000) of
    Said when is_map(Said) -> maps:merge(Unknown, Said#{leader => atom_to_binary(node(Leader), utf8)});
    _ -> Unknown
  end
end,
Tails = fun() -> All = Listed(true),
  [case Said of {null, null} -> Nothing(Q); _ -> Said end || {{_, Q}, Said} <- lists:zip(All, AskAll(Tail, All))] end,
`;
}
