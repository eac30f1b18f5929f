"""The policy: in every virtual host, seen by every member, somebody else's kept, and never changed without an answer."""

import base64
import re
import unittest

from agent import erlang, policies

from .support import Atom, Ended, HostTest, node

MEMBERS = ("mq1", "mq2", "mq3")
SET = ("policy", "--name", "ha-all", "--pattern", "^", "--definition", "all", "--members", "mq1,mq2,mq3")
QUORUM = SET[:6] + ("limit", "--apply-to", "queues", "--queue-type", "quorum") + SET[7:]
CLEAR = ("policy", "--clear", "--name", "ha-all", "--members", "mq1,mq2,mq3")
MARK = "/var/lib/rabbitmq-ha/policy-name"
OURS = ("^", "all", "all")
THEIRS = ("^x", "other", "all")


def texts_in(question):
    """Returns the texts that an expression names, as dictionaries."""
    pairs = r'\[((?:\{<<"[a-z-]+">>, base64:decode\(<<"[^"]*">>\)\}(?:, )?)+)\]'
    pair = r'<<"([a-z-]+)">>, base64:decode\(<<"([^"]*)">>\)'
    return [
        {key: base64.b64decode(code).decode() for key, code in re.findall(pair, found)}
        for found in re.findall(pairs, question)
    ]


def body(text):
    return text.get("pattern"), text.get("definition"), text.get("apply-to")


class Policy(HostTest):
    def cluster(self, names=(), vhosts=(), noted=(), others=()):
        """Makes a cluster. names: the policies of /. vhosts: further virtual hosts. others: policies of somebody else."""
        self.vhosts = dict.fromkeys(["/", *vhosts])
        self.vhosts_then = None
        self.policies = {("/", name): OURS for name in names}
        self.policies.update({(vhost, "ha-all"): THEIRS for vhost in others})
        self.noted = [dict(policies.text(name, *OURS)) for name in noted]
        self.wants = True
        self.said_of_clearing = {}
        self.silent = set()
        self.behind = set()
        self.on_question("vhosts_then =>", self.look)
        self.on_question("_ = rabbit_runtime_parameters:", self.note)
        self.on_question("parse_set", self.spread)
        self.on_question("rabbit_policy:delete", self.remove)
        self.on("set_policy", self.set_policy)

    @property
    def names(self):
        return [name for vhost, name in self.policies if vhost == "/"]

    def look(self, call):
        (wanted,) = texts_in(call.stdin)
        asked = [name for name in MEMBERS if erlang.text("rabbit@" + name) in call.stdin]
        rows = [
            (vhost, name, name == wanted["name"] and value == body(wanted))
            for (vhost, name), value in self.policies.items()
        ]
        vhosts = sorted(self.vhosts)
        old = [(vhost, name, False) for vhost, name, _ in rows]
        said = {name: old if name in self.behind else rows for name in asked}
        said.update((name, (Atom("silent"), "x")) for name in self.silent & set(asked))
        return {
            Atom("note"): [list(text.items()) for text in self.noted] + ([] if self.wants else [[]]),
            Atom("vhosts"): vhosts,
            Atom("vhosts_then"): vhosts if self.vhosts_then is None else self.vhosts_then,
            Atom("seen"): [(node(name), said[name]) for name in asked],
        }

    def note(self, call):
        self.noted = texts_in(call.stdin)
        self.wants = ", []]" not in call.stdin
        return Atom("ok")

    def spread(self, call):
        if "_ = rabbit_runtime_parameters:" in call.stdin:
            self.note(call)
        wanted = self.noted[-1]
        rows = []
        for vhost, kind in list(self.vhosts.items()):
            place, said, typed = (vhost, wanted["name"]), "same", "same"
            known = self.policies.get(place)
            if known is None or (known != body(wanted) and known in [body(text) for text in self.noted]):
                self.policies[place] = body(wanted)
                said = "set"
            elif known != body(wanted):
                said = "other"
            if wanted["queue-type"] != "classic" and kind != wanted["queue-type"]:
                typed = "set" if kind is None else "other"
                self.vhosts[vhost] = kind or wanted["queue-type"]
            rows.append((vhost, Atom(said), Atom(typed)))
        return rows

    def remove(self, call):
        names = [name for name in {name for _, name in self.policies} if erlang.text(name) in call.stdin]
        rows = []
        for (vhost, name), value in list(self.policies.items()):
            noted = [body(text) for text in self.noted if text["name"] == name]
            if name in names and (vhost == "/" or value in noted):
                rows.append((vhost, name, self.said_of_clearing.get(vhost, Atom("cleared"))))
                if rows[-1][2] == "cleared":
                    del self.policies[(vhost, name)]
        return rows

    def set_policy(self, call):
        applies = call.words[call.words.index("--apply-to") + 1]
        self.policies[("/", call.words[-3])] = (call.words[-2], call.words[-1], applies)

    def names_noted(self):
        return [text["name"] for text in self.noted]


