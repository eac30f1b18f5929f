"""Whether the broker expects the PROXY protocol's header, which has the client's own address, before each connection.

RabbitMQ reads it at each new connection, so that it changes without a restart; web listeners keep it as an option. A
file of its own has it for the next start. No line of rabbitmq.conf has it for streams, so they go without.
"""

import glob

from . import files, host, rabbitmq
from .errors import NoAnswer

FILE = "/etc/rabbitmq/conf.d/rabbitmq-ha-proxy-protocol.conf"
_PLUGINS = ("mqtt", "stomp", "web_mqtt", "web_stomp")
# A line of a plug-in that is not there would keep the broker from starting.
_FOLDERS = ("/usr/lib/rabbitmq/plugins", "/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins")

_SET = """
[application:set_env(App, proxy_protocol, {wanted}, [{{persistent, true}}]) || App <- [rabbit, {apps}]],
[ranch:set_protocol_options(Ref, maps:put(proxy_header, {wanted}, Options)) || Ref <- case ranch:info() of
    Known when is_map(Known) -> maps:keys(Known);
    Known -> [Name || {{Name, _}} <- Known]
  end, Options <- [ranch:get_protocol_options(Ref)], is_map(Options), maps:is_key(proxy_header, Options)],
application:get_env(rabbit, proxy_protocol, unset)
"""


def write(wanted):
    """Has the broker's next start expect the header, or not."""
    if not wanted:
        files.remove(FILE)
        return
    there = [
        name for name in _PLUGINS if any(glob.glob(host.path(each + "/rabbitmq_" + name + "-*")) for each in _FOLDERS)
    ]
    keys = ["proxy_protocol"] + [name + ".proxy_protocol" for name in there]
    files.write(FILE, "# Written by rabbitmq-ha\n" + "".join("{} = true\n".format(key) for key in keys))


def set_now(wanted):
    """Has the running broker expect the header from the next connection on, or not. Raises NoAnswer if it does not say so."""
    apps = ", ".join("rabbitmq_" + name for name in _PLUGINS)
    said = rabbitmq.act(_SET.strip().format(wanted=str(wanted).lower(), apps=apps), seconds=60)
    if said is not wanted:
        raise NoAnswer("{}: the broker does not say that it expects the changed header".format(host.name()))
