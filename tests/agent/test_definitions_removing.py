"""Definitions that are no longer named: only what nobody uses is removed."""

import unittest

from agent import khepri

from .definitions_host import (
    APP,
    MEMBERS,
    ONE_MEMBER,
    POLICY,
    SHOP,
    Definitions,
    binding,
    exchange,
    line,
    policy,
    queue,
)


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

    def test_who_has_become_an_administrator_is_no_longer_the_definitions_and_stays(self):
        permission = line("permission", user="ops", vhost="/", configure=".*", write=".*", read=".*")
        for more in ([], ["--clear"]):
            self.start()
            self.broker(noted=['user {"name":"ops","tags":["administrator"]}', permission, queue("a")])
            self.given()
            self.works(*MEMBERS, "--administrators", "ops,root", *more)
            self.assertEqual(self.names("user"), ["admin", "ops"])
            self.assertEqual((self.names("queue"), self.noted), ([], []))
            self.assertEqual(self.done("clear_permissions"), [])

    def test_what_has_become_the_policy_of_the_stacks_queues_stays_in_every_virtual_host(self):
        self.broker(SHOP, policy("ha-all", vhost="shop"), noted=[policy("ha-all"), policy("other")])
        self.noted.append('["policy", "shop", "ha-all"]')
        self.given()
        self.works(*MEMBERS, "--policy", "ha-all")
        self.assertEqual((self.names("policy"), self.noted), (["ha-all", "ha-all"], []))

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


if __name__ == "__main__":
    unittest.main()
