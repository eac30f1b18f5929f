"""Definitions: made, changed and removed on a broker that answers; nothing without a whole answer."""

import base64
import json
import re
import sys
import unittest
from unittest import mock

from agent import definitions, erlang, khepri, undefine

from .support import Atom, Ended, HostTest

MEMBERS = ("definitions", "--members", "mq1,mq2,mq3")
ONE_MEMBER = ("definitions", "--members", "mq1")
USERS = ("definition-users", "--members", "mq1,mq2,mq3")
LISTS = {kind[:-1] + "ies" if kind == "policy" else kind + "s": kind for kind in definitions.KEYS}
CHANGES = ("import_parsed", "rabbit_auth_backend_internal:set", "Actor", "set_global", "clear_global")


def line(kind, **fields):
    return "{} {}".format(kind, json.dumps(fields, sort_keys=True))


def whole(*lines):
    return "".join(each + "\n" for each in lines) + "end {}\n".format(len(lines))


def text_of(expression):
    return base64.b64decode(expression).decode()


def texts_in(expression):
    return [text_of(code) for code in re.findall(r'base64:decode\(<<"([^"]*)">>\)', expression)]


QUEUE = {"durable": True, "auto_delete": False, "arguments": {}}
POLICY = {"pattern": "^", "definition": {"max-length": 5}, "priority": 0, "apply-to": "all"}


def queue(name="orders", vhost="/", **more):
    return line("queue", name=name, vhost=vhost, **dict(QUEUE, **more))


def policy(name="short", **more):
    return line("policy", name=name, vhost="/", **dict(POLICY, **more))


def exchange(name, vhost="/"):
    return line("exchange", name=name, vhost=vhost, type="topic", durable=True, auto_delete=False, internal=False)


def binding(source, destination, vhost="/"):
    own = {"destination_type": "queue", "destination": destination, "routing_key": "k", "arguments": {}}
    return line("binding", vhost=vhost, source=source, **own)


SHOP = 'vhost {"metadata":{},"name":"shop"}'
APP = 'user {"name":"app","tags":[]}'


