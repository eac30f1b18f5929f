"""The administrator: each goal is reached by itself, users are deleted last, and the password is never shown."""

import base64
import io
import re
import sys
import unittest

from agent import clients, erlang, khepri

from .support import Atom, Ended, HostTest, evaluated

PASSWORD = 'p$w`"# ü'
ADMIN = ("admin", "--user", "admin")
OPS = ("admin", "--user", "ops")
MARK = "/var/lib/rabbitmq-ha/admin"
ALL = ["/", ".*", ".*", ".*"]


class Broker:
    """A broker's store of users, as far as the step reads it; commands change it."""

    def __init__(self, **users):
        self.users = {
            name: dict({"tags": [], "permissions": [], "password": None}, **user) for name, user in users.items()
        }
        self.refuses = {}
        self.own_limits = []
        # By name, why one stays: what a member says of its connections.
        self.connected = {}

    def answer(self, call):
        if "Leave = fun" in call.stdin:
            return self.leave(call)
        user = decoded(re.search(r"User = (.*?),", call.stdin).group(1))
        self.given = decoded(re.search(r"Password = (.*?),", call.stdin).group(1))
        for action, words in re.findall(r"ok = rabbit_auth_backend_internal:(\w+)\((.*?), Actor\)", call.stdin):
            if action in self.refuses:
                return (Atom("failed"), self.refuses[action])
            self.act(action, user, words)
        own = self.users.get(user)
        tags = [(name, [Atom(tag) for tag in each["tags"]]) for name, each in self.users.items()]
        is_authentic = bool(own and own["password"] == self.given)
        return (tags, own["permissions"] if own else [], is_authentic, self.own_limits)

    def leave(self, call):
        said = []
        for name, closing in re.findall(r"Leave\((base64:decode\(.*?\)), (true|false)\)", call.stdin):
            name = decoded(name)
            if closing == "false" and name in self.connected:
                said.append(self.connected[name])
            else:
                del self.users[name]
                said.append(Atom("gone"))
        return said

    def act(self, action, user, words):
        own = self.users.setdefault(user, {"tags": [], "permissions": [], "password": None})
        if action in ("add_user", "change_password"):
            own["password"] = self.given
        elif action == "set_tags":
            own["tags"] = own["tags"] + ["administrator"]
        elif action == "set_permissions":
            own["permissions"] = [ALL]
        elif action == "delete_user":
            assert own["password"] == self.given and "administrator" in own["tags"] and ALL in own["permissions"]
            del self.users[decoded(words)]


def decoded(source):
    """Returns the text that Erlang source from erlang.text has."""
    return base64.b64decode(re.search(r'"(.*?)"', source).group(1)).decode("utf-8")


WHOLE = {"tags": ["administrator"], "permissions": [ALL], "password": PASSWORD}


