"""Who is a member of the cluster, as a broker sees it, in one whole answer."""

from . import command, erlang, rabbitmq
from .errors import NoAnswer, StepError

# Mnesia keeps some nodes in memory only (up to 4.2); Khepri, which replaces it, keeps all on disc.
STATUS = """
Khepri = try rabbit_khepri:is_enabled() catch _:_ -> false end,
Members = rabbit_nodes:all(),
Disc = case Khepri of
  true -> Members;
  false -> try rabbit_mnesia:cluster_nodes(disc) catch error:undef -> Members end
end,
Running = rabbit_nodes:all_running(),
#{members => Members, running => Running, disc => Disc,
  name => iolist_to_binary(rabbit_nodes:cluster_name()), version => list_to_binary(rabbit_misc:version()),
  khepri => Khepri, disabled => maps:keys(rabbit_feature_flags:list(disabled))}
"""


class Cluster:
    """What one broker says of its cluster: short names, sorted."""

    def __init__(self, answer):
        self.members = _names(answer, "members")
        self.running = _names(answer, "running")
        self.disc = _names(answer, "disc")
        self.name = _field(answer, "name")
        self.version = _field(answer, "version")
        self.khepri = _field(answer, "khepri") is True
        # The feature flags that are disabled at the broker itself.
        self.disabled = _field(answer, "disabled")
        if not self.members:
            raise NoAnswer("a broker lists no members at all, not even itself")

    @property
    def ram(self):
        return [name for name in self.members if name not in self.disc]

    def has_mirrors(self):
        """Whether this RabbitMQ has mirrored queues: up to 3.13 (https://www.rabbitmq.com/docs/whats-new)."""
        return int(self.version.split(".")[0]) < 4

    def loses_flags(self):
        """Whether brokers that boot together can lose feature flags: up to 3.10.

        There each one reads, changes and writes the others' lists without a lock (rabbit_feature_flags.erl of 3.10,
        `try_to_write_enabled_feature_flags_list`); 3.11 has rabbit_ff_controller.erl, which takes turns.
        """
        major, minor = self.version.split(".")[:2]
        return (int(major), int(minor)) < (3, 11)

    def is_unnamed(self):
        """Whether the cluster still has the name that RabbitMQ gives it: it is just being made."""
        return self.name.startswith("rabbit@")


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
    """What a broker says of its cluster. Raises NoAnswer unless it says all of it."""
    return Cluster(rabbitmq.evaluate(STATUS, of=of, seconds=seconds))


def look_all(names, seconds=60):
    """The same of several brokers at once: by name, a Cluster or the NoAnswer of one that did not say it."""
    answers = command.side_by_side([lambda name=name: look(name, seconds) for name in names])
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, StepError):
            raise answer
    return dict(zip(names, answers))


def on(name, call):
    """An Erlang call that the broker `name` is to run itself, as a part of an expression; it is a badrpc where it cannot.

    It goes over the brokers' own connection: a broker that leaves may be missing in the others' lists of hosts.
    """
    module, function, arguments = call
    return "rpc:call({}, {}, {}, {}, 120000)".format(erlang.atom(rabbitmq.node(name)), module, function, arguments)
