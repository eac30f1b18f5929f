"""Whether the other members pass this broker over, which no broker notices by itself.

RabbitMQ 3 keeps what it knows of queues and users in Mnesia, on every member. A member whose connection broke for some
milliseconds, or that loaded its tables at the same moment as another one, may be passed over from then on: it runs and
serves, and one or all of the others no longer send it what they write. Mnesia never mends that, and RabbitMQ does not
see it (https://github.com/rabbitmq/rabbitmq-server/issues/17319). A restart does. Khepri, which replaces Mnesia, has no
such fault.
"""

# Whether this broker is the first that is to be restarted; none where there is no Mnesia. Of two members that pass each
# other over, the one with fewer others is to be restarted; of equal ones, the later.
QUESTION = """
case (try rabbit_khepri:is_enabled() catch _:_ -> false end) =:= true orelse mnesia:system_info(is_running) =/= yes of
  true -> none;
  false ->
    Copies = [{T, C} || T <- mnesia:system_info(tables) -- [schema],
      C <- [lists:append([mnesia:table_info(T, S) || S <- [ram_copies, disc_copies, disc_only_copies]])],
      length(C) > 1],
    Up = [N || N <- mnesia:system_info(db_nodes), rabbit:is_running(N)],
    Writes = [{P, T, rpc:call(P, mnesia, table_info, [T, active_replicas], 10000)} || P <- Up, {T, _} <- Copies],
    Passes = fun(P, X) -> lists:any(fun({Q, T, Active}) -> Q =:= P andalso is_list(Active) andalso
      lists:member(X, proplists:get_value(T, Copies)) andalso not lists:member(X, Active) end, Writes) end,
    Size = fun(P) -> length([X || X <- Up, not Passes(P, X)]) end,
    hd(lists:sort([X || X <- Up, lists:any(fun(P) -> Passes(P, X) andalso
      (not Passes(X, P) orelse {Size(X), P} < {Size(P), X}) end, Up -- [X])]) ++ [none]) =:= node()
end
"""