class Setting(Policy):
    def test_is_set_and_seen_everywhere(self):
        self.cluster()
        self.works(*SET)
        self.assertEqual(self.names, ["ha-all"])
        self.assertEqual(self.names_noted(), ["ha-all"])

    def test_is_set_in_every_virtual_host(self):
        self.cluster(vhosts=["shop", "it's"])
        self.works(*SET)
        self.assertEqual(self.policies, {(vhost, "ha-all"): OURS for vhost in ("/", "shop", "it's")})

    def test_a_changed_definition_reaches_the_virtual_hosts_where_it_is_the_stacks(self):
        self.cluster(vhosts=["shop", "bar"])
        self.works(*SET)
        self.policies[("bar", "ha-all")] = THEIRS
        self.works(*SET[:6], "exactly", *SET[7:])
        self.assertEqual(self.policies[("shop", "ha-all")], ("^", "exactly", "all"))
        self.assertEqual(self.policies[("bar", "ha-all")], THEIRS)

    def test_somebody_elses_policy_of_that_name_in_another_virtual_host_stays_and_is_named(self):
        self.cluster(vhosts=["shop", "bar"], others=["bar"])
        self.works(*SET)
        self.assertEqual(self.policies[("bar", "ha-all")], THEIRS)
        self.assertEqual(self.policies[("shop", "ha-all")], OURS)
        self.assertIn("somebody else's policy ha-all stays in: bar;", self.output)

    def test_a_virtual_host_that_comes_meanwhile_gets_it(self):
        self.cluster(vhosts=["shop"])
        looks = []

        def look(call):
            looks.append(call)
            if len(looks) == 2:
                self.vhosts["late"] = None
            return self.look(call)

        self.on_question("vhosts_then =>", look)
        self.works(*SET)
        self.assertEqual(self.policies[("late", "ha-all")], OURS)

    def test_a_virtual_host_in_which_it_cannot_be_set_is_named(self):
        self.cluster(vhosts=["shop"])
        self.on_question(
            "parse_set", [("/", Atom("same"), Atom("same")), ("shop", (Atom("failed"), "why"), Atom("same"))]
        )
        self.refuses(*SET, because="shop: why")

    def test_goes_to_the_next_member_where_one_does_not_take_it(self):
        self.cluster()
        down = Ended(69, "", "node down")
        self.on("set_policy", lambda call: down if call.of == "mq1" else self.set_policy(call))
        self.works(*SET)

    def test_pattern_and_definition_reach_the_broker_unchanged(self):
        self.cluster()
        pattern = "^(?!amq\\.)$`\"'$HOME 订单"
        words = list(SET)
        words[4] = pattern
        self.works(*words)
        (call,) = [call for call in self.calls if "set_policy" in call.line]
        self.assertEqual(call.words[-2], pattern)
        self.assertEqual(self.noted[0]["pattern"], pattern)

    def test_is_not_set_before_every_member_lists_it(self):
        self.cluster()
        self.silent = {"mq3"}
        self.refuses(*SET, because="missing on: mq3")

    def test_is_not_set_while_a_member_lists_another_definition(self):
        self.cluster(["ha-all"])
        self.behind = {"mq2"}
        self.refuses(*SET, because="missing on: mq2")

    def test_mirroring_on_rabbitmq_4_is_refused(self):
        self.cluster()
        self.on("set_policy", Ended(69, "", "Validation failed: [ha-mode] are not recognised policy settings"))
        self.refuses(*SET, because="rabbitmq.queues")


