"""A start without brokers that are gone for good: only if none serves and this one waits for them."""

import json
import unittest

from .broker_host import LOG, BrokerHost, Ended
from .support import Atom, evaluated

FORCE_BOOT = ("force-boot", "--gone", "mq3", "--brokers", "mq1,mq2,mq3", "--port", "5672")
MARK = "/var/lib/rabbitmq-ha/owner"
WAITS = "Waiting for Mnesia tables for 30000 ms, 9 retries left\n"


class ForceBoot(BrokerHost):
    def waiting(self):
        self.state = "activating"
        self.put(LOG, WAITS)
        self.on("rabbit_table:force_load", self.loaded)

    def loaded(self, call):
        self.serving = {"mq1"}
        return evaluated(Atom("ok"))

    def test_the_tables_are_loaded_and_the_broker_serves(self):
        self.waiting()
        self.works(*FORCE_BOOT)
        self.assertEqual(len(self.done("rabbit_table:force_load")), 1)

    def test_refused_while_a_broker_serves(self):
        self.waiting()
        self.serving = {"mq2"}
        self.refuses(*FORCE_BOOT, because="nothing was done: mq2 serves")
        self.assertEqual(self.calls, [])

    def test_refused_if_the_broker_waits_for_no_other(self):
        self.waiting()
        self.put(LOG, WAITS + "incompatible_feature_flags\n")
        self.refuses(*FORCE_BOOT, because="nothing was done: mq1 does not wait for another broker")
        self.assertEqual(self.calls, [])

    def test_refused_without_the_names_of_the_gone_brokers(self):
        self.waiting()
        self.refuses("force-boot", "--gone", "", "--brokers", "mq1,mq2", "--port", "5672", because="nothing was done")
        self.assertEqual(self.calls, [])

    def test_refused_on_a_machine_that_is_another_stacks(self):
        own = ("--stack-id", "prod-a1", "--host", "mq1")
        for words in (FORCE_BOOT, ("force-boot", "--follow")):
            for stack_id, name in (("other-b2", "mq1"), ("prod-a1", "mq9")):
                self.start()
                self.waiting()
                self.mark(stack_id, name)
                self.refuses(
                    *words + own, because="nothing was done: mq1 belongs to stack other as {} now".format(name)
                )
                self.assertEqual(self.calls, [])
            for half in ("", "{"):
                self.start()
                self.waiting()
                self.put(MARK, half)
                self.refuses(*words + own, because="does not say whose machine this is")
                self.assertEqual(self.calls, [])

    def test_the_stacks_own_machine_and_one_without_a_mark_are_started(self):
        for is_marked in (True, False):
            self.start()
            self.waiting()
            if is_marked:
                self.mark("prod-a1", "mq1")
            self.works(*FORCE_BOOT + ("--stack-id", "prod-a1", "--host", "mq1"))
            self.assertEqual(len(self.done("rabbit_table:force_load")), 1)

    def mark(self, stack_id, name):
        values = {"stackId": stack_id, "stack": "other", "host": name, "role": "broker", "identity": "id"}
        self.put(MARK, json.dumps(values))

    def test_between_two_starts_the_command_is_repeated_later(self):
        self.waiting()
        answers = [Ended(69), Ended(69), None]

        def load(call):
            answer = answers.pop(0)
            if answer is not None:
                raise answer
            return self.loaded(call)

        self.on("rabbit_table:force_load", load)
        self.works(*FORCE_BOOT)

    def test_refused_if_a_broker_has_started_meanwhile(self):
        self.waiting()
        told = []

        def load(call):
            told.append(call)
            self.serving = {"mq3"}
            raise Ended(69)

        self.on("rabbit_table:force_load", load)
        self.refuses(*FORCE_BOOT, because="nothing was done: mq3 serves")
        self.assertEqual(len(told), 1)

    def test_a_failed_command_is_reported_with_the_brokers_answer(self):
        self.waiting()
        self.on("rabbit_table:force_load", Ended(69, "", "some words\nError: no exists rabbit_durable_queue"))
        self.refuses(*FORCE_BOOT, because="mq1: could not be told not to wait (Error: no exists rabbit_durable_queue):")

    def test_a_broker_that_still_does_not_boot_is_reported(self):
        self.waiting()
        self.on_question("rabbit_table:force_load", Atom("ok"))
        self.refuses(*FORCE_BOOT, because="mq1: does not serve although it waits no more")

    def test_the_others_follow_at_the_second_attempt_if_not_at_the_first(self):
        self.state = "failed"
        self.fails_with("the start that it was at")
        self.works("force-boot", "--follow")
        self.assertEqual(len(self.done("systemctl start")), 2)
        self.fails_with("one", "two")
        self.refuses("force-boot", "--follow", because="systemctl start rabbitmq-server ended with 1")


if __name__ == "__main__":
    unittest.main()
