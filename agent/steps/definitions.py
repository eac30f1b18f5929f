"""Makes and changes the virtual hosts, permissions, policies, exchanges, queues and bindings that are defined.

They come on standard input, one a line. What exists and is not among them stays as it is. What the stack has made and
no longer names is removed if nobody uses it. The users are there already (definition-users); they get their tags here.
What has become the stack's own otherwise (an administrator, the policy of its queues) is no longer the definitions'.
"""

import sys

from .. import defined, definitions, host, migration, policies, undefine
from ..arguments import listed
from ..errors import StepError
from .policy import first_that_answers

TIMEOUT_SECONDS = 1200
NAMED = 10


def arguments(parser):
    parser.add_argument("--members", required=True, type=listed, help="every broker: a,b,c")
    parser.add_argument(
        "--administrators", type=listed, default=[], help="users that are the stack's administrators: a,b"
    )
    parser.add_argument(
        "--policy", default="", help="the name of the policy of the stack's queues, in any virtual host"
    )
    parser.add_argument("--clear", action="store_true", help="nothing is defined any more")


def run(wanted):
    objects, removable = ({}, []) if wanted.clear else definitions.read(sys.stdin.read())
    member, facts = first_that_answers(wanted.members, defined.look)
    missing, different = _due(objects, facts)
    _refuse_fixed(different, facts)
    _refuse_missing_users(missing)
    _refuse_limits(different, facts)
    noted = [key for key in facts.noted if not _is_of_other_steps(key, wanted)]
    former = [facts.objects[key] for key in noted if key not in objects and key in facts.objects]
    _refuse_ambiguous(former, list(facts.objects.values()) + missing, removable)
    made = [key for key in noted if key in facts.objects or key in objects]
    made += [each.key for each in missing if each.key not in made]
    after = _make(missing, different, facts, made, member)
    stays = undefine.remove(former, removable, member) if former else {}
    left = [key for key in made if key in objects or key in stays]
    if left != (made if missing else facts.noted):
        after = defined.change([defined.note(left)], member)
    _check(objects, after)
    gone = [each.title for each in former if each.key not in stays]
    _tell(missing, different, gone, stays, len(objects))


def _is_of_other_steps(key, wanted):
    fields = definitions.fields_of(key)
    kind = fields["kind"]
    user = fields["name"] if kind == "user" else fields.get("user")
    return user in wanted.administrators or (kind == "policy" and fields["name"] == wanted.policy)


def _due(objects, facts):
    """Returns the objects that are not there, and those that are there and otherwise."""
    missing = [each for key, each in objects.items() if key not in facts.objects]
    different = [
        each for key, each in objects.items() if key in facts.objects and each.differs_from(facts.objects[key])
    ]
    return missing, different


def _refuse_fixed(different, facts):
    words = []
    for each in different:
        if each.kind in definitions.FIXED:
            other = facts.objects[each.key]
            fields = each.differs_from(other)
            has = ", ".join("{} {}".format(name, other.fields.get(name)) for name in fields)
            shall = ", ".join("{} {}".format(name, each.fields[name]) for name in fields)
            words.append("{}: it has {}, and shall have {}".format(each.title, has, shall))
    if words:
        raise StepError(
            "{}: nothing was changed: what exists has other properties, which nobody can change in place".format(
                host.name()
            ),
            "State what it has, or delete it when it is empty, or give it another name.",
            "\n".join(words),
        )


def _refuse_missing_users(missing):
    users = [each.title for each in missing if each.kind == "user"]
    if users:
        raise StepError(
            "{}: nothing was changed: these are not there: {}".format(host.name(), ", ".join(users)),
            "Run npm run up -- --repair, which makes them again.",
        )


def _refuse_limits(different, facts):
    limited = [
        each.title
        for each in different
        if each.kind == "user" and "limits" in each.differs_from(facts.objects[each.key])
    ]
    if limited and facts.own_limits:
        migration.refuse("the limits of {}".format(_named(limited)))


def _refuse_ambiguous(former, known, removable):
    """Refuses to remove what is used, where a title in `remove` may mean another object."""
    for each in former:
        others = [other for other in known if other.title == each.title]
        if each.title in removable and len(others) > 1:
            raise StepError(
                "{}: nothing was changed: definitions.remove has {}, which is the title of {} objects: {}".format(
                    host.name(), each.title, len(others), " and ".join(sorted(other.key for other in others))
                ),
                "Take it out of definitions.remove, and delete the one that shall go yourself, with rabbitmqctl or in the"
                " management UI.",
            )


def _make(missing, different, facts, made, member):
    """Makes and changes what is due. Returns what the broker has then."""
    vhosts = [each for each in missing + different if each.kind == "vhost"]
    new = [each for each in missing if each.kind == "vhost"]
    users = [defined.user(each, facts.objects[each.key]) for each in different if each.kind == "user"]
    rest = [each for each in missing + different if each.kind not in ("vhost", "user")]
    # Noted before it is there, so that a killed run leaves nothing that is nobody's.
    steps = [defined.note(made)] if missing else []
    if vhosts:
        steps += [defined.importing(new), defined.metadata(vhosts)]
    if new:
        facts = defined.change(steps, member)
        steps = []
        # Before there are queues: a queue keeps its type.
        policies.spread(of=member)
    steps += users + [defined.importing(rest)]
    return defined.change(steps, member) if any(steps) else facts


def _check(objects, facts):
    missing, different = _due(objects, facts)
    if missing or different:
        raise StepError(
            "{}: still not as defined: {}".format(host.name(), _named([each.title for each in missing + different])),
            "The broker's log says why. Run this again once all brokers run.",
        )


def _tell(missing, different, gone, stays, count):
    for word, titles in (
        ("made", [each.title for each in missing]),
        ("changed", [each.title for each in different]),
        ("removed", gone),
    ):
        if titles:
            print("{} {}: {}".format(word, len(titles), _named(titles)))
    print("{} objects are as defined".format(count))
    # First what is in use itself.
    for key in sorted(stays, key=lambda each: (" needs it" in stays[each], each))[:NAMED]:
        print("no longer defined, and stays: {} ({})".format(definitions.title_of(key), stays[key]))
    if stays:
        print(
            "{} objects stay; one that shall go all the same goes into definitions.remove,"
            " in the words before the brackets".format(len(stays))
        )


def _named(titles):
    rest = ["and {} more".format(len(titles) - NAMED)] if len(titles) > NAMED else []
    return ", ".join(titles[:NAMED] + rest)
