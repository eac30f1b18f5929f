"""Which of the broker's plug-ins are enabled, in its file and in the running broker."""

import re

from . import erlang, files, host, rabbitmq
from .errors import StepError

# The broker drops a plug-in that it does not find without a word.
_MISSING = "%s -- rabbit_plugins:plugin_names(rabbit_plugins:list(rabbit_plugins:plugins_dir()))"
_ENSURE = """
{ok, _, _} = rabbit_plugins:ensure(rabbit_plugins:enabled_plugins_file()),
%s -- rabbit_plugins:active()
"""


def names():
    """What the file says; the broker reads it at its start only."""
    return re.findall(r"[A-Za-z0-9_]+", files.read(rabbitmq.PLUGINS, ""))


def write(wanted):
    files.write(rabbitmq.PLUGINS, "[{}].\n".format(",".join(wanted)))


def enable(wanted):
    """Has the running broker run these plug-ins, and no others; the file is as before where it does not."""
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
        # The next run sees that there is something to do.
        files.write(rabbitmq.PLUGINS, before)
        raise