class Definitions(HostTest):
    def broker(self, *lines, noted=()):
        """Makes a broker that has these objects. noted: those that the stack has made."""
        self.objects = {}
        self.used = {}
        self.own_limits = []
        self.spread = []
        self.vhosts_then = None
        for each in ('vhost {"name":"/","metadata":{"description":"","tags":[]}}', 'user {"name":"admin","tags":[]}'):
            self.have(each)
        for each in (*lines, *noted):
            self.have(each)
        self.noted = [definitions.Object(*each.split(" ", 1)).key for each in noted]
        self.on_question("rabbit_definitions:list_vhosts()", self.answer)
        self.on_question("parse_set", lambda call: self.spread.append(call) or [])
        self.on_question("Told = fun(ok)", self.remove)

    def have(self, text):
        kind, fields = text.split(" ", 1)
        each = definitions.Object(kind, fields)
        self.objects[each.key] = (kind, fields)

    def answer(self, call):
        if "import_parsed" in call.stdin or "set_tags" in call.stdin or "try begin" in call.stdin:
            self.change(call.stdin)
        rows = [
            (Atom(kind), [fields for known, fields in self.objects.values() if known == kind])
            for kind in definitions.KEYS
        ]
        vhosts = sorted(json.loads(fields)["name"] for kind, fields in self.objects.values() if kind == "vhost")
        return {
            Atom("note"): list(self.noted),
            Atom("own_limits"): self.own_limits,
            Atom("vhosts"): vhosts,
            Atom("vhosts_then"): vhosts if self.vhosts_then is None else self.vhosts_then,
            Atom("objects"): rows,
        }

    def change(self, text):
        note = re.search(r'set_global\(rabbitmq_ha_definitions, binary:split\(base64:decode\(<<"([^"]*)">>', text)
        if note:
            self.noted = text_of(note.group(1)).split("\n")
        elif "clear_global(rabbitmq_ha_definitions" in text:
            self.noted = []
        for plural, code in re.findall(r'<<"(\w+)">> => \[rabbit_json:decode.*?base64:decode\(<<"([^"]*)">>', text):
            for each in text_of(code).split("\n"):
                self.have("{} {}".format(LISTS[plural], each))
        for call in re.findall(r"set_tags\((.*?), <<", text):
            name, *tags = texts_in(call)
            self.have(line("user", name=name, tags=tags))

    def remove(self, call):
        """Removes what is free, as the broker does: what is inside goes with it, and what is not leaving counts."""
        leaving, calls = re.search(r"\nLeaving = \[(.*?)\],\n(\[.*)", call.stdin, re.S).groups()
        self.leaving = [self.key_of(each) for each in leaving.split(",\n") if each]
        said = []
        for what in re.findall(r"Try\(fun\(\) -> (?:Told\()?(.*?) end\)(?=[,\]])", calls, re.S):
            key = self.key_of(what)
            held = self.used.get(key) or self.held(key)
            if held and ", true)" not in what:
                said.append(held)
                continue
            self.objects.pop(key)
            for each in [each for each in self.objects if key in undefine._owners(self.object(each))]:
                del self.objects[each]
            said.append(Atom("gone"))
        return said

    def object(self, key):
        return definitions.Object(*self.objects[key])

    def held(self, key):
        kind, *_ = json.loads(key)
        if kind not in ("vhost", "exchange"):
            return None
        owned = [each for each in self.objects if each not in self.leaving and self.is_in(key, self.object(each))]
        used = [each for each in self.leaving if each in self.used and self.is_in(key, self.object(each))]
        if kind == "vhost" and used:
            return "queue {}: {}".format(json.loads(used[0])[2], self.used[used[0]])
        return "{}s: {}".format(json.loads(owned[0])[0], len(owned)) if owned else None

    @staticmethod
    def is_in(key, each):
        kind, *values = json.loads(key)
        if kind == "vhost":
            return "permission" not in each.kind and each.fields.get("vhost") == values[0]
        return each.kind == "binding" and key in undefine._owners(each)

    def key_of(self, what):
        values = texts_in(what)
        if what.startswith(("Queue", "Exchange", "Vhost", "User", "{")):
            kind = re.split("[(,]", what.lstrip("{"))[0].lower()
        else:
            kind = next(k for f, k in REMOVALS.items() if f in what)
        if kind == "binding":
            vhost, source, key, to, destination, arguments = values
            values = [vhost, source, to, destination, key]
            return definitions.jsontext.dumps([kind, *values, json.loads(arguments)])
        return definitions.jsontext.dumps([kind, *values])

    def names(self, kind):
        return sorted(json.loads(fields)["name"] for known, fields in self.objects.values() if known == kind)

    def given(self, *lines):
        return self.told(whole(*lines))

    def told(self, text):
        stdin = mock.patch.object(sys, "stdin", mock.Mock(read=lambda: text))
        stdin.start()
        self.addCleanup(stdin.stop)

    def changes(self):
        return [each for each in self.lines() if any(word in each for word in CHANGES)]


REMOVALS = {
    "clear_topic_permissions": "topic_permission",
    "clear_permissions": "permission",
    "clear_any": "parameter",
    "clear_global": "global_parameter",
    "rabbit_policy:delete": "policy",
    "Binding(": "binding",
}


