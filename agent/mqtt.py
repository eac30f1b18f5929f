"""MQTT's own members, up to RabbitMQ 3.12.

There the brokers with MQTT elect a leader among themselves (Raft, `mqtt_node`), and without a majority of them no client
of MQTT can connect. RabbitMQ leaves it to the operator to remove a broker that is gone for good (`rabbitmqctl
decommission_mqtt_node`): while it counts, fewer of the others may fail.
"""

from . import clock, erlang, rabbitmq
from .errors import NoAnswer, StepError

REMOVE_SECONDS = 60

# The members' nodes; none where there is no such election: without MQTT, and where RabbitMQ does without, as from 3.13 on.
_MEMBERS = """
case whereis(mqtt_node) of
  undefined -> [];
  _ ->
    {ok, Members, _} = ra:members({mqtt_node, node()}, 20000),
    [Node || {mqtt_node, Node} <- Members]
end
"""

# The tool's own command also deletes the data on the broker that is gone, for which that one would have to run.
_REMOVE = "ra:remove_member({mqtt_node, node()}, {mqtt_node, %s}, 20000)"


def members():
    """Returns the names of the brokers among which this host's broker elects MQTT's leader."""
    said = rabbitmq.evaluate(_MEMBERS)
    if not isinstance(said, list):
        raise NoAnswer("the broker does not say who are the members of MQTT", log=str(said))
    return [rabbitmq.short(node) for node in said]


def remove_members(names):
    """Removes brokers that have left the cluster from MQTT's members, those of them that are."""
    there = members() if names else []
    for name in sorted(set(names).intersection(there)):
        _remove(name)


def _remove(name):
    said = ""

    def is_removed():
        nonlocal said
        said = rabbitmq.have(_REMOVE % erlang.atom(rabbitmq.node(name))).strip()
        return name not in members()

    # Another change of the members may be under way, and one that was not confirmed in time may be made later.
    clock.await_(
        is_removed,
        REMOVE_SECONDS,
        lambda: StepError(
            "{} has left the cluster, and is still a member of MQTT: {}".format(name, said),
            "A majority of MQTT's members has to run for that: start the other brokers, and run this again.",
        ),
    )
    print("{}: is no member of MQTT any more".format(name))
