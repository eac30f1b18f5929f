"""Sets or clears a policy in every virtual host, and checks that every member lists it.

The default type of the queues goes with it. If the name has changed, the former policy is cleared once the new one is
set. A policy is cleared only if a member says that it exists. If no member answers, nothing counts as cleared.
Somebody else's policy of the same name, in another virtual host than /, is named and stays.
"""

import sys

from .. import clock, files, host, policies, rabbitmq
from ..arguments import listed
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 300

# Where releases before the note in the cluster noted the names, one a line, that the stack had set in /.
MARK = host.STATE + "/policy-name"
# Release 0.1.0 recorded the machine's identity before the name.
OLD_MARK = host.STATE + "/policy"


def arguments(parser):
    parser.add_argument("--name", required=True, help="the policy's name")
    parser.add_argument("--pattern", help="a regular expression on names of queues and exchanges")
    parser.add_argument("--definition", help="what the policy does, as JSON")
    parser.add_argument("--apply-to", default="all", help="what it applies to, such as queues; all unless given")
    parser.add_argument("--queue-type", default="classic", help="the type of a queue that is declared without one")
    parser.add_argument("--clear", action="store_true", help="clear it instead")
    parser.add_argument("--members", required=True, type=listed, help="every broker: a,b,c")


def run(wanted):
    if wanted.clear:
        clear(wanted.name, wanted.members)
    elif wanted.pattern is None or wanted.definition is None:
        raise StepError("a policy needs --pattern and --definition")
    else:
        text = policies.text(wanted.name, wanted.pattern, wanted.definition, wanted.apply_to, wanted.queue_type)
        set_everywhere(text, wanted.members)


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
    member, facts = first_that_answers(members, lambda each: policies.look(policies.text(name), each))
    others = [text for text in facts.noted if text["name"] != name]
    if len(others) < len(facts.noted):
        # Now no watch sets it again. What is noted still says which policies are the stack's.
        policies.note(facts.noted, member, wants=False)
    if any(each == name for _, each in facts.seen[member]):
        policies.remove([name], member, facts.seen[member])
    if len(others) < len(facts.noted):
        policies.note(others, member, wants=False)
    print("the policy {} is cleared".format(name))


def set_everywhere(text, members):
    member, facts = first_that_answers(members, lambda each: policies.look(text, each))
    noted = [each for each in facts.noted or _noted_on_this_host() if each != text]
    is_ours = any(each["name"] == text["name"] for each in noted)
    if noted and (is_ours or (policies.VHOST, text["name"]) not in facts.seen[member]):
        # Noted before it is set, so that a run that takes the name back can clear it. An existing policy of a new name
        # is somebody else's until the stack has set it.
        policies.note([*noted, text], member)
    taker = _set(text, members)
    others, other_types = _spread([*noted, text], taker, members)
    # Only what this stack has set is cleared. After an interrupted rename both names are noted.
    former = sorted({each["name"] for each in noted} - {text["name"]})
    if former:
        policies.remove(former, taker, facts.seen[member])
    if noted:
        policies.note([text], taker)
    # What was noted here is noted in the cluster now.
    for mark in (MARK, OLD_MARK):
        files.remove(mark)
    _name_others(text, others, other_types)


def _spread(texts, taker, members):
    """Sets the policy in the other virtual hosts, and waits until every member lists it in all of them.

    Returns the virtual hosts with somebody else's policy of that name, and those with another default type.
    """
    text = texts[-1]
    missing = list(members)
    failures = [""]
    others: list = []
    other_types: list = []

    def agreed():
        # Again and again, since virtual hosts come and go meanwhile.
        try:
            _, others[:], other_types[:] = policies.spread(texts, taker)
            facts = policies.look(text, taker, members)
        except StepError as failure:
            failures[:] = [failure.log or failure.message]
            return False
        failures[:] = [""]
        places = [(vhost, text["name"]) for vhost in facts.vhosts if vhost not in others]
        missing[:] = [
            name for name in members if not all(facts.seen.get(name, {}).get(place) is True for place in places)
        ]
        return not missing

    clock.await_(
        agreed,
        60,
        lambda: StepError(
            "{}: after 60 s the policy {} is not seen on every member; missing on: {}".format(
                host.name(), text["name"], ", ".join(missing)
            ),
            "start these brokers, and run this again",
            failures[0],
        ),
    )
    return others, other_types


def _name_others(text, others, other_types):
    if others:
        print(
            "somebody else's policy {} stays in: {}; to have the stack's there, clear it".format(
                text["name"], ", ".join(others)
            )
        )
    if other_types:
        print(
            "another default queue type than {} stays in: {}; to change it, run"
            " rabbitmqctl update_vhost_metadata NAME --default-queue-type {}".format(
                text["queue-type"], ", ".join(other_types), text["queue-type"]
            )
        )


def _noted_on_this_host():
    noted = files.read(MARK, "")
    if not noted:
        noted = files.read(OLD_MARK, "").split(" ", 1)[-1]
    # Only \n ends a line here: a name can contain any other character that str.splitlines splits at.
    return [policies.text(line) for line in noted.split("\n") if line]


def _set(text, members):
    """Sets the policy in /. Returns the member that took it, the first that could."""
    said = []
    name, definition = text["name"], text["definition"]
    for member in members:
        words = ["set_policy", "-p", policies.VHOST, "--apply-to", text["apply-to"], name, text["pattern"], definition]
        try:
            rabbitmq.tell(*words, of=member, seconds=60)
            return member
        except StepError as refused:
            if "not recognised" in refused.log:
                raise StepError(
                    "the policy {} ({}) is refused by {}: RabbitMQ 4 has no mirrored queues any more".format(
                        name, definition, member
                    ),
                    "Use quorum queues instead, which are replicated by themselves: set rabbitmq.queues to quorum, and"
                    " give rabbitmq.policy a definition without ha-mode and ha-sync-mode, or remove it. Or choose an os"
                    " with RabbitMQ 3.",
                    refused.log,
                )
            said.append("{} did not take the policy {}: {}".format(member, name, refused.log or refused.message))
            print(said[-1].splitlines()[0], file=sys.stderr)
    raise StepError("no member took the policy {}".format(name), "start a broker, and run this again", "\n".join(said))
