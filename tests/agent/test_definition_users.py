"""The users of definitions."""

import base64
import json
import re
import sys
import unittest
from unittest import mock

from .definitions_host import (
    USERS,
    text_of,
    texts_in,
    whole,
)
from .support import Atom, Ended, HostTest


class Users(HostTest):
    def broker(self, noted=(), **users):
        """Makes a broker with these users, each with a password or a hash."""
        self.users = users
        self.noted = ['["user", "{}"]'.format(name) for name in noted]
        self.own_limits = []
        self.on_question("user_login_authentication", self.look)
        self.on_question("_:_ -> {failed", self.change)

    def look(self, call):
        asked = re.findall(r"\{(base64:decode\(<<[^}]*?), \{(password|hash), ([^}]*)\}\}", call.stdin)
        states = []
        for name, _, secret in asked:
            (name,), secret = texts_in(name), re.findall(r'<<"([^"]*)">>', secret)[0]
            known = self.users.get(name)
            states.append(Atom("missing" if known is None else "same" if known == secret else "other"))
        return {Atom("note"): self.noted, Atom("own_limits"): self.own_limits, Atom("users"): states}

    def change(self, call):
        note = re.search(r'set_global\(rabbitmq_ha_definitions, binary:split\(base64:decode\(<<"([^"]*)">>', call.stdin)
        if note:
            self.noted = text_of(note.group(1)).split("\n")
        pattern = r'(?:add_user|change_password)\(base64:decode\(<<"([^"]*)">>\), base64:decode\(<<"([^"]*)">>\)'
        for name, secret in re.findall(pattern, call.stdin):
            self.users[text_of(name)] = secret
        for name, secret in re.findall(
            r'name => base64:decode\(<<"(.*?)">>\), password_hash => base64:decode\(<<"(.*?)">>', call.stdin
        ):
            self.users[text_of(name)] = text_of(secret)
        return Atom("ok")

    def given(self, *users):
        text = whole(*("user " + json.dumps(user) for user in users))
        stdin = mock.patch.object(sys, "stdin", mock.Mock(read=lambda: text))
        stdin.start()
        self.addCleanup(stdin.stop)

    def test_makes_users_and_notes_them_and_a_second_run_writes_nothing(self):
        self.broker()
        self.given(
            {"name": "app", "password": "sésame"},
            {"name": "old", "password_hash": "eHh4eHg=", "hashing_algorithm": "m"},
        )
        self.works(*USERS)
        self.assertEqual(self.users, {"app": base64.b64encode("sésame".encode()).decode(), "old": "eHh4eHg="})
        self.assertEqual(self.noted, ['["user", "app"]', '["user", "old"]'])
        self.calls.clear()
        self.works(*USERS)
        self.assertEqual(len(self.calls), 1)
        self.assertEqual(self.output, "made 0, changed 0, of 2 users\n")

    def test_while_a_migration_keeps_everybody_out_no_user_is_made_but_passwords_are_changed(self):
        self.broker(app="eA==")
        self.own_limits = [("app", -1)]
        self.given({"name": "app", "password": "fresh"}, {"name": "late", "password": "y"})
        self.refuses(*USERS, because="this would let clients in: the new users late")
        self.assertEqual((self.users, self.noted), ({"app": "eA=="}, []))
        self.given({"name": "app", "password": "new"})
        self.works(*USERS)

    def test_changes_another_password_and_leaves_other_users(self):
        self.broker(app="eA==", theirs="eQ==")
        self.given({"name": "app", "password": "new"})
        self.works(*USERS)
        self.assertEqual(self.users, {"app": base64.b64encode(b"new").decode(), "theirs": "eQ=="})
        self.assertEqual(self.noted, [])

    def test_a_made_up_password_is_not_given_to_a_user_of_others(self):
        self.broker(app="eA==")
        self.given({"name": "app", "password": "new", "generated": True})
        self.refuses(*USERS, because="these users exist already, with passwords that the stack does not know: app")
        self.assertEqual(self.users, {"app": "eA=="})
        self.broker(app="eA==", noted=["app"])
        self.works(*USERS)

    def test_no_secret_is_in_a_message_or_on_a_command_line(self):
        self.broker()
        self.on("_:_ -> {failed", Ended(1, errors="bad: sesame " + base64.b64encode(b"sesame").decode()))
        self.given({"name": "app", "password": "sesame"})
        self.refuses(*USERS, because="bad: *** ***")
        self.assertFalse([call for call in self.calls if "sesame" in " ".join(call.words)])

    def test_what_the_broker_refuses_is_said(self):
        self.broker()
        self.on_question("_:_ -> {failed", (Atom("failed"), "too short"))
        self.given({"name": "app", "password": "x"})
        self.refuses(*USERS, because="a user could not be made or changed: too short")

    def test_a_password_that_does_not_hold_is_named(self):
        self.broker(app="eA==")
        self.change = lambda call: Atom("ok")
        self.on_question("_:_ -> {failed", self.change)
        self.given({"name": "app", "password": "new"})
        self.refuses(*USERS, because="still without this password: app")

    def test_nothing_is_changed_without_a_whole_answer(self):
        def scenario():
            self.broker(app="eA==")
            self.given({"name": "app", "password": "new"})

        self.sweep(scenario, ("definition-users", "--members", "mq1"), ("add_user", "change_password"))


if __name__ == "__main__":
    unittest.main()
