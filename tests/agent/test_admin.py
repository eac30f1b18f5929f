"""The administrator: each goal is reached by itself, guest is deleted last, and the password is never shown."""

import io
import re
import sys
import unittest

from agent import erlang

from .support import Atom, Ended, HostTest, evaluated

PASSWORD = 'p$w`"# ü'
ADMIN = ("admin", "--user", "admin")
ALL = ["/", ".*", ".*", ".*"]


class Broker:
    """A broker's store of users, as far as the step reads it; commands change it."""

    def __init__(self, **users):
        self.users = {
            name: dict({"tags": [], "permissions": [], "password": None}, **user) for name, user in users.items()
        }
        self.refuses = {}

    def answer(self, call):
        for action in re.findall(r"ok = rabbit_auth_backend_internal:(\w+)\(", call.stdin):
            if action in self.refuses:
                return (Atom("failed"), self.refuses[action])
            self.act(action)
        admin = self.users.get("admin")
        tags = [(name, [Atom(tag) for tag in user["tags"]]) for name, user in self.users.items()]
        return (tags, admin["permissions"] if admin else [], bool(admin and admin["password"] == PASSWORD))

    def act(self, action):
        admin = self.users.setdefault("admin", {"tags": [], "permissions": [], "password": None})
        if action in ("add_user", "change_password"):
            admin["password"] = PASSWORD
        elif action == "set_tags":
            admin["tags"] = admin["tags"] + ["administrator"]
        elif action == "set_permissions":
            admin["permissions"] = [ALL]
        elif action == "delete_user":
            assert admin["password"] == PASSWORD and "administrator" in admin["tags"] and ALL in admin["permissions"]
            del self.users["guest"]


WHOLE = {"tags": ["administrator"], "permissions": [ALL], "password": PASSWORD}


class Admin(HostTest):
    def broker(self, **users):
        self.store = Broker(**users)
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
        for answer in [(), [], (None, [], True), ([], [], None)]:
            self.start()
            self.on("rabbitmqctl eval", evaluated(answer))
            self.refuses(*ADMIN, because="does not list its users")
            self.assertEqual(len(self.calls), 1)

    def test_an_administrator_named_guest_is_not_deleted(self):
        self.broker(guest=WHOLE)
        self.on("rabbitmqctl eval", lambda call: evaluated(([("guest", [Atom("administrator")])], [ALL], True)))
        self.works("admin", "--user", "guest")
        self.assertEqual(len(self.calls), 1)

    def test_a_change_without_effect_is_reported(self):
        self.broker(guest={})
        self.store.act = lambda action: None
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
