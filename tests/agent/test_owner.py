"""Whose machine it is: the mark that is left, kept and respected."""

import json
import unittest

from agent import owner

from .support import HostTest

STEP = ("owner", "--stack-id", "prod-a1", "--stack", "prod", "--host", "mq1", "--role", "broker", "--identity", "id-1")
TAKE = STEP + ("--take-over",)
MARK = "/var/lib/rabbitmq-ha/owner"


class Mark(HostTest):
    def mark(self):
        return json.loads(self.read(MARK))

    def other(self, **over):
        values = {"stackId": "prod-b2", "stack": "prod", "host": "mq9", "role": "broker", "identity": "id-9"}
        self.put(MARK, json.dumps(dict(values, **over)))

    def test_a_machine_without_a_mark_gets_one(self):
        self.works(*STEP)
        self.assertEqual(
            self.mark(),
            {"stackId": "prod-a1", "stack": "prod", "host": "mq1", "role": "broker", "identity": "id-1"},
        )
        self.assertTrue(owner.read().is_same("prod-a1", "mq1"))

    def test_a_machine_whose_own_id_has_changed_stays_the_same(self):
        self.other(stackId="prod-a1", host="mq1", identity="id-0")
        self.works(*STEP)
        self.assertEqual(self.mark()["identity"], "id-0")

    def test_under_another_name_it_is_another_machine(self):
        self.other(stackId="prod-a1", host="mq0", identity="id-0")
        self.works(*STEP)
        self.assertEqual((self.mark()["host"], self.mark()["identity"]), ("mq1", "id-1"))

    def test_another_stacks_machine_is_refused_and_left_as_it_is(self):
        self.other()
        before = self.read(MARK)
        self.refuses(*STEP, because="belongs to stack prod as mq9")
        self.assertIn("--take-over mq1 --stack prod", self.errors)
        self.assertEqual(self.read(MARK), before)

    def test_it_is_taken_over_where_somebody_says_so(self):
        self.other()
        self.works(*TAKE)
        self.assertEqual((self.mark()["stackId"], self.mark()["identity"]), ("prod-a1", "id-1"))

    def test_a_mark_that_cannot_be_read_is_nobodys_leave(self):
        for text in ("", "{", "[]", '{"stackId": "prod-a1"}', json.dumps(dict.fromkeys(["stackId", "stack"], 1))):
            self.start()
            self.put(MARK, text)
            for step in (STEP, TAKE):
                self.refuses(*step, because="does not say whose machine this is")
            self.assertEqual(self.read(MARK), text)


if __name__ == "__main__":
    unittest.main()
