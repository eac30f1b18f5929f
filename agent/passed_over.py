"""Whether the other members pass this broker over, that is, no longer send it what they write to Mnesia.

Up to 4.2 RabbitMQ can keep its data about queues and users in Mnesia, on every member. A member whose connection broke
for some milliseconds, or that loaded its tables at the same moment as another one, may be passed over from then on: it
runs and serves, but one or all of the others no longer send it what they write. The broker does not notice this, Mnesia
never repairs it, and RabbitMQ does not detect it (https://github.com/rabbitmq/rabbitmq-server/issues/17319). A restart
repairs it. Khepri, which replaces Mnesia, does not have this fault, and RabbitMQ 4.3 does not have Mnesia.
"""

from . import series

# Whether this broker is the first one to restart; none without Mnesia. Of two members that pass each other over, the
# one with fewer others is to restart; of equal ones, the later.
QUESTION = """
case not @mnesia@
  orelse (try rabbit_khepri:is_enabled() catch _:_ -> false end) =:= true
  orelse mnesia:system_info(is_running) =/= yes of
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
""".replace("@mnesia@", series.expression("hasMnesia"))
