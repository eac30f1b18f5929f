"""Definitions: what is missing is made, what differs is changed, and nothing without a whole answer."""

import re
import unittest

from agent import definitions, erlang

from .definitions_host import MEMBERS, Definitions, line, policy, queue, texts_in, whole
from .support import Atom, Ended


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
