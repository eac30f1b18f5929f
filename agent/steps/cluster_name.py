"""Sets the cluster's name, which its clients and the management UI show."""

from .. import erlang, host, rabbitmq
from ..errors import StepError

TIMEOUT_SECONDS = 300

# One call, since each starts an Erlang VM. A name that is already set is not written again.
_NAME = """
Name = {},
case iolist_to_binary(rabbit_nodes:cluster_name()) of
  Name -> ok;
  _ -> rabbit_nodes:set_cluster_name(Name, <<"rmq-cli">>)
end
"""


def arguments(parser):
    parser.add_argument("--name", required=True, help="the cluster's name")


def run(wanted):
    answer = rabbitmq.act(_NAME.format(erlang.text(wanted.name)))
    if answer != "ok":
        raise StepError("{}: the cluster did not take the name {}: {}".format(host.name(), wanted.name, answer))
