"""The policy: set and seen on every member, another name's cleared only after that, and never without an answer."""

import unittest

from agent import erlang

from .support import Atom, Ended, HostTest, node

SET = ("policy", "--name", "ha-all", "--pattern", "^", "--definition", '{"ha-mode":"all"}', "--members", "mq1,mq2,mq3")
CLEAR = ("policy", "--clear", "--name", "ha-all", "--members", "mq1,mq2,mq3")
MARK = "/var/lib/rabbitmq-ha/policy-name"


def listed(*names, pattern="^", definition="all"):
    return [(name, pattern, [(Atom("name"), name), (Atom("definition"), definition)]) for name in names]


class Policy(HostTest):
    def cluster(self, names):
        """Makes a cluster whose brokers list these policies; a policy that is set or cleared changes on all of them."""
        self.names = list(names)
        self.silent = set()

        def answer(call):
            asked = [name for name in ("mq1", "mq2", "mq3") if self.encoded(name) in call.stdin]
            return [
                (node(name), (Atom("silent"), "nodedown") if name in self.silent else listed(*self.of(name)))
                for name in asked
            ]

        def set_policy(call):
            if call.words[-3] not in self.names:
                self.names.append(call.words[-3])

        self.on_question("rabbit_policy", answer)
        self.on("set_policy", set_policy)
        self.on("clear_policy", lambda call: self.names.remove(call.words[-1]))

    def of(self, _name):
        return self.names

    @staticmethod
    def encoded(name):
        return erlang.text("rabbit@" + name)

    def test_is_set_and_seen_everywhere(self):
        self.cluster([])
        self.works(*SET)
        self.assertEqual(self.names, ["ha-all"])
        self.assertEqual(self.read(MARK), "ha-all\n")

    def test_goes_to_the_next_member_where_one_does_not_take_it(self):
        self.cluster([])
        down = Ended(69, "", "node down")
        self.on("set_policy", lambda call: down if call.of == "mq1" else self.names.append("ha-all"))
        self.works(*SET)

    def test_pattern_and_definition_reach_the_broker_unchanged(self):
        self.cluster([])
        pattern = "^(?!amq\\.)$`\"'$HOME 订单"
        words = list(SET)
        words[4] = pattern
        self.step(*words)
        self.assertEqual(self.calls[0].words[-2], pattern)

    def test_a_former_name_is_cleared_last(self):
        self.cluster(["old"])
        self.put(MARK, "old\n")
        self.works(*SET)
        self.assertEqual(self.names, ["ha-all"])
        self.assertEqual(self.read(MARK), "ha-all\n")

    def test_an_interrupted_rename_that_is_taken_back_keeps_the_policy(self):
        # The rename a → b was interrupted after both were recorded; then a is wanted again: b is cleared, a stays.
        self.cluster(["ha-all", "b"])
        self.put(MARK, "ha-all\nb\n")
        self.works(*SET)
        self.assertEqual(self.names, ["ha-all"])

    def test_a_new_name_is_noted_before_it_is_set(self):
        self.cluster(["old"])
        self.put(MARK, "old\n")
        self.on("set_policy", Ended(70, "", "killed"))
        self.refuses(*SET)
        self.assertEqual(self.read(MARK), "old\nha-all\n")

    def test_an_existing_policy_of_the_new_name_is_not_noted_before_it_is_ours(self):
        self.cluster(["old", "ha-all"])
        self.put(MARK, "old\n")
        self.on("set_policy", Ended(70, "", "invalid"))
        self.refuses(*SET)
        self.assertEqual(self.read(MARK), "old\n")

    def test_a_name_with_unusual_characters_is_one_name(self):
        for sign in ("\u2028", "\u2029", "\x85", "\x0b", "\x1c"):
            self.start()
            self.cluster(["ha", "all", "ha" + sign + "all"])
            self.put(MARK, "ha" + sign + "all\n")
            self.works("policy", "--name", "new", *SET[3:])
            self.assertEqual(self.names, ["ha", "all", "new"])

    def test_another_stacks_policy_stays(self):
        self.cluster(["theirs"])
        self.works(*SET)
        self.assertEqual(self.names, ["theirs", "ha-all"])

    def test_is_not_set_before_every_member_lists_it(self):
        self.cluster([])
        self.silent = {"mq3"}
        self.refuses(*SET, because="missing on: mq3")
        self.assertFalse(self.has(MARK))

    def test_mirroring_on_rabbitmq_4_is_refused(self):
        self.cluster([])
        self.on("set_policy", Ended(69, "", "Validation failed: [ha-mode] are not recognised policy settings"))
        self.refuses(*SET, because="default_queue_type")

    def test_clearing_needs_a_members_answer(self):
        self.cluster(["ha-all"])
        self.works(*CLEAR)
        self.assertEqual(self.names, [])
        self.works(*CLEAR)

    def test_nothing_is_cleared_without_an_answer(self):
        def scenario():
            self.cluster(["old"])
            self.put(MARK, "old\n")

        self.sweep(scenario, SET, ("clear_policy",))

    def test_no_member_answers(self):
        self.on("rabbit_policy", Ended(69))
        self.refuses(*CLEAR, because="no member answers")


if __name__ == "__main__":
    unittest.main()
