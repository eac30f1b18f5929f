"""A migration that keeps everybody out of this cluster, while its clients use another one or wait.

Each user has the limit of 0 connections then. migration/fence.ts sets it, and notes the users' own limits before,
as a global parameter. A user that is made meanwhile could connect, and so could one whose limits are set.
"""

from . import host
from .errors import NoAnswer, StepError

# Each user's own limit of connections, less than 0 for none; no user unless everybody is kept out.
OWN_LIMITS = """case rabbit_runtime_parameters:value_global(rabbitmq_ha_fence) of
  not_found -> [];
  Fence -> maps:to_list(rabbit_json:decode(Fence))
end"""

CONNECTIONS = "max-connections"


def own_limits(limits):
    """Returns by name each user's own limit of connections, from an answer. Raises NoAnswer unless it is whole."""
    if isinstance(limits, list):
        whole = [row for row in limits if isinstance(row, tuple) and len(row) == 2 and isinstance(row[1], int)]
        if len(whole) == len(limits):
            return dict(whole)
    raise NoAnswer("the global parameter rabbitmq_ha_fence is not as it was set")


def without_it(limits, own):
    """Returns a user's limits as they are once the migration lets it in again. own: its own limit of connections."""
    if limits.get(CONNECTIONS) != 0:
        return limits
    return dict({name: value for name, value in limits.items() if name != CONNECTIONS}, **_stated(own))


def _stated(own):
    return {CONNECTIONS: own} if own >= 0 else {}


def refuse(what):
    """Raises StepError. what: what would let somebody in."""
    raise StepError(
        "{}: nothing was changed: a migration keeps everybody out of this cluster, and this would let clients in: {}".format(
            host.name(), what
        ),
        "First end the migration with npm run migrate, with --back or --finish. Or take the change back.",
    )
