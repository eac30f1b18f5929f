/**
 * A function of Erlang that gives the end of each stream: of its last message that a majority has, the offset, and the one at which
 * a shovel read it. Where a broker does not say it, `null`.
 *
 * The leader's log is read on its broker, as a consumer reads it (`osiris`): a chunk that was just written is there once a majority
 * has it, for which it waits a moment. A shovel does not read what the stream protocol has compressed. The offset is a message
 * annotation of the copy, up to RabbitMQ 3.12 an application property (`rabbit_msg_record:from_amqp091`).
 */
export const tails = `
Tail = fun(Q) ->
  Leader = amqqueue:get_pid(Q),
  Read = fun(From, Tries) ->
    {ok, Log} = osiris:init_reader(Leader, From, {{rabbitmq_ha, make_ref()}, []}),
    Next = fun Again(At, Left) -> case osiris_log:read_chunk_parsed(At) of
      {[_ | _] = Records, _} -> lists:last(Records);
      {end_of_stream, Same} when Left > 0 -> timer:sleep(25), Again(Same, Left - 1);
      {end_of_stream, _} -> none
    end end,
    try Next(Log, Tries) after osiris_log:close(Log) end
  end,
  Origin = fun(Entry) ->
    case [N || {Section, Pairs} <- amqp10_framing:decode_bin(iolist_to_binary(Entry)),
        lists:member(Section, ['v1_0.message_annotations', 'v1_0.application_properties']),
        {{_, <<"x-stream-offset">>}, {_, N}} <- Pairs, is_integer(N)] of
      [N | _] -> N;
      [] -> null
    end
  end,
  End = fun() -> case Read(first, 0) of
    none -> {-1, null};
    _ -> case Read(last, 40) of
      {Offset, {batch, N, 0, _, _}} -> {Offset + N - 1, null};
      {_, {batch, _, _, _, _}} -> {null, null};
      {Offset, Entry} -> {Offset, Origin(Entry)};
      none -> {null, null}
    end
  end end,
  case rpc:call(node(Leader), erlang, apply, [End, []], 5000) of {badrpc, _} -> {null, null}; Said -> Said end
end,
Tails = fun() -> All = Listed(true), [#{vhost => V, name => N, last => L, origin => O,
    id => unicode:characters_to_binary(maps:get(name, amqqueue:get_type_state(Q)))}
  || {{{resource, V, queue, N}, Q}, {L, O}} <- lists:zip(All, AskAll(Tail, All))] end,
`;
