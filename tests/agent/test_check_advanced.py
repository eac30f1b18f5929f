"""advanced.config is read by Erlang itself before a broker reads it."""

import os

from .support import Ended, Hangs, HostTest

NEW = "/etc/rabbitmq/advanced.config.7.new"


class CheckAdvanced(HostTest):
    def check(self):
        return ("check-advanced", self.root + NEW)

    def setUp(self):
        super().setUp()
        self.put(NEW, "%% Written\n[{rabbit, [\n  {consumer_timeout, }]}].\n")

    def test_a_file_that_erlang_reads_passes(self):
        self.on("erl", "whole\n")
        self.works(*self.check())
        (call,) = self.calls
        self.assertEqual(call.arguments[-2:], ["-extra", self.root + NEW])
        self.assertEqual(call.stdin, "")

    def test_erlang_runs_as_the_user_of_the_broker_and_leaves_no_dump(self):
        self.on("erl", "whole\n")
        self.works(*self.check())
        options = self.calls[0].options
        self.assertEqual(options["user"], None if os.getuid() != 0 else (os.getuid(), os.getgid()))
        self.assertEqual(options["extra"]["ERL_CRASH_DUMP_SECONDS"], "0")

    def test_a_fault_is_said_with_its_line_and_the_text_there(self):
        self.on("erl", "fault 3: syntax error before: '}'\n")
        said = "mq1: Erlang cannot read it: line 3: syntax error before: '}'\n  {consumer_timeout, }]}].\n"
        self.refuses(*self.check(), because=said)

    def test_a_fault_without_a_line_is_said_as_it_is(self):
        for fault in ("not one list", "9: beyond the file"):
            self.on("erl", "fault {}\n".format(fault))
            self.refuses(*self.check(), because=fault)

    def test_no_answer_is_no_permission(self):
        for answer in ("", "who", "wholesale\n", Ended(1, "whole\n"), Hangs(), FileNotFoundError(2, "No such file")):
            with self.subTest(answer=answer):
                self.on("erl", answer)
                self.refuses(*self.check())
