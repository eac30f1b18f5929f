"""The enabled plug-ins, in the broker's file and in the running broker."""

import glob
import os
import re

from . import command, erlang, files, host, rabbitmq
from .errors import NoAnswer, StepError

# Where the packages have the plug-ins, as folders. What is in an archive (.ez) only RabbitMQ's own tool tells.
_FOLDERS = ("/usr/lib/rabbitmq/plugins", "/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins")

# One member at a time. Where several switch on MQTT at once, each waits for one of the others to be elected, 100 s and
# again: mqtt_node:start/2 in 3.10 asks its peers for their leader before it has one elected.
_ENSURE = """
{ok, _, _} = global:trans({rabbitmq_ha_plugins, self()}, fun() ->
    rabbit_plugins:ensure(rabbit_plugins:enabled_plugins_file())
end),
%s -- rabbit_plugins:active()
"""
# RabbitMQ may be stopped by a person, or have paused itself in a minority: then it reads the file when it starts.
_ENSURE_AGAIN = "case rabbit:is_running() of true -> {}; false -> [] end".format(_ENSURE.strip())


def names():
    """Returns the plug-ins of the file, which the broker reads only at its start."""
    return re.findall(r"[A-Za-z0-9_]+", files.read(rabbitmq.PLUGINS, ""))


def require(wanted):
    """Raises StepError unless every plug-in is on this host: the broker silently ignores one that it does not find.

    RabbitMQ's own tool is asked only if one is not in the usual folders, since the tool takes seconds.
    """
    found = _in_usual_folders()
    missing = [name for name in wanted if name not in found]
    if missing:
        said = command.ask(rabbitmq.words("rabbitmq-plugins", ["list", "-m"]), **rabbitmq.options(60))
        found = {line.strip() for line in said.splitlines()}
        if "rabbitmq_management" not in found:
            raise NoAnswer("{}: rabbitmq-plugins does not list the plug-ins".format(host.name()), log=said)
        missing = [name for name in missing if name not in found]
    if missing:
        raise StepError(
            "{}: this RabbitMQ has no plug-in {}".format(host.name(), ", ".join(missing)),
            "Correct rabbitmq.plugins; rabbitmq-plugins list on this host shows which there are. For a plug-in from"
            " elsewhere, list the URL and the SHA-256 of its .ez file for this version under rabbitmq.pluginFiles.",
        )


def _in_usual_folders():
    found = set()
    for pattern in _FOLDERS:
        for folder in glob.glob(host.path(pattern)):
            for path in glob.glob(os.path.join(folder, "*", "ebin", "*.app")):
                found.add(os.path.basename(path)[: -len(".app")])
    return found


def write(wanted):
    files.write(rabbitmq.PLUGINS, "[{}].\n".format(",".join(wanted)))


def enable(wanted):
    """Has the running broker run exactly these plug-ins. If that fails, the file is restored."""
    before = files.read(rabbitmq.PLUGINS, "")
    write(wanted)
    try:
        _act(_ENSURE, wanted)
    except StepError:
        # Restored so that the next run sees that the change is still to be made.
        files.write(rabbitmq.PLUGINS, before)
        raise


def enable_again(wanted):
    """Does what the file already says: a run that was cut off may have changed the file alone."""
    _act(_ENSURE_AGAIN, wanted)


def _act(order, wanted):
    lacking = rabbitmq.act(order % erlang.atoms(wanted))
    if lacking:
        raise StepError("{}: the broker does not run {}".format(host.name(), ", ".join(lacking)))