class Making(Definitions):
    def test_makes_what_is_missing_and_notes_it_and_a_second_run_writes_nothing(self):
        self.broker()
        self.given(queue(), policy())
        self.works(*MEMBERS)
        self.assertEqual(self.names("queue"), ["orders"])
        self.assertEqual(self.noted, ['["queue", "/", "orders"]', '["policy", "/", "short"]'])
        self.assertIn("made 2: queue orders of /, policy short of /", self.output)
        self.calls.clear()
        self.works(*MEMBERS)
        self.assertEqual(len(self.calls), 1)
        self.assertEqual(self.output, "2 objects are as defined\n")

    def test_what_exists_and_is_named_is_changed_and_does_not_become_the_stacks(self):
        self.broker(policy(definition={"max-length": 9}))
        self.given(policy())
        self.works(*MEMBERS)
        self.assertIn("changed 1: policy short of /", self.output)
        self.assertEqual(self.noted, [])

    def test_only_what_differs_is_imported(self):
        self.broker(queue("a"), policy())
        self.given(queue("a"), queue("b"), policy())
        self.works(*MEMBERS)
        (change,) = self.changes()
        self.assertEqual(re.findall(r'<<"(\w+)">> => \[rabbit_json', change), ["queues"])
        self.assertIn("made 1: queue b of /", self.output)

    def test_the_import_gets_more_workers_first_and_a_second_run_starts_none(self):
        self.broker()
        self.given(queue())
        self.works(*MEMBERS)
        (change,) = self.changes()
        start = change.index("supervisor:start_child(definition_import_pool_sup")
        self.assertIn("N <- lists:seq(1, 16)]", change)
        self.assertLess(start, change.index("import_parsed"))
        self.calls.clear()
        self.works(*MEMBERS)
        self.assertEqual(self.done("definition_import_pool_sup"), [])

    def test_a_new_virtual_host_has_the_stacks_policy_before_it_has_queues(self):
        self.broker()
        self.given('vhost {"metadata":{"description":"beer"},"name":"shop"}', queue(vhost="shop"))
        self.works(*MEMBERS)
        self.assertEqual(len(self.spread), 1)
        at = [index for index, call in enumerate(self.calls) if call is self.spread[0]][0]
        self.assertIn('<<"vhosts">>', self.calls[at - 1].stdin)
        self.assertNotIn('<<"queues">>', self.calls[at - 1].stdin)
        self.assertIn('<<"queues">>', self.calls[at + 1].stdin)

    def test_what_is_not_stated_may_be_anything(self):
        self.broker(queue(type="classic", arguments={"x-queue-type": "classic"}))
        self.given(queue())
        self.works(*MEMBERS)
        self.assertEqual(self.changes(), [])

    def test_a_users_tags_are_set_and_a_missing_user_is_refused(self):
        self.broker('user {"name":"app","tags":["administrator"]}')
        self.given('user {"name":"app","tags":["management"]}')
        self.works(*MEMBERS)
        self.assertIn(
            'user {"name": "app", "tags": ["management"]}', [" ".join(each) for each in self.objects.values()]
        )
        self.given('user {"name":"gone","tags":[]}', queue())
        self.refuses(*MEMBERS, because="nothing was changed: these are not there: user gone")
        self.assertEqual(self.names("queue"), [])

    def test_while_a_migration_keeps_everybody_out_its_limit_is_no_users_own(self):
        known = {
            "a": {"max-channels": 9, "max-connections": 0},
            "b": {"max-connections": 0},
            "c": {"max-connections": 0},
        }
        own = [("a", -1), ("b", 5), ("c", 0)]
        wanted = {"a": {"max-channels": 9}, "b": {"max-connections": 5}, "c": {"max-connections": 0}}
        self.broker(*(line("user", name=name, tags=[], limits=limits) for name, limits in known.items()))
        self.own_limits = own
        self.given(*(line("user", name=name, tags=[], limits=limits) for name, limits in wanted.items()))
        self.works(*MEMBERS)
        self.assertEqual(self.changes(), [])
        # What is otherwise by itself is named, and would let clients in.
        self.given(line("user", name="b", tags=[], limits={"max-connections": 6}))
        self.refuses(*MEMBERS, because="a migration keeps everybody out of this cluster")
        self.assertIn("the limits of user b", self.errors)
        self.assertEqual(self.changes(), [])
        # All else can be changed.
        self.given('user {"name":"a","tags":["management"]}', queue())
        self.works(*MEMBERS)
        self.assertEqual([each for each in self.changes() if "limits(" in each], [])
        self.own_limits = []
        self.given(line("user", name="a", tags=[], limits={"max-channels": 9}))
        self.refuses(*MEMBERS, because="still not as defined: user a")
        self.assertTrue(self.done("clear_user_limits"))

    def test_half_an_answer_on_a_migration_is_none(self):
        for own_limits in (None, [("a",)], [("a", "0")], ["a"]):
            self.broker()
            self.own_limits = own_limits
            self.given(queue())
            self.refuses(*MEMBERS, because="no member answers")
            self.assertEqual(self.changes(), [])

    def test_other_arguments_of_a_queue_are_refused_with_both_before_anything_is_changed(self):
        self.broker(queue(arguments={"x-max-length": 5}))
        self.given(queue(arguments={"x-max-length": 9}), queue("new"))
        self.refuses(
            *MEMBERS, because="has arguments {'x-max-length': 5}, and shall have arguments {'x-max-length': 9}"
        )
        self.assertEqual(self.changes(), [])

    def test_what_the_broker_refuses_is_said(self):
        self.broker()
        self.on_question("import_parsed", (Atom("failed"), "validation failed"))
        self.given(policy())
        self.refuses(*MEMBERS, because="mq1 refuses a part of the definitions\nvalidation failed")

    def test_what_the_broker_skips_is_named(self):
        self.broker()
        self.change = lambda text: None
        self.given(queue())
        self.refuses(*MEMBERS, because="still not as defined: queue orders of /")

    def test_the_next_member_is_asked_if_one_is_silent(self):
        self.broker()
        self.on_question(
            "rabbit_definitions:list_vhosts()", lambda call: self.answer(call) if call.of == "mq2" else self.fail_()
        )
        self.given(queue())
        self.works(*MEMBERS)
        self.assertEqual(self.names("queue"), ["orders"])

    def fail_(self):
        raise Ended(69)

    def test_a_text_that_is_cut_off_changes_nothing(self):
        for text in ("", "end 0", queue() + "\n", queue() + "\nend 2\n", whole(queue())[:-1]):
            with self.subTest(text):
                self.broker(noted=[queue("a")])
                self.told(text)
                self.refuses(*MEMBERS, because="did not come whole")
                self.assertEqual(self.calls, [])


