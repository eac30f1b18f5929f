"""The broker's plug-ins: which are enabled, and that the running broker has them."""

import re

from . import erlang, files, host, rabbitmq
from .errors import StepError

# A plug-in that failed too often, or what it is built on, has ended for good while the broker serves on. This starts what
# has ended of those that are enabled, and names it. The management agent still counts as running when its supervisor alone
# has ended (seen with 3.10.8), so it is stopped where the process that tells of the node is missing.
_START_ENDED = """
Plugins = {plugins},
lists:member(rabbitmq_management_agent, Plugins ++ lists:append([Needs || Plugin <- Plugins,
    {{ok, Needs}} <- [application:get_key(Plugin, applications)]]))
  andalso whereis(rabbit_mgmt_external_stats) =:= undefined andalso application:stop(rabbitmq_management_agent),
lists:append([begin {{ok, Started}} = application:ensure_all_started(App), Started end || Plugin <- Plugins,
  {{ok, Needs}} <- [application:get_key(Plugin, applications)], App <- Needs ++ [Plugin]])
"""

# The broker drops a plug-in that it does not find without a word.
_MISSING = "{plugins} -- rabbit_plugins:plugin_names(rabbit_plugins:list(rabbit_plugins:plugins_dir()))"
_ENSURE = """
{{ok, _, _}} = rabbit_plugins:ensure(rabbit_plugins:enabled_plugins_file()),
{plugins} -- rabbit_plugins:active()
"""


def enabled():
    """What the file says; the broker reads it at its start only."""
    return re.findall(r"[A-Za-z0-9_]+", files.read(rabbitmq.PLUGINS, ""))


def write(names):
    files.write(rabbitmq.PLUGINS, "[{}].\n".format(",".join(names)))


def start_ended():
    """Starts again what has ended of the enabled plug-ins of the running broker. Returns what that was."""
    started = rabbitmq.act(_START_ENDED.format(plugins=erlang.atoms(enabled())), seconds=60)
    return [str(name) for name in started]


def enable(names):
    """Has the running broker run these plug-ins, and no others; the file is as before where it does not."""
    plugins = erlang.atoms(names)
    missing = rabbitmq.evaluate(_MISSING.format(plugins=plugins))
    if missing:
        raise StepError(
            "{}: this RabbitMQ has no plug-in {}".format(host.name(), ", ".join(missing)),
            "correct rabbitmq.plugins; rabbitmq-plugins list on this host shows which there are",
        )
    before = files.read(rabbitmq.PLUGINS, "")
    write(names)
    try:
        lacking = rabbitmq.act(_ENSURE.format(plugins=plugins))
        if lacking:
            raise StepError("{}: the broker does not run {}".format(host.name(), ", ".join(lacking)))
    except StepError:
        # The next run sees that there is something to do.
        files.write(rabbitmq.PLUGINS, before)
        raise
