"""Makes sure that the cluster has its administrators, and deletes the user guest.

An administrator has the tag, all permissions on the virtual host / and the password, which comes on standard input.
guest goes because everybody knows its password. A former administrator that is no longer listed goes too, since its
password is still valid, but only once every member says that nobody is connected as it, or if its connections may be
closed. Only a user that this stack has made is deleted.
"""

import sys

from .. import clients, erlang, files, hidden, host, khepri, migration, rabbitmq
from ..arguments import listed
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 300
# The names of the administrators that this stack has made, one a line.
MARK = host.STATE + "/admin"
# On the virtual host /: configure, write and read everything.
PERMISSIONS = ["/", ".*", ".*", ".*"]
TAG = "administrator"
GUEST = "guest"

# Asks the broker's own store of users, as rabbitmqctl does. For clients another one (LDAP) may be asked first.
_STATE = (
    khepri.FENCE
    + """
Users = [{proplists:get_value(user, Each), proplists:get_value(tags, Each)}
  || Each <- rabbit_auth_backend_internal:list_users()],
Permissions = case lists:keymember(User, 1, Users) of
  true -> [[proplists:get_value(Key, Each) || Key <- [vhost, configure, write, read]]
    || Each <- rabbit_auth_backend_internal:list_user_permissions(User)];
  false -> []
end,
Authentic = case rabbit_auth_backend_internal:user_login_authentication(User, [{password, Password}]) of
  {ok, _} -> true;
  {refused, _, _} -> false
end,
{Users, Permissions, Authentic, @own_limits@}
""".replace("@own_limits@", migration.OWN_LIMITS)
)

# A failure reports its reason, and nothing of its arguments.
_ACT = """
%s
Actor = <<"rmq-cli">>,
try
  %s
  begin %s end
catch
  _:Reason -> {failed, iolist_to_binary(io_lib:format("~p", [Reason]))}
end
"""


# Of each former administrator: `gone`, or why it stays.
_LEAVE = (
    khepri.FENCE
    + clients.CONNECTIONS
    + """
{ok, _} = rabbit_auth_backend_internal:user_login_authentication(User, [{password, Password}]),
Delete = fun(N) -> ok = rabbit_auth_backend_internal:delete_user(N, <<"rmq-cli">>), gone end,
Leave = fun(N, Closing) ->
  try Closing orelse Connections(list_of_user, [N]) of
    true -> Delete(N);
    0 -> Delete(N);
    1 -> <<"somebody has a connection as it">>;
    Count -> Say("there are ~p connections as it", [Count])
  catch throw:Silent -> <<Silent/binary, ", so nobody knows who is connected as it">> end
end,
"""
)


class State:
    """The broker's answer about its users."""

    def __init__(self, user, answer):
        if (
            not isinstance(answer, tuple)
            or len(answer) != 4
            # A store that is not ready lists nobody.
            or not (isinstance(answer[0], list) and answer[0])
            or answer[2] not in (True, False)
        ):
            raise NoAnswer("{}: the broker does not list its users".format(host.name()))
        users, permissions, self.has_password, own_limits = answer
        self.is_kept_out = bool(migration.own_limits(own_limits))
        self._tags = dict(users)
        self.is_there = user in self._tags
        self.tags = [str(tag) for tag in self._tags.get(user) or []]
        self.has_tag = TAG in self.tags
        self.has_permissions = PERMISSIONS in permissions
        self.names = set(self._tags)
        self.has_guest = GUEST in self.names and user != GUEST

    def due(self):
        """Returns the changes to make, as Erlang expressions.

        guest is deleted last, because without an administrator nobody could log in.
        """
        users = "rabbit_auth_backend_internal"
        calls = []
        if not self.is_there:
            calls.append("ok = {}:add_user(User, Password, Actor)".format(users))
        elif not self.has_password:
            calls.append("ok = {}:change_password(User, Password, Actor)".format(users))
        if not self.has_tag:
            calls.append("ok = {}:set_tags(User, {}, Actor)".format(users, erlang.texts(self.tags + [TAG])))
        if not self.has_permissions:
            words = ", ".join(erlang.text(word) for word in PERMISSIONS)
            calls.append("ok = {}:set_permissions(User, {}, Actor)".format(users, words))
        if self.has_guest:
            calls.append("{{ok, _}} = {}:user_login_authentication(User, [{{password, Password}}])".format(users))
            calls.append("ok = {}:delete_user({}, Actor)".format(users, erlang.text(GUEST)))
        return calls


