"""Makes users with their passwords, and changes those passwords that are others.

They come on standard input, one a line, each with a password or the hash of one. A new user may do nothing until it has
permissions. Users that are not named stay as they are.
"""

import base64
import sys

from .. import defined, definitions, erlang, hidden, host, jsontext, khepri, migration, rabbitmq
from ..arguments import listed
from ..errors import NoAnswer, StepError
from .policy import first_that_answers

TIMEOUT_SECONDS = 600

# The broker's own store of users. The answer has no secret.
_LOOK = (
    khepri.FENCE
    + """
Wanted = [@users@],
All = [proplists:get_value(user, U) || U <- rabbit_auth_backend_internal:list_users()],
Right = fun(N, {password, P}) ->
    case rabbit_auth_backend_internal:user_login_authentication(N, [{password, P}]) of {ok, _} -> true; _ -> false end;
  (N, {hash, H, Algorithm}) ->
    {ok, U} = rabbit_auth_backend_internal:lookup_user(N),
    internal_user:get_password_hash(U) =:= H andalso
      rabbit_auth_backend_internal:hashing_module_for_user(U) =:= Algorithm
end,
true = All =/= [],
#{note => @noted@, own_limits => @own_limits@, users => [case lists:member(N, All) of
  true -> case Right(N, Secret) of true -> same; false -> other end; false -> missing end || {N, Secret} <- Wanted]}
""".replace("@noted@", defined.NOTED).replace("@own_limits@", migration.OWN_LIMITS)
)

# A failure reports its reason, and nothing of its arguments.
_CHANGE = """
try
  begin @steps@ ok end
catch
  error:{badmatch, {error, Reason}} -> {failed, iolist_to_binary(io_lib:format("~tp", [Reason]))};
  _:{error, Reason} -> {failed, iolist_to_binary(io_lib:format("~tp", [Reason]))};
  _:_ -> {failed, <<"it does not say why">>}
end
"""
_USERS = "rabbit_auth_backend_internal"


class User:
    def __init__(self, fields):
        self.name = fields["name"]
        self.key = jsontext.dumps(["user", self.name])
        self.password = fields.get("password")
        self.hash = fields.get("password_hash")
        self.algorithm = fields.get("hashing_algorithm")
        self.is_generated = fields.get("generated") is True

    def source(self):
        name = erlang.text(self.name)
        if self.password is not None:
            return "{{{}, {{password, {}}}}}".format(name, erlang.text(self.password))
        return "{{{}, {{hash, {}, {}}}}}".format(name, self._hash(), erlang.atom(self.algorithm))

    def _hash(self):
        return 'base64:decode(<<"{}">>)'.format(base64.b64encode(base64.b64decode(self.hash)).decode())

    def making(self):
        name = erlang.text(self.name)
        if self.password is not None:
            return "ok = {}:add_user({}, {}, {}),".format(_USERS, name, erlang.text(self.password), defined.ACTOR)
        known = "#{{name => {}, password_hash => {}, hashing_algorithm => {}, tags => []}}".format(
            name, erlang.text(self.hash), erlang.text(self.algorithm)
        )
        return "_ = {}:put_user({}, {}),".format(_USERS, known, defined.ACTOR)

    def changing(self):
        name = erlang.text(self.name)
        if self.password is not None:
            words = "ok = {}:change_password({}, {}, {}),"
            return words.format(_USERS, name, erlang.text(self.password), defined.ACTOR)
        return "_ = {}:change_password_hash({}, {}, {}),".format(
            _USERS, name, self._hash(), erlang.atom(self.algorithm)
        )


def arguments(parser):
    parser.add_argument("--members", required=True, type=listed, help="every broker: a,b,c")


def run(wanted):
    users = [User(jsontext.loads(text)) for _, text in definitions.lines(sys.stdin.read())]
    try:
        make_whole(users, wanted.members)
    except StepError as failure:
        raise hidden.without([secret for user in users for secret in (user.password, user.hash) if secret], failure)


def make_whole(users, members):
    member, (noted, states, own_limits) = first_that_answers(members, lambda each: _look(users, each))
    _refuse_unknown_passwords(users, states, noted)
    missing = [user for user in users if states[user.name] == "missing"]
    other = [user for user in users if states[user.name] == "other"]
    if missing and own_limits:
        migration.refuse("the new users {}".format(", ".join(user.name for user in missing)))
    if missing or other:
        keys = noted + [user.key for user in missing if user.key not in noted]
        # Noted before they are there, so that a killed run leaves none that is nobody's.
        steps = [defined.note(keys)] if keys != noted else []
        steps += [user.making() for user in missing] + [user.changing() for user in other]
        answer = rabbitmq.act(_CHANGE.replace("@steps@", " ".join(steps)), of=member)
        if answer != "ok":
            raise StepError("{}: a user could not be made or changed: {}".format(host.name(), _reason(answer)))
        _, states, _ = _look(users, member)
        wrong = [user.name for user in users if states[user.name] != "same"]
        if wrong:
            raise StepError("{}: still without this password: {}".format(host.name(), ", ".join(wrong)))
    print("made {}, changed {}, of {} users".format(len(missing), len(other), len(users)))


def _reason(answer):
    return answer[1] if isinstance(answer, tuple) and len(answer) == 2 else answer


def _look(users, member):
    question = _LOOK.replace("@users@", ", ".join(user.source() for user in users))
    answer = rabbitmq.evaluate(question, of=member, seconds=120)
    states = rabbitmq.field(answer, "users", list)
    if len(states) != len(users) or any(state not in ("same", "other", "missing") for state in states):
        raise NoAnswer("{} does not say which users there are".format(member))
    by_name = dict(zip((user.name for user in users), states))
    return (
        rabbitmq.field(answer, "note", list),
        by_name,
        migration.own_limits(rabbitmq.field(answer, "own_limits", list)),
    )


def _refuse_unknown_passwords(users, states, noted):
    """Refuses to change the password of somebody else's user to one that nobody has chosen."""
    theirs = [
        user.name for user in users if user.is_generated and states[user.name] == "other" and user.key not in noted
    ]
    if theirs:
        raise StepError(
            "{}: nothing was changed: these users exist already, with passwords that the stack does not know: {}".format(
                host.name(), ", ".join(theirs)
            ),
            "Set userPasswords for them, or write their password_hash into the definitions.",
        )
