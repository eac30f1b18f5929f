"""Makes sure that the cluster has its administrator, and deletes the user guest.

The administrator has the tag, all permissions on the virtual host / and the password, which comes on standard input.
guest goes because everybody knows its password.
"""

import base64
import sys

from .. import erlang, host, rabbitmq
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 300
# On the virtual host /: configure, write and read everything.
PERMISSIONS = ["/", ".*", ".*", ".*"]
TAG = "administrator"
GUEST = "guest"

# Asks the broker's own store of users, as rabbitmqctl does. For clients another one (LDAP) may be asked first.
_STATE = """
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
{Users, Permissions, Authentic}
"""

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


class State:
    """The broker's answer about its users."""

    def __init__(self, user, answer):
        if (
            not isinstance(answer, tuple)
            or len(answer) != 3
            or not isinstance(answer[0], list)
            or answer[2] not in (True, False)
        ):
            raise NoAnswer("{}: the broker does not list its users".format(host.name()))
        users, permissions, self.has_password = answer
        self._tags = dict(users)
        self.is_there = user in self._tags
        self.tags = [str(tag) for tag in self._tags.get(user) or []]
        self.has_tag = TAG in self.tags
        self.has_permissions = PERMISSIONS in permissions
        self.has_guest = user != GUEST and GUEST in self._tags

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


def run(wanted):
    password = sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
    if not password:
        raise StepError("{}: no password for {} came on standard input".format(host.name(), wanted.user))
    try:
        make_whole(wanted.user, password)
    except StepError as failure:
        # A broker's error may quote the password.
        raise type(failure)(*[without(password, text) for text in (failure.message, failure.remedy, failure.log)])


def without(password, text):
    for secret in (password, base64.b64encode(password.encode("utf-8")).decode()):
        text = text.replace(secret, "***")
    return text


def make_whole(user, password):
    known = "User = {}, Password = {},".format(erlang.text(user), erlang.text(password))
    state = State(user, rabbitmq.evaluate(known + _STATE))
    calls = state.due()
    if not calls:
        return
    answer = rabbitmq.act(_ACT % (known, " ".join(call + "," for call in calls), _STATE.strip()))
    if isinstance(answer, tuple) and answer and answer[0] == "failed":
        raise StepError("{}: {} could not be made administrator: {}".format(host.name(), user, answer[1]))
    if State(user, answer).due():
        raise StepError("{}: {} is still no administrator with this password".format(host.name(), user))