class Types(Policy):
    def test_quorum_becomes_the_default_type_of_every_virtual_host(self):
        self.cluster(vhosts=["shop"])
        self.works(*QUORUM)
        self.assertEqual(self.vhosts, {"/": "quorum", "shop": "quorum"})
        self.assertEqual(self.policies[("shop", "ha-all")], ("^", "limit", "queues"))

    def test_another_default_type_that_somebody_has_chosen_stays_and_is_named(self):
        self.cluster(vhosts=["shop"])
        self.vhosts["shop"] = "stream"
        self.works(*QUORUM)
        self.assertEqual(self.vhosts["shop"], "stream")
        self.assertIn("another default queue type than quorum stays in: shop;", self.output)

    def test_mirrors_leave_the_default_type_alone(self):
        self.cluster(vhosts=["shop"])
        self.works(*SET)
        self.assertEqual(self.noted[-1]["queue-type"], "classic")
        self.assertEqual(set(self.vhosts.values()), {None})


class Renaming(Policy):
    def test_a_former_name_is_cleared_last_and_everywhere(self):
        self.cluster(["old"], vhosts=["shop", "bar"], noted=["old"])
        self.policies.update({("shop", "old"): OURS, ("bar", "old"): THEIRS})
        self.works(*SET)
        self.assertEqual(self.names, ["ha-all"])
        self.assertNotIn(("shop", "old"), self.policies)
        self.assertEqual(self.policies[("bar", "old")], THEIRS)
        self.assertEqual(self.names_noted(), ["ha-all"])

    def test_a_name_that_an_earlier_release_noted_on_the_host_is_cleared_in_the_first_virtual_host(self):
        for sign in ("", "\u2028", "\u2029", "\x85", "\x0b", "\x1c"):
            self.start()
            self.cluster(["ha", "all", "ha" + sign + "all"])
            self.put(MARK, "ha" + sign + "all\n")
            self.works("policy", "--name", "new", *SET[3:])
            self.assertEqual(self.names, ["ha", "all", "new"])
            self.assertFalse(self.has(MARK))

    def test_an_interrupted_rename_that_is_taken_back_keeps_the_policy(self):
        # The rename a → b was interrupted after both were noted; then a is wanted again: b is cleared, a stays.
        self.cluster(["ha-all", "b"], noted=["ha-all", "b"])
        self.works(*SET)
        self.assertEqual(self.names, ["ha-all"])

    def test_a_new_name_is_noted_before_it_is_set(self):
        self.cluster(["old"], noted=["old"])
        self.on("set_policy", Ended(70, "", "killed"))
        self.refuses(*SET)
        self.assertEqual(self.names_noted(), ["old", "ha-all"])

    def test_an_existing_policy_of_the_new_name_is_not_noted_before_it_is_ours(self):
        self.cluster(["old", "ha-all"], noted=["old"])
        self.on("set_policy", Ended(70, "", "invalid"))
        self.refuses(*SET)
        self.assertEqual(self.names_noted(), ["old"])

    def test_another_stacks_policy_stays(self):
        self.cluster(["theirs"])
        self.works(*SET)
        self.assertEqual(self.names, ["theirs", "ha-all"])


