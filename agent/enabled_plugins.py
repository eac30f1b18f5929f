"""The enabled plug-ins, in the broker's file and in the running broker."""

import re

from . import erlang, files, host, rabbitmq
from .errors import StepError

# The broker silently ignores a plug-in that it does not find.
_MISSING = "%s -- rabbit_plugins:plugin_names(rabbit_plugins:list(rabbit_plugins:plugins_dir()))"
_ENSURE = """
{ok, _, _} = rabbit_plugins:ensure(rabbit_plugins:enabled_plugins_file()),
%s -- rabbit_plugins:active()
"""


def names():
    """Returns the plug-ins of the file, which the broker reads only at its start."""
    return re.findall(r"[A-Za-z0-9_]+", files.read(rabbitmq.PLUGINS, ""))


def write(wanted):
    files.write(rabbitmq.PLUGINS, "[{}].\n".format(",".join(wanted)))


def enable(wanted):
    """Has the running broker run exactly these plug-ins. If that fails, the file is restored."""
    plugins = erlang.atoms(wanted)
    missing = rabbitmq.evaluate(_MISSING % plugins)
    if missing:
        raise StepError(
            "{}: this RabbitMQ has no plug-in {}".format(host.name(), ", ".join(missing)),
            "correct rabbitmq.plugins; rabbitmq-plugins list on this host shows which there are",
        )
    before = files.read(rabbitmq.PLUGINS, "")
    write(wanted)
    try:
        lacking = rabbitmq.act(_ENSURE % plugins)
        if lacking:
            raise StepError("{}: the broker does not run {}".format(host.name(), ", ".join(lacking)))
    except StepError:
        # Restored so that the next run sees that the change is still to be made.
        files.write(rabbitmq.PLUGINS, before)
        raise
