"""The broker's report of its condition: why it does not serve, or whether it is healthy, in one question each."""

from . import khepri, passed_over, plugins, policies, rabbitmq
from .errors import NoAnswer

# Each part has its own `try`, because few of them work while RabbitMQ does not run on its Erlang node.
_STATE = """
Try = fun(Ask) -> try Ask() catch _:_ -> unknown end end,
State = #{{
  running => Try(fun() -> rabbit:is_running() end),
  booting => Try(fun() -> rabbit_boot_state:get() =:= booting end),
  drained => Try(fun() -> rabbit_maintenance:is_being_drained_local_read(node()) end),
  listeners => Try(fun() ->
    Names = case ranch:info() of
      Known when is_map(Known) -> maps:keys(Known);
      Known -> [Name || {{Name, _}} <- Known]
    end,
    [{{ranch:get_status(Name), ranch:get_port(Name)}} || Name <- Names]
  end)}},
maps:merge(State, #{{{more}}})
"""
_MORE = """
  passed_over => Try(fun() -> {passed_over} end),
  partition_handling => Try(fun() -> {{ok, How}} = application:get_env(rabbit, cluster_partition_handling), How end),
  has_majority => Try(fun() ->
    case {khepri} of
      true -> {majority};
      false -> unused
    end
  end),
  is_cut_off => Try(fun() ->
    case {khepri} of
      true -> {cut_off};
      false -> unused
    end
  end),
  ended => Try(fun() -> {ended} end),
  lacks_policy => Try(fun() -> {lacks_policy} end)
"""
STATE = _STATE.format(more="")
HEALTH = _STATE.format(
    more=_MORE.format(
        passed_over=passed_over.QUESTION,
        ended=plugins.ENDED,
        khepri=khepri.IS_ENABLED,
        majority=khepri.HAS_MAJORITY.strip(),
        cut_off=khepri.IS_CUT_OFF,
        lacks_policy=policies.MISSING,
    )
)


class Condition:
    """The broker's answer. A part is None if the broker did not know it or was not asked for it.

    running: whether RabbitMQ runs, and not only its Erlang node.
    booting: whether it is being started.
    drained: whether it is in maintenance mode.
    is_suspended: whether its listeners accept no connections (`rabbitmqctl suspend_listeners`).
    ports: the ports that it listens on.
    passed_over: whether this is the next broker to restart of those that the others pass over (agent/passed_over.py).
    partition_handling: how it handles a partition, as cluster_partition_handling in rabbitmq.conf says it; "khepri" with
      Khepri, where that key means nothing.
    has_majority: with Khepri, whether a majority of the members answers it, without which nothing can be changed.
    is_cut_off: with Khepri, whether it is connected to less than a majority of three members or more.
    ended: the enabled plug-ins, and what they need, that have ended.
    lacks_policy: whether a virtual host lacks the stack's policy, and this broker is the one to set it.
    """

    def __init__(self, answer):
        if not isinstance(answer, dict) or not isinstance(answer.get("running"), bool):
            raise NoAnswer("the broker does not say whether it runs")
        self.running = answer["running"]
        self.booting = _truth(answer.get("booting"))
        self.drained = _truth(answer.get("drained"))
        listeners = answer.get("listeners")
        self.is_suspended, self.ports = None, None
        if isinstance(listeners, list):
            self.is_suspended = any(status == "suspended" for status, _ in listeners)
            self.ports = [port for status, port in listeners if status != "suspended"]
        self.passed_over = _truth(answer.get("passed_over"))
        self.has_majority = _truth(answer.get("has_majority"))
        self.is_cut_off = _truth(answer.get("is_cut_off"))
        uses_khepri = self.has_majority is not None
        self.partition_handling = "khepri" if uses_khepri else _handling(answer.get("partition_handling"))
        self.lacks_policy = _truth(answer.get("lacks_policy"))
        ended = answer.get("ended")
        self.ended = [str(name) for name in ended] if isinstance(ended, list) else None


def _truth(value):
    return value if isinstance(value, bool) else None


def _handling(value):
    # pause_if_all_down comes with its nodes, and with what follows when they are back.
    name = value[0] if isinstance(value, tuple) and value else value
    return str(name) if isinstance(name, str) and name != "unknown" else None


def ask(question, seconds):
    """Asks this host's broker for STATE or HEALTH. Raises Silence without an answer, NoAnswer if it is incomplete."""
    return Condition(rabbitmq.evaluate(question, seconds=seconds))
