"""Sets or clears a policy of the virtual host /, and checks that every member lists it.

If the name has changed, the former policy is cleared once the new one is set. A policy is cleared only if a member says
that it exists. If no member answers, nothing counts as cleared.
"""

import sys

from .. import clock, erlang, files, host, rabbitmq
from ..arguments import listed
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 300

# The names under which the policy was set, one a line: this stack may clear only these.
MARK = host.STATE + "/policy-name"
# Release 0.1.0 recorded the machine's identity before the name.
OLD_MARK = host.STATE + "/policy"
VHOST = "/"

# The virtual host's policies, as each of some brokers lists them, asked over the brokers' own connections.
_LISTED = """
[{N, case rpc:call(N, rabbit_policy, list, [%s], 30000) of
  {badrpc, Reason} -> {silent, iolist_to_binary(io_lib:format("~0p", [Reason]))};
  List -> [{proplists:get_value(name, P), proplists:get_value(pattern, P), P} || P <- List]
end} || N <- %s]
"""


def arguments(parser):
    parser.add_argument("--name", required=True, help="the policy's name")
    parser.add_argument("--pattern", help="a regular expression on names of queues and exchanges")
    parser.add_argument("--definition", help="what the policy does, as JSON")
    parser.add_argument("--clear", action="store_true", help="clear it instead")
    parser.add_argument("--members", required=True, type=listed, help="every broker: a,b,c")


def run(wanted):
    if wanted.clear:
        clear(wanted.name, wanted.members)
    elif wanted.pattern is None or wanted.definition is None:
        raise StepError("a policy needs --pattern and --definition")
    else:
        set_everywhere(wanted)


def policies(member, others=()):
    """Returns the virtual host's policies as a member and others list them: {broker: {name: (pattern, all of it)}}.

    A broker that does not list them is left out. Raises NoAnswer if the asked member itself does not.
    """
    names = [member] + [name for name in others if name != member]
    question = _LISTED % (erlang.text(VHOST), erlang.atoms(rabbitmq.node(name) for name in names))
    answer = rabbitmq.evaluate(question, of=member)
    if not isinstance(answer, list) or len(answer) != len(names):
        raise NoAnswer("{} does not say which policies there are".format(member))
    found = {
        rabbitmq.short(broker): {name: (pattern, whole) for name, pattern, whole in listed}
        for broker, listed in answer
        if isinstance(listed, list)
    }
    if member not in found:
        raise NoAnswer("{} does not list its policies".format(member))
    return found


def first_that_answers(members, ask):
    """Returns the first member that answers, and its answer. Raises NoAnswer with each member's message."""
    said = []
    for member in members:
        try:
            return member, ask(member)
        except NoAnswer as silent:
            said.append("{}: {}".format(member, silent.log.strip().splitlines()[-1] if silent.log else silent.message))
    raise NoAnswer("{}: no member answers".format(host.name()), "start a broker, and run this again", "\n".join(said))


def clear(name, members):
    member, found = first_that_answers(members, policies)
    if name in found[member]:
        rabbitmq.tell("clear_policy", "-p", VHOST, name, of=member)
    print("the policy {} is cleared".format(name))


def set_everywhere(wanted):
    _note_before(wanted)
    taker = _set(wanted)

    missing = list(wanted.members)

    def agreed():
        try:
            seen = policies(taker, wanted.members)
        except NoAnswer:
            return False
        right = seen[taker].get(wanted.name)
        if right is None or right[0] != wanted.pattern:
            missing[:] = [taker]
        else:
            missing[:] = [name for name in wanted.members if seen.get(name, {}).get(wanted.name) != right]
        return not missing

    clock.await_(
        agreed,
        60,
        lambda: StepError(
            "{}: after 60 s the policy {} is not seen on every member; missing on: {}".format(
                host.name(), wanted.name, ", ".join(missing)
            ),
            "start these brokers, and run this again",
        ),
    )
    # Only what this stack has set is cleared. After an interrupted rename both names are recorded.
    for former in [each for each in _noted() if each != wanted.name]:
        if former in policies(taker)[taker]:
            rabbitmq.tell("clear_policy", "-p", VHOST, former, of=taker)
    files.write(MARK, wanted.name + "\n")
    files.remove(OLD_MARK)


def _note_before(wanted):
    """Records a new name before the policy is set, so that a run that takes the name back can clear the policy.

    An existing policy of that name is not recorded: until this stack has set it, it is somebody else's.
    """
    noted = _noted()
    if not noted or wanted.name in noted:
        return
    member, found = first_that_answers(wanted.members, policies)
    if wanted.name not in found[member]:
        files.write(MARK, "".join(each + "\n" for each in [*noted, wanted.name]))


def _noted():
    text = files.read(MARK, "")
    if not text:
        text = files.read(OLD_MARK, "").split(" ", 1)[-1]
    # Only \n ends a line here: a name can contain any other character that str.splitlines splits at.
    return [line for line in text.split("\n") if line]


def _set(wanted):
    """Sets the policy. Returns the member that took it, the first that could."""
    said = []
    for member in wanted.members:
        words = ["set_policy", "-p", VHOST, wanted.name, wanted.pattern, wanted.definition]
        try:
            rabbitmq.tell(*words, of=member, seconds=60)
            return member
        except StepError as refused:
            if "not recognised" in refused.log:
                raise StepError(
                    "the policy {} ({}) is refused by {}: RabbitMQ 4 has no mirrored queues any more".format(
                        wanted.name, wanted.definition, member
                    ),
                    "Use quorum queues instead, which are replicated by themselves: set"
                    " rabbitmq.settings.default_queue_type to quorum, and give rabbitmq.policy a definition without"
                    " ha-mode and ha-sync-mode. Or choose an os with RabbitMQ 3.",
                    refused.log,
                )
            said.append("{} did not take the policy {}: {}".format(member, wanted.name, refused.log or refused.message))
            print(said[-1].splitlines()[0], file=sys.stderr)
    raise StepError(
        "no member took the policy {}".format(wanted.name), "start a broker, and run this again", "\n".join(said)
    )
