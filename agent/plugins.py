"""The broker's plug-ins: which of those that are enabled have ended, and how they are started again.

A plug-in that failed too often, or what it is built on, has ended for good while the broker serves on. The management
agent still counts as running when its supervisor alone has ended (seen with 3.10.8): when a machine comes back that had
fallen silent, it counts the connections between nodes, and for a moment there are two to the same one.
"""

from . import rabbitmq
from .errors import NoAnswer

_ENABLED = """
Enabled = rabbit_plugins:read_enabled(rabbit_plugins:enabled_plugins_file()),
Running = [App || {App, _, _} <- application:which_applications(30000)],
Hollow = [App || App <- [rabbitmq_management_agent], lists:member(App, Running),
  whereis(rabbit_mgmt_external_stats) =:= undefined],
"""

# What has ended of the plug-ins that are enabled and of what they are built on.
ENDED = (
    _ENABLED
    + """
lists:usort(Hollow ++ [App || Plugin <- Enabled, {ok, Needs} <- [application:get_key(Plugin, applications)],
  App <- Needs ++ [Plugin], not lists:member(App, Running)])
"""
)

# With a plug-in everything that it needs is started, RabbitMQ among it: a broker that was stopped, or has paused itself in
# a minority, would serve again.
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
    """Starts what has ended of the enabled plug-ins. Returns the names of what was started again.

    Raises NoAnswer where the broker does not say so in full, as when one of them cannot be started.
    """
    started = rabbitmq.evaluate(_START, seconds=60)
    if not isinstance(started, list):
        raise NoAnswer("the broker does not say which plug-ins it has started again")
    return [str(name) for name in started]