def arguments(parser):
    parser.add_argument("--user", required=True, help="the administrator's name")
    parser.add_argument("--also", type=listed, default=[], help="further administrators: a,b; a line of input each")
    parser.add_argument(
        "--close-connections", type=listed, default=[], help="former administrators who leave even if connected: a,b"
    )


def run(wanted):
    administrators = [(user, _password(user)) for user in [wanted.user] + wanted.also]
    try:
        make_all_whole(administrators, wanted.close_connections)
    except StepError as failure:
        raise hidden.without([password for _, password in administrators], failure)


def _password(user):
    password = sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
    if not password:
        raise StepError("{}: no password for {} came on standard input".format(host.name(), user))
    return password


def make_all_whole(administrators, closing):
    is_first_run = not host.exists(MARK)
    noted = [name for name in files.read(MARK, "").split("\n") if name]
    users = [user for user, _ in administrators]
    former = [name for name in noted if name not in users]
    own = [name for name in noted if name in users]
    known: set = set()
    for user, password in administrators:
        own, known = make_whole(user, password, former, own, is_first_run)
    leaving = [name for name in former if name in known and name != GUEST]
    stays = delete_former(leaving, administrators[0], closing) if leaving else {}
    _note(list(stays) + own)
    if stays:
        raise StepError(
            "\n".join(
                "{}: the former administrator {} is not deleted: {}".format(host.name(), name, why)
                for name, why in stays.items()
            ),
            "Once every broker runs and nobody is connected, run npm run up again. To close these connections: npm run"
            " rotate -- administrator --finish --close-connections, or write closeConnections: [{}] into the stack's"
            " file.".format(", ".join(stays)),
        )


def make_whole(user, password, former, own, is_first_run):
    """Makes one administrator. Returns which of them the stack has made, and the names of all users before."""
    known = _known(user, password)
    state = State(user, rabbitmq.evaluate(known + _STATE))
    if state.is_kept_out and not state.is_there:
        migration.refuse("the new administrator {}".format(user))
    # At the first run a user with this password was made by an earlier release, which noted nothing. Any other one that is
    # there already is somebody's own: it becomes the administrator, but is never deleted.
    is_own = not state.is_there or (is_first_run and state.has_password)
    if is_own and user not in own:
        own = own + [user]
    # Before anything is changed: a run that ends half-way must leave no doubt about whose the users are.
    _note(former + own)
    calls = state.due()
    if calls:
        answer = rabbitmq.act(_ACT % (known, " ".join(call + "," for call in calls), _STATE.strip()))
        if isinstance(answer, tuple) and answer and answer[0] == "failed":
            raise StepError("{}: {} could not be made administrator: {}".format(host.name(), user, answer[1]))
        if State(user, answer).due():
            raise StepError("{}: {} is still no administrator with this password".format(host.name(), user))
    if state.is_there and not state.has_password:
        print("changed the password of {}: who uses the former one is refused from now on;".format(user))
        print("npm run rotate -- administrator changes to another administrator without that")
    return own, state.names


def delete_former(names, administrator, closing):
    """Deletes former administrators. Returns by the name of each that stays why it does.

    closing: those whose connections may be closed.
    """
    calls = ["Leave({}, {})".format(erlang.text(name), str(name in closing).lower()) for name in names]
    answer = rabbitmq.act("{}{}[{}]".format(_known(*administrator), _LEAVE, ", ".join(calls)))
    if not isinstance(answer, list) or len(answer) != len(names):
        raise NoAnswer("{}: the broker does not say which former administrators it has deleted".format(host.name()))
    for name, said in zip(names, answer):
        if said == "gone":
            closed = ", and closed its connections" if name in closing else ""
            print("deleted the former administrator {}{}".format(name, closed))
    return {name: str(said) for name, said in zip(names, answer) if said != "gone"}


def _known(user, password):
    return "User = {}, Password = {},".format(erlang.text(user), erlang.text(password))


def _note(names):
    files.write(MARK, "".join(name + "\n" for name in names))