class Removing(Definitions):
    def test_what_the_stack_has_made_goes_and_what_others_have_made_stays(self):
        self.broker(queue("theirs"), policy("theirs"), noted=[queue("a"), policy()])
        self.given()
        self.works(*MEMBERS)
        self.assertEqual(self.names("queue"), ["theirs"])
        self.assertEqual(self.names("policy"), ["theirs"])
        self.assertEqual(self.noted, [])
        self.assertIn("removed 2: queue a of /, policy short of /", self.output)

    def test_clear_does_the_same_without_input(self):
        self.broker(noted=[queue("a")])
        self.works(*MEMBERS, "--clear")
        self.assertEqual((self.names("queue"), self.noted), ([], []))

    def test_a_queue_that_is_used_stays_with_its_bindings_and_is_still_the_stacks(self):
        self.broker(noted=[queue("a"), binding("x", "a"), policy()])
        self.used[self.noted[0]] = "messages: 3, consumers: 0"
        self.given()
        self.works(*MEMBERS)
        self.assertEqual(self.names("queue"), ["a"])
        self.assertEqual(len(self.noted), 2)
        self.assertIn("no longer defined, and stays: queue a of / (messages: 3, consumers: 0)", self.output)
        self.assertIn("the queue a of / needs it, and stays", self.output)
        self.assertIn("removed 1: policy short of /", self.output)
        self.calls.clear()
        self.given('remove "queue a of /"')
        self.works(*MEMBERS)
        self.assertEqual((self.names("queue"), self.noted), ([], []))

    def test_a_user_that_is_connected_keeps_its_permissions(self):
        permission = line("permission", user="app", vhost="/", configure="", write="", read="")
        self.broker(noted=['user {"name":"app","tags":[]}', permission])
        self.used[self.noted[0]] = "connections: 2"
        self.given()
        self.works(*MEMBERS)
        self.assertEqual(self.names("user"), ["admin", "app"])
        self.assertEqual(len(self.noted), 2)
        self.used.clear()
        self.works(*MEMBERS)
        # The broker removes a user's permissions with it.
        self.assertEqual((self.names("user"), self.noted), (["admin"], []))
        self.assertEqual(self.done("clear_permissions"), [])

    def in_shop(self, *more):
        """Returns a virtual host that leaves, with all that the stack has made in it."""
        return [
            SHOP,
            line("permission", user="app", vhost="shop", configure="", write=".*", read=".*"),
            line("topic_permission", user="app", vhost="shop", exchange="x", write=".*", read=".*"),
            line("policy", **dict(POLICY, name="dead", vhost="shop")),
            line("parameter", vhost="shop", component="c", name="n", value={}),
            exchange("x", "shop"),
            binding("x", "q", "shop"),
            *more,
        ]

    def test_a_virtual_host_that_stays_keeps_all_that_is_in_it(self):
        held = {
            "by a client": ((), "connections: 3"),
            "by a queue of the stack's": ((queue("q", "shop"),), None),
            "by a queue of somebody else's": ((), None),
        }
        for why, (own, used) in held.items():
            with self.subTest(why):
                self.start()
                theirs = [queue("theirs", "shop")] if "else" in why else []
                own += (queue("empty", "shop"),)
                self.broker(APP, *theirs, noted=self.in_shop(*own))
                if used:
                    self.used[self.noted[0]] = used
                if "of the" in why:
                    self.used[self.noted[-2]] = "messages: 1, consumers: 0"
                before = dict(self.objects)
                self.given(APP)
                self.works(*MEMBERS)
                self.assertEqual(self.objects, before)
                self.assertEqual(len(self.noted), len(self.in_shop(*own)))
                self.assertIn("no longer defined, and stays: virtual host shop", self.output)
                self.assertNotIn("removed", self.output)

    def test_a_virtual_host_that_nobody_uses_goes_with_all_that_is_in_it(self):
        self.broker(APP, noted=self.in_shop(queue("q", "shop")))
        self.given(APP)
        self.works(*MEMBERS)
        self.assertEqual(self.names("vhost"), ["/"])
        self.assertEqual([kind for kind, _ in self.objects.values()], ["vhost", "user", "user"])
        self.assertEqual(self.noted, [])
        self.assertIn("removed 8: ", self.output)

    def test_an_exchange_that_stays_keeps_its_bindings(self):
        mine, theirs = binding("x", "mine"), binding("x", "theirs")
        self.broker(
            queue("mine"), queue("theirs"), theirs, noted=[exchange("x"), mine, exchange("y"), binding("y", "mine")]
        )
        self.given()
        self.works(*MEMBERS)
        self.assertEqual(self.names("exchange"), ["x"])
        self.assertEqual(len(self.noted), 2)
        self.assertIn("stays: exchange x of / (bindings: 1)", self.output)
        self.assertIn("binding x to mine of / with k (the exchange x of / needs it, and stays)", self.output)
        self.assertIn("removed 2: exchange y of /, binding y to mine of / with k", self.output)

    def test_what_belongs_to_something_that_stays_goes_if_it_is_named(self):
        self.broker(queue("mine"), queue("theirs"), binding("x", "theirs"), noted=[exchange("x"), binding("x", "mine")])
        self.given('remove "binding x to mine of / with k"')
        self.works(*MEMBERS)
        self.assertEqual(len(self.noted), 1)
        self.assertIn("removed 1: binding x to mine of / with k", self.output)

    def test_a_user_named_none_owns_nothing_but_its_own(self):
        old = 'vhost {"metadata":{},"name":"old"}'
        self.broker(noted=['user {"name":"None","tags":[]}', policy(), old])
        self.given()
        self.works(*MEMBERS)
        self.assertEqual((self.names("user"), self.names("policy"), self.names("vhost")), (["admin"], [], ["/"]))

    def test_a_title_of_two_objects_removes_neither_by_force(self):
        hosts = ['vhost {"metadata":{},"name":"c"}', 'vhost {"metadata":{},"name":"b of c"}']
        for theirs, noted in (((), 2), ((queue("a", "b of c"),), 1)):
            self.start()
            self.broker(*hosts, *theirs, noted=[queue("a of b", "c"), queue("a", "b of c")][:noted])
            for key in self.noted:
                self.used[key] = "messages: 5, consumers: 0"
            self.given(*hosts, queue("new", "c"), 'remove "queue a of b of c"')
            self.refuses(*MEMBERS, because="nothing was changed: definitions.remove has queue a of b of c")
            self.assertIn('["queue", "b of c", "a"] and ["queue", "c", "a of b"]', self.errors)
            self.assertEqual(self.names("queue"), ["a", "a of b"])
            self.assertEqual(self.changes(), [])

    def test_two_objects_with_one_title_stay_and_go_each_by_itself(self):
        hosts = ['vhost {"metadata":{},"name":"c"}', 'vhost {"metadata":{},"name":"b of c"}']
        self.broker(*hosts, noted=[queue("a of b", "c"), queue("a", "b of c")])
        self.used[self.noted[0]] = "messages: 5, consumers: 0"
        self.given(*hosts)
        self.works(*MEMBERS)
        self.assertEqual((self.names("queue"), self.noted), (["a of b"], ['["queue", "c", "a of b"]']))

    def test_nothing_is_removed_without_a_whole_answer(self):
        def scenario():
            self.broker(noted=[queue("a"), policy()])
            self.given(queue("b"))

        self.sweep(scenario, ONE_MEMBER, ("Queue(", "rabbit_policy:delete", "import_parsed"))

    def test_who_knows_is_asked_whether_a_queue_is_empty_and_a_user_connected(self):
        """RabbitMQ's own numbers are 0 where nobody answers, so the removal does not rest on them."""
        self.broker(noted=[queue("a")])
        self.given()
        self.works(*MEMBERS)
        (asked,) = self.done("Told = fun(ok)")
        quorum, other = asked.split("(rabbit_quorum_queue, Q) ->")[1].split("(_, Q) ->")
        self.assertIn("Proof(", quorum)
        self.assertNotIn("rabbit_amqqueue:stat(", quorum)
        self.assertIn("rabbit_amqqueue:stat(", other)
        self.assertNotIn("rabbit_connection_tracking:list", asked)
        self.assertIn(khepri.FENCE.strip(), asked)

    def test_an_answer_that_is_not_whole_by_its_content_is_none(self):
        odd = {
            "virtual hosts come or go": lambda: setattr(self, "vhosts_then", ["/", "new"]),
            "does not list all objects": lambda: self.objects.pop(next(iter(self.objects))),
            "tells only a part": lambda: self.objects.update(x=("queue", '{"name": "a"')),
            "tells only a part of": lambda: self.noted.append("what"),
        }
        for because, break_ in odd.items():
            with self.subTest(because):
                self.start()
                self.broker(noted=[queue("a")])
                break_()
                self.given()
                self.refuses(*MEMBERS, because=because)
                self.assertEqual(self.changes(), [])


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


class Texts(unittest.TestCase):
    def test_lists_and_mappings_without_content_are_equal_and_fractions_are_texts(self):
        self.assertEqual(definitions.plain({"a": [], "b": {}, "c": [1.0, 1.5]}), {"a": {}, "b": {}, "c": [1, "1.5"]})

    def test_names_in_titles_are_as_they_are(self):
        each = definitions.Object("queue", '{"vhost": "/", "name": "a {b} ö"}')
        self.assertEqual(each.title, "queue a {b} ö of /")

    def test_the_sources_that_the_fake_broker_reads_are_those_of_the_program(self):
        self.assertEqual(texts_in(erlang.text("ö")), ["ö"])


if __name__ == "__main__":
    unittest.main()