class Admin(HostTest):
    def broker(self, **users):
        self.store = Broker(**(users or {"guest": {}}))
        self.on("rabbitmqctl eval", lambda call: evaluated(self.store.answer(call)))

    def step(self, *words):
        real, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO((self.given + "\n").encode()))
        try:
            return super().step(*words)
        finally:
            sys.stdin = real

    def start(self):
        super().start()
        self.given = PASSWORD

    def is_whole(self):
        self.assertEqual({key: self.store.users["admin"][key] for key in WHOLE}, WHOLE)
        self.assertNotIn("guest", self.store.users)

    def test_a_new_cluster_has_its_administrator_and_no_guest_after_two_calls(self):
        self.broker(guest={"tags": ["administrator"]})
        self.works(*ADMIN)
        self.is_whole()
        self.assertEqual(len(self.calls), 2)

    def test_if_nothing_is_due_one_question_is_asked(self):
        self.broker(admin=WHOLE)
        self.works(*ADMIN)
        self.assertEqual(len(self.calls), 1)

    def test_each_goal_is_reached_by_itself(self):
        for lacking in ({"tags": ["monitoring"]}, {"permissions": []}, {"password": "another"}):
            self.start()
            self.broker(admin=dict(WHOLE, **lacking), guest={})
            self.works(*ADMIN)
            self.assertNotIn("guest", self.store.users)
            self.assertIn("administrator", self.store.users["admin"]["tags"])
            self.assertEqual(self.store.users["admin"]["password"], PASSWORD)
            self.assertEqual(self.store.users["admin"]["permissions"], [ALL])
            calls = [
                name
                for name in ("add_user", "change_password", "set_tags", "set_permissions")
                if name in self.calls[1].stdin
            ]
            self.assertEqual(len(calls), 1, calls)

    def test_a_tag_of_the_administrators_own_stays(self):
        self.broker(admin=dict(WHOLE, tags=["monitoring"]))
        self.works(*ADMIN)
        self.assertIn(erlang.texts(["monitoring", "administrator"]), self.calls[1].stdin)

    def test_guest_stays_where_the_administrator_is_not_made(self):
        self.broker(guest={})
        self.store.refuses = {"set_permissions": '{error,{no_such_vhost,<<"/">>}}'}
        self.refuses(*ADMIN, because="no_such_vhost")
        self.assertIn("guest", self.store.users)

    def test_guest_is_not_deleted_without_the_list_of_users(self):
        self.sweep(lambda: self.broker(guest={}), ADMIN, ("delete_user",))
        for answer in [(), [], (None, [], True, []), ([], [], None, [])]:
            self.start()
            self.on("rabbitmqctl eval", evaluated(answer))
            self.refuses(*ADMIN, because="does not list its users")
            self.assertEqual(len(self.calls), 1)

    def test_an_administrator_named_guest_is_not_deleted(self):
        self.broker(guest=WHOLE)
        self.on("rabbitmqctl eval", lambda call: evaluated(([("guest", [Atom("administrator")])], [ALL], True, [])))
        self.works("admin", "--user", "guest")
        self.assertEqual(len(self.calls), 1)

    def names(self):
        return sorted(self.store.users)

    def test_a_former_administrator_is_deleted_once_the_new_one_is_whole(self):
        self.broker(guest={}, somebody={})
        self.works(*ADMIN)
        self.assertEqual(self.read(MARK), "admin\n")
        self.works(*OPS)
        self.assertEqual(self.names(), ["ops", "somebody"])
        self.assertEqual(self.read(MARK), "ops\n")
        self.works(*ADMIN)
        self.assertEqual(self.names(), ["admin", "somebody"])

    def test_what_an_earlier_release_made_is_noted_by_its_password(self):
        self.broker(admin=WHOLE)
        self.works(*ADMIN)
        self.works(*OPS)
        self.assertEqual(self.names(), ["ops"])

    def test_a_user_of_somebody_elses_is_never_deleted(self):
        # It was there before with another password, or the stack has made another one before it.
        for before, user in (((), dict(WHOLE, password="own")), ((OPS,), dict(WHOLE, password="own")), ((OPS,), WHOLE)):
            self.start()
            self.broker()
            for words in before:
                self.works(*words)
            self.store.users["admin"] = dict(user)
            self.works(*ADMIN)
            self.works(*ADMIN)
            self.works(*OPS)
            self.assertEqual(self.names(), ["admin", "ops"])

    def test_somebody_elses_stays_so_after_a_run_that_ended_half_way(self):
        self.broker(admin=dict(WHOLE, password="own"))
        self.on("change_password", lambda call: self.store.answer(call) and "")
        self.refuses(*ADMIN, because="did not answer in full")
        self.assertEqual(self.store.users["admin"]["password"], PASSWORD)
        self.broker(**self.store.users)
        self.works(*ADMIN)
        self.works(*OPS)
        self.assertEqual(self.names(), ["admin", "ops"])

    def test_a_former_one_stays_where_the_new_one_is_not_made(self):
        self.broker(admin=WHOLE)
        self.works(*ADMIN)
        self.store.refuses = {"set_permissions": '{error,{no_such_vhost,<<"/">>}}'}
        self.refuses(*OPS, because="no_such_vhost")
        self.assertIn("admin", self.names())
        self.store.refuses = {}
        self.works(*OPS)
        self.assertEqual(self.names(), ["ops"])

    def test_a_run_that_takes_the_name_back_leaves_no_other_administrator(self):
        self.broker(admin=WHOLE)
        self.works(*ADMIN)
        self.store.refuses = {"set_permissions": '{error,{no_such_vhost,<<"/">>}}'}
        self.refuses(*OPS)
        self.assertEqual(self.names(), ["admin", "ops"])
        self.store.refuses = {}
        self.works(*ADMIN)
        self.assertEqual(self.names(), ["admin"])

    def test_a_former_one_leaves_only_once_nobody_is_connected_as_it(self):
        for why in (
            "there are 3 connections as it",
            "rabbit@mq2 does not answer, so nobody knows who is connected as it",
        ):
            self.start()
            self.broker()
            self.works(*ADMIN)
            self.store.connected = {"admin": why}
            self.refuses(*OPS, because="the former administrator admin is not deleted: " + why)
            self.assertIn("closeConnections: [admin]", self.errors)
            self.assertEqual(self.names(), ["admin", "ops"])
            self.assertEqual(self.read(MARK), "admin\nops\n")
            self.assertNotIn("deleted", self.output)
            # It is asked anew, as long as it takes, until nobody is.
            self.refuses(*OPS, because="the former administrator admin is not deleted: " + why)
            self.store.connected = {}
            self.works(*OPS)
            self.assertEqual((self.names(), self.read(MARK)), (["ops"], "ops\n"))
            self.assertNotIn("closed its connections", self.output)

    def test_one_whose_connections_may_be_closed_leaves_and_another_one_stays(self):
        self.broker()
        self.rotate(["admin", "old"], ["new", PASSWORD])
        self.store.connected = {"admin": "there are 3 connections as it", "old": "there are 2 connections as it"}
        self.given = PASSWORD
        self.refuses(*OPS, "--close-connections", "admin,ops", because="former administrator old is not deleted")
        self.assertIn("deleted the former administrator admin, and closed its connections", self.output)
        self.assertEqual((self.names(), self.read(MARK)), (["old", "ops"], "old\nops\n"))

    def test_all_administrators_are_made_although_a_former_one_stays(self):
        self.broker()
        self.works(*ADMIN)
        self.store.connected = {"admin": "there are 3 connections as it"}
        self.given = "new\n" + PASSWORD
        self.refuses("admin", "--user", "ops", "--also", "boss", because="admin is not deleted")
        self.assertEqual(self.names(), ["admin", "boss", "ops"])

    def test_each_member_is_asked_in_the_call_that_deletes(self):
        self.broker()
        self.works(*ADMIN)
        self.works(*OPS)
        (asked,) = [call.stdin for call in self.calls if "Leave(" in call.stdin]
        self.assertIn(clients.CONNECTIONS, asked)
        self.assertIn("of\n    true -> Delete(N);\n    0 -> Delete(N);", asked)
        self.assertEqual(asked.count("delete_user"), 1)

    def test_half_an_answer_on_who_has_left_is_none(self):
        for answer in ([], (), None, [Atom("gone"), Atom("gone")]):
            self.start()
            self.broker()
            self.works(*ADMIN)
            self.on("Leave(", evaluated(answer))
            self.refuses(*OPS, because="does not say which former administrators it has deleted")
            self.assertEqual(self.read(MARK), "admin\nops\n")

    def test_a_former_one_is_not_deleted_without_the_list_of_users(self):
        def renamed():
            self.broker(admin=WHOLE)
            self.put(MARK, "admin\n")

        self.sweep(renamed, OPS, ("Leave(",))
        for answer in [(), [], (None, [], True, []), ([], [], None, [])]:
            self.start()
            self.put(MARK, "admin\n")
            self.on("rabbitmqctl eval", evaluated(answer))
            self.refuses(*OPS, because="does not list its users")
            self.assertEqual(len(self.calls), 1)
            self.assertEqual(self.read(MARK), "admin\n")

    def rotate(self, users, passwords):
        self.given = "\n".join(passwords)
        also = ["--also", ",".join(users[1:])] if users[1:] else []
        self.works("admin", "--user", users[0], *also)

    def test_two_administrators_are_valid_at_the_same_time_each_with_its_password(self):
        self.broker(guest={})
        self.works(*ADMIN)
        self.rotate(["ops", "admin"], ["new", PASSWORD])
        passwords = {name: user["password"] for name, user in self.store.users.items()}
        self.assertEqual(passwords, {"admin": PASSWORD, "ops": "new"})
        self.assertEqual(sorted(self.read(MARK).split()), ["admin", "ops"])
        before = len(self.calls)
        self.rotate(["ops", "admin"], ["new", PASSWORD])
        self.assertEqual(len(self.calls), before + 2)
        self.assertEqual(self.names(), ["admin", "ops"])

    def test_the_former_one_goes_at_the_end_of_the_rotation_and_says_so(self):
        self.broker()
        self.works(*ADMIN)
        self.rotate(["ops", "admin"], ["new", PASSWORD])
        self.rotate(["ops"], ["new"])
        self.assertEqual(self.names(), ["ops"])
        self.assertEqual(self.read(MARK), "ops\n")
        self.assertIn("deleted the former administrator admin\n", self.output)

    def test_a_second_one_that_is_somebody_elses_is_never_deleted(self):
        self.broker()
        self.works(*ADMIN)
        self.store.users["ops"] = dict(WHOLE, password="own")
        self.rotate(["ops", "admin"], ["new", PASSWORD])
        self.assertEqual(self.read(MARK), "admin\n")
        self.rotate(["admin"], [PASSWORD])
        self.assertEqual(self.names(), ["admin", "ops"])

    def test_a_list_without_any_user_is_no_answer_and_nobody_counts_as_made_by_the_stack(self):
        self.broker(ops=dict(WHOLE, password="theirs"))
        self.on("rabbitmqctl eval", evaluated(([], [], False, [])))
        self.refuses(*OPS, because="does not list its users")
        self.assertEqual(len(self.calls), 1)
        self.assertFalse(self.has(MARK))
        self.broker(**self.store.users)
        self.works(*OPS)
        self.works(*ADMIN)
        self.assertEqual(self.names(), ["admin", "ops"])

    def test_no_new_administrator_is_made_while_a_migration_keeps_everybody_out(self):
        self.broker(admin=WHOLE)
        self.works(*ADMIN)
        self.store.own_limits = [("admin", -1)]
        self.works(*ADMIN)
        self.refuses(*OPS, because="a migration keeps everybody out of this cluster")
        self.assertEqual((self.names(), self.read(MARK)), (["admin"], "admin\n"))

    def test_a_member_with_khepri_knows_all_users_before_it_lists_them(self):
        self.broker(guest={})
        self.works(*ADMIN)
        for call in self.calls:
            self.assertLess(call.stdin.index(khepri.FENCE.strip()), call.stdin.index("list_users"))

    def test_on_another_first_host_both_are_known_by_their_passwords(self):
        self.broker(admin=WHOLE, ops=dict(WHOLE, password="new"))
        self.rotate(["ops", "admin"], ["new", PASSWORD])
        self.rotate(["ops"], ["new"])
        self.assertEqual(self.names(), ["ops"])

    def test_a_rotation_that_ended_half_way_goes_on(self):
        self.broker()
        self.works(*ADMIN)
        self.store.refuses = {"set_permissions": '{error,{no_such_vhost,<<"/">>}}'}
        self.given = "new\n" + PASSWORD
        self.refuses("admin", "--user", "ops", "--also", "admin")
        self.assertEqual(self.store.users["admin"]["password"], PASSWORD)
        self.store.refuses = {}
        self.rotate(["ops", "admin"], ["new", PASSWORD])
        self.rotate(["ops"], ["new"])
        self.assertEqual(self.names(), ["ops"])

    def test_without_the_second_password_nothing_is_asked(self):
        self.broker()
        self.given = PASSWORD
        self.refuses("admin", "--user", "ops", "--also", "admin", because="no password for admin")
        self.assertEqual(self.calls, [])

    def test_a_password_that_is_changed_in_place_is_said_once_with_the_command_that_avoids_it(self):
        self.broker(admin=dict(WHOLE, password="another"))
        self.works(*ADMIN)
        self.assertIn("changed the password of admin", self.output)
        self.assertIn("npm run rotate -- administrator", self.output)
        self.assertNotIn(PASSWORD, self.output)
        self.works(*ADMIN)
        self.assertNotIn("changed the password", self.output)

    def test_a_change_without_effect_is_reported(self):
        self.broker(guest={})
        self.store.act = lambda *_: None
        self.refuses(*ADMIN, because="admin is still no administrator with this password")

    def test_the_password_is_never_shown(self):
        self.broker(guest={})
        encoded = erlang.text(PASSWORD)[len('base64:decode(<<"') : -len('">>)')]
        said = "bad call with {} and {}".format(PASSWORD, encoded)
        self.store.refuses = {"add_user": said}
        self.refuses(*ADMIN, because="bad call with *** and ***")
        self.on("rabbitmqctl eval", Ended(70, "", said))
        self.refuses(*ADMIN, because="ended with 70")
        for text in (self.errors, self.output, " ".join(word for call in self.calls for word in call.words)):
            self.assertNotIn(PASSWORD, text)
            self.assertNotIn(encoded, text)

    def test_without_a_password_nothing_is_asked(self):
        self.given = ""
        self.refuses(*ADMIN, because="no password for admin")
        self.assertEqual(self.calls, [])


if __name__ == "__main__":
    unittest.main()
