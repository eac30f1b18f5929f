"""The cluster's members, in one complete answer of a broker."""

from . import command, rabbitmq, series
from .errors import NoAnswer, StepError

# The members, whether they run or not. Up to 3.8.23 and 3.9.6 RabbitMQ has no function of this name.
MEMBERS = "(try rabbit_nodes:all() catch error:undef -> rabbit_mnesia:cluster_nodes(all) end)"

# Up to 4.2 a node with Mnesia can be a ram node. With Khepri, which replaces Mnesia, every node is a disc node. Other
# questions contain this one, and share its variables: it has few.
STATUS = """
Khepri = try rabbit_khepri:is_enabled() catch _:_ -> false end,
Members = @members@,
Disc = case Khepri of
  true -> Members;
  false -> try rabbit_mnesia:cluster_nodes(disc) catch error:undef -> Members end
end,
Running = rabbit_nodes:all_running(),
#{members => Members, running => Running, disc => Disc,
  name => iolist_to_binary(rabbit_nodes:cluster_name()),
  has_queues => case rabbit_nodes:cluster_name() of
    <<"rabbit@", _/binary>> -> rabbit_amqqueue:list_names() =/= [];
    _ -> false
  end,
  version => list_to_binary(rabbit_misc:version()),
  khepri => Khepri, disabled => maps:keys(rabbit_feature_flags:list(disabled))}
""".replace("@members@", MEMBERS)


class Cluster:
    """What one broker reports about its cluster: short names, sorted."""

    def __init__(self, answer):
        self.members = _names(answer, "members")
        self.running = _names(answer, "running")
        self.disc = _names(answer, "disc")
        self.name = _field(answer, "name")
        self.version = _field(answer, "version")
        self.khepri = _field(answer, "khepri") is True
        # Only asked of a cluster without a name of its own.
        self._has_queues = _field(answer, "has_queues") is not False
        # The feature flags that are disabled on the broker that answers.
        self.disabled = _field(answer, "disabled")
        if not self.members:
            raise NoAnswer("a broker lists no members at all, not even itself")

    def loses_flags(self):
        """Whether brokers that boot at the same time can lose feature flags, as up to 3.10.

        Up to 3.10 each broker reads, changes and writes the others' lists without a lock (rabbit_feature_flags.erl of
        3.10, `try_to_write_enabled_feature_flags_list`). 3.11 has rabbit_ff_controller.erl, which makes one change at a
        time.
        """
        return not series.can(self.version, "locksFeatureFlags")

    def is_unnamed(self):
        """Whether the cluster still has RabbitMQ's default name, as one that is just being formed."""
        return self.name.startswith("rabbit@")

    def is_new(self):
        """Whether the cluster is just being formed, and nobody has declared a queue yet."""
        return self.is_unnamed() and not self._has_queues


def _field(answer, key):
    if not isinstance(answer, dict) or key not in answer:
        raise NoAnswer("a broker's answer lacks {}".format(key))
    return answer[key]


def _names(answer, key):
    value = _field(answer, key)
    if not isinstance(value, list):
        raise NoAnswer("a broker's answer has no list of {}".format(key))
    return sorted(rabbitmq.short(each) for each in value)


def look(of=None, seconds=60):
    """Returns what a broker reports about its cluster. Raises NoAnswer unless the answer is complete."""
    return Cluster(rabbitmq.evaluate(STATUS, of=of, seconds=seconds))


def look_all(names, seconds=60):
    """Asks several brokers at the same time. Returns, by name, a Cluster or the broker's NoAnswer."""
    answers = command.side_by_side([lambda name=name: look(name, seconds) for name in names])
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, StepError):
            raise answer
    return dict(zip(names, answers))
