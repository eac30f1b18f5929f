"""The enabled plug-ins that have ended in the running broker, and how they are started again.

A plug-in, or something that it needs, ends for good after too many failures, while the broker serves on. The management
agent still counts as running if only its supervisor has ended (seen with 3.10.8). This happens when a machine comes
back that had not been reachable: the agent counts the connections between nodes, and for a moment there are two to the
same node.
"""

from . import rabbitmq
from .errors import NoAnswer

_ENABLED = """
Enabled = rabbit_plugins:read_enabled(rabbit_plugins:enabled_plugins_file()),
Running = [App || {App, _, _} <- application:which_applications(30000)],
Hollow = [App || App <- [rabbitmq_management_agent], lists:member(App, Running),
  whereis(rabbit_mgmt_external_stats) =:= undefined],
"""

# The enabled plug-ins, and the applications that they need, that have ended.
ENDED = (
    _ENABLED
    + """
lists:usort(Hollow ++ [App || Plugin <- Enabled, {ok, Needs} <- [application:get_key(Plugin, applications)],
  App <- Needs ++ [Plugin], not lists:member(App, Running)])
"""
)

# A plug-in is started with everything that it needs, RabbitMQ included: a broker that was stopped, or has paused itself
# in a minority, would serve again.
_START = """
case rabbit:is_running() of
  false -> [];
  true ->
    %s
    [application:stop(App) || App <- Hollow],
    lists:append([begin {ok, Started} = application:ensure_all_started(App), Started end || Plugin <- Enabled,
      {ok, Needs} <- [application:get_key(Plugin, applications)], App <- Needs ++ [Plugin]])
end
""" % _ENABLED.strip()


def start_ended():
    """Starts the enabled plug-ins that have ended. Returns the names of what was started.

    Raises NoAnswer if the broker's answer is incomplete, for example if one of them cannot be started.
    """
    started = rabbitmq.evaluate(_START, seconds=60)
    if not isinstance(started, list):
        raise NoAnswer("the broker does not say which plug-ins it has started again")
    return [str(name) for name in started]