class Clearing(Policy):
    def test_clears_it_in_every_virtual_host_where_it_is_the_stacks(self):
        self.cluster(["ha-all"], vhosts=["shop", "bar"], noted=["ha-all"], others=["bar"])
        self.policies[("shop", "ha-all")] = OURS
        self.works(*CLEAR)
        self.assertEqual(self.policies, {("bar", "ha-all"): THEIRS})
        self.assertEqual(self.noted, [])
        self.works(*CLEAR)

    def test_no_watch_sets_it_again_meanwhile(self):
        self.cluster(["ha-all"], noted=["ha-all"])

        def remove(call):
            self.assertEqual((self.names_noted(), self.wants), (["ha-all"], False))
            return self.remove(call)

        self.on_question("rabbit_policy:delete", remove)
        self.works(*CLEAR)
        self.assertEqual(len(self.done("rabbit_policy:delete")), 1)

    def test_what_is_noted_of_another_name_stays_noted(self):
        self.cluster(["ha-all", "b"], noted=["ha-all", "b"])
        self.works(*CLEAR)
        self.assertEqual((self.names, self.names_noted()), (["b"], ["b"]))

    def test_clears_what_an_earlier_release_has_set(self):
        self.cluster(["ha-all"])
        self.works(*CLEAR)
        self.assertEqual(self.names, [])

    def test_no_member_answers(self):
        self.cluster(["ha-all"])
        self.on("vhosts_then =>", Ended(69))
        self.refuses(*CLEAR, because="no member answers")


class Answers(Policy):
    def test_nothing_is_cleared_without_an_answer(self):
        def scenario():
            self.cluster(["old"], vhosts=["shop"], noted=["old"])

        # Another member's whole answer would do.
        self.sweep(scenario, (*SET[:-1], "mq1"), ("rabbit_policy:delete",))

    def test_the_policy_itself_is_not_cleared_without_an_answer(self):
        self.sweep(lambda: self.cluster(["ha-all"], noted=["ha-all"]), (*CLEAR[:-1], "mq1"), ("rabbit_policy:delete",))

    def test_a_policy_that_is_not_cleared_is_named_and_stays_noted(self):
        self.cluster(["ha-all"], vhosts=["shop"], noted=["ha-all"])
        self.works(*SET)
        self.said_of_clearing = {"shop": (Atom("failed"), "{error,timeout}")}
        self.refuses(
            *CLEAR, because="mq1 has not cleared every policy\nRun this again.\nha-all in shop: {error,timeout}"
        )
        self.assertEqual(self.names_noted(), ["ha-all"])
        self.said_of_clearing = {}
        self.works(*CLEAR)
        self.assertEqual((self.policies, self.noted), ({}, []))

    def test_a_former_policy_that_is_not_cleared_stays_noted(self):
        self.cluster(["old"], noted=["old"])
        self.said_of_clearing = {"/": (Atom("failed"), "{error,timeout}")}
        self.refuses(*SET, because="mq1 has not cleared every policy")
        self.assertEqual(sorted(set(self.names_noted())), ["ha-all", "old"])

    def test_a_broker_that_does_not_say_what_it_has_cleared_has_not(self):
        answers = [([], "mq1 does not say that it has cleared ha-all"), (Atom("ok"), "does not say which policies")]
        answers += [
            ([("/", "ha-all")], "does not say which policies"),
            ([("/", "b", Atom("cleared"))], "cleared ha-all"),
        ]
        for answer, because in answers:
            with self.subTest(answer=answer):
                self.cluster(["ha-all"], noted=["ha-all"])
                self.on_question("rabbit_policy:delete", answer)
                self.refuses(*CLEAR, because=because)
                self.assertEqual(self.names_noted(), ["ha-all"])

    def test_a_list_of_virtual_hosts_that_changes_meanwhile_is_no_answer(self):
        for vhosts_then in (["/"], ["/", "new", "shop"], []):
            self.start()
            self.cluster(["ha-all"], vhosts=["shop"], noted=["ha-all"])
            self.vhosts_then = vhosts_then
            self.refuses(*CLEAR, because="come or go")
            self.assertEqual(self.names, ["ha-all"])

    def test_a_list_without_the_first_virtual_host_is_no_answer(self):
        self.cluster(vhosts=["shop"])
        del self.vhosts["/"]
        self.refuses(*SET, because="does not list the virtual host /")
        self.refuses(*CLEAR, because="does not list the virtual host /")

    def test_a_member_that_does_not_list_its_policies_is_no_answer(self):
        self.cluster(["ha-all"], noted=["ha-all"])
        self.silent = set(MEMBERS)
        self.refuses(*CLEAR, because="no member answers")
        self.assertEqual(self.names, ["ha-all"])


if __name__ == "__main__":
    unittest.main()
