"""Who is connected: each member of the cluster is asked for its own clients.

RabbitMQ's own list lacks the clients of a broker that does not answer.
"""

from .cluster import MEMBERS

# Connections(list_of_user, [User]) and Connections(list, [VirtualHost]) return how many there are. They throw a text if a
# member does not answer. The broker that is asked is a member itself.
CONNECTIONS = """
Say = fun(Format, Words) -> iolist_to_binary(io_lib:format(Format, Words)) end,
Members = @members@,
true = lists:member(node(), Members),
Ask = fun(At, M, F, A) ->
  case rpc:call(At, M, F, A, 10000) of {badrpc, _} -> throw(Say("~s does not answer", [At])); Answer -> Answer end
end,
Connections = fun(F, A) -> length(lists:usort([C || At <- Members, C <- Ask(At, rabbit_connection_tracking, F, A)])) end,
""".replace("@members@", MEMBERS)
