/**
 * A function of Erlang that asks the leader of a quorum queue, and a majority with it: up to RabbitMQ 4.2 by a function, which
 * later ones refuse. The queue's statistics are some seconds old, and 0 where its leader does not answer
 * (`rabbit_quorum_queue:info`). It gives `null` without an answer.
 */
export const agreedCount = `
Agreed = fun(Q, Name) ->
  Leader = amqqueue:get_pid(Q),
  case (try ra:consistent_query(Leader, erlang:make_fun(rabbit_fifo, Name, 1), 5000)
      catch error:function_clause -> ra:consistent_query(Leader, {rabbit_fifo, Name, []}, 5000) end) of
    {ok, {_, N}, _} when is_integer(N) -> N;
    {ok, N, _} when is_integer(N) -> N;
    _ -> null
  end
end,
`;
