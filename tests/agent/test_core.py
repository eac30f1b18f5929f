"""What all steps use: running programs, files, locks, Erlang terms, the command line."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

from agent import clock, cluster, command, erlang, files, host, lock, main, rolling, upgrade_state
from agent.errors import NoAnswer, StepError, Stopped

from .support import Atom, Ended, Hangs, HostTest, encode, evaluated


class SharedVariables(unittest.TestCase):
    def test_a_question_within_another_shares_no_variable_with_it(self):
        # In Erlang a variable that has a value is compared with what it is given again.
        variables = re.compile(r"(?<![\w?'\"])[A-Z]\w*")
        status = cluster.STATUS.strip()
        for question in (rolling._QUESTION, upgrade_state.QUESTION):
            self.assertIn(status, question)
            rest = re.sub(r'"[^"\n]*"', "", question.replace(status, ""))
            shared = set(variables.findall(rest)) & set(variables.findall(status))
            self.assertEqual(shared, set())


class Programs(unittest.TestCase):
    """Tests with real programs."""

    def test_an_answer_is_complete_or_none(self):
        self.assertEqual(command.ask(["printf", "%s", "$HOME `id` \\ 订单"]), "$HOME `id` \\ 订单")
        with self.assertRaisesRegex(NoAnswer, "ended with 3"):
            command.ask(["sh", "-c", "echo half; exit 3"])
        with self.assertRaisesRegex(NoAnswer, "cannot be run"):
            command.ask(["/nowhere/at-all"])

    def test_neither_yes_nor_no_is_no_answer(self):
        self.assertTrue(command.holds(["true"]))
        self.assertFalse(command.holds(["false"]))
        with self.assertRaises(NoAnswer):
            command.holds(["sh", "-c", "exit 7"])

    def test_a_hung_program_is_ended_with_its_children(self):
        with tempfile.NamedTemporaryFile() as file:
            script = "trap '' TERM; (trap '' TERM; echo $$ >{0}; sleep 60) & sleep 60".format(file.name)
            started = time.monotonic()
            with self.assertRaisesRegex(NoAnswer, "was not done after 1 s"):
                command.ask(["sh", "-c", script], seconds=1)
            self.assertLess(time.monotonic() - started, 20)
        listed = subprocess.run(["ps", "-eo", "args"], stdout=subprocess.PIPE, check=True).stdout.decode()
        self.assertNotIn(file.name, listed)

    def test_standard_input_reaches_it_and_is_empty_else(self):
        self.assertEqual(command.ask(["cat"], stdin="secret"), "secret")
        self.assertEqual(command.ask(["cat"]), "")

    def test_what_runs_side_by_side_keeps_its_order_and_its_failures(self):
        def fails():
            raise StepError("no")

        first, second, third = command.side_by_side([lambda: 1, fails, lambda: 3])
        self.assertEqual((first, third), (1, 3))
        self.assertIsInstance(second, StepError)

    def test_programs_in_sbin_are_found_whatever_the_users_path_is(self):
        script = "import os; from agent import main; main.main = lambda: print(os.environ['PATH']); main.start()"
        for path, start in (("/usr/local/bin:/usr/bin", "/usr/local/bin:/usr/bin:"), ("", "/usr/local/sbin:")):
            said = subprocess.check_output([sys.executable, "-c", script], env={"PATH": path}, cwd=command_folder())
            self.assertTrue(said.decode().startswith(start), said)
            self.assertEqual(sorted(said.decode().strip().split(":")), sorted(command.PATH.split(":")))


def command_folder():
    return os.path.dirname(os.path.dirname(os.path.abspath(command.__file__)))


class Files(HostTest):
    def test_a_file_is_written_in_one_move_and_only_where_it_differs(self):
        self.assertTrue(files.write("/etc/some/file", "text\n", mode=0o640))
        self.assertFalse(files.write("/etc/some/file", "text\n", mode=0o640))
        self.assertTrue(files.write("/etc/some/file", "text\n", mode=0o600))
        self.assertEqual(os.stat(self.root + "/etc/some/file").st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.root + "/etc/some"), ["file"])

    def test_a_file_that_its_check_refuses_never_takes_the_place(self):
        files.write("/etc/file", "old")

        def refuse(_path):
            raise StepError("bad")

        with self.assertRaises(StepError):
            files.write("/etc/file", "new", check=refuse)
        self.assertEqual((self.read("/etc/file"), os.listdir(self.root + "/etc")), ("old", ["file"]))

    def test_a_file_that_cannot_be_read_is_not_an_absent_one(self):
        os.makedirs(self.root + "/etc/folder")
        self.assertEqual(files.read("/etc/absent", "none"), "none")
        with self.assertRaises(OSError):
            files.read("/etc/folder", "none")

    def test_the_end_of_a_log(self):
        self.put("/var/log/x.log", "\n".join(str(number) for number in range(100)))
        self.assertEqual(files.tail("/var/log/x.log", 2), "98\n99")
        self.assertEqual(files.tail("/var/log/absent"), "")

    def test_a_tree_goes_and_what_its_links_lead_to_stays(self):
        self.put("/keep/file", "x")
        self.put("/tree/a/b", "x")
        os.symlink(self.root + "/keep", self.root + "/tree/link")
        files.remove_tree("/tree")
        self.assertFalse(self.has("/tree"))
        self.assertTrue(self.has("/keep/file"))


class Locks(HostTest):
    def test_one_run_at_a_time_and_a_busy_one_is_named(self):
        with lock.held("member", 0):
            self.assertTrue(lock.is_busy("member"))
            with self.assertRaisesRegex(StepError, "process {} since".format(os.getpid())), lock.held("member", 1):
                self.fail("two at a time")
        self.assertFalse(lock.is_busy("member"))

    def test_without_room_for_the_holders_name_a_lock_still_counts(self):
        with mock.patch("os.pwrite", side_effect=OSError(28, "No space left on device")), lock.held("member", 0):
            self.assertTrue(lock.is_busy("member"))

    def test_a_lock_that_cannot_be_opened_is_neither_free_nor_busy(self):
        with mock.patch("os.open", side_effect=OSError(28, "No space left on device")):
            with self.assertRaisesRegex(NoAnswer, "locks/member cannot be opened"):
                lock.is_busy("member")
            with self.assertRaisesRegex(NoAnswer, "No space left"), lock.held("member", 0):
                self.fail("held")

    def test_only_root_can_enter_the_folder(self):
        with lock.held("member", 0):
            self.assertEqual(os.stat(self.root + lock.FOLDER).st_mode & 0o777, 0o700)


class Terms(unittest.TestCase):
    def test_what_a_broker_says_comes_back_as_data(self):
        term = {Atom("a"): [1, -5, 300, "订单", (Atom("x"), [], True, None)], "b": 2.5}
        self.assertEqual(erlang.decode(b"\x83" + encode(term)), term)

    def test_an_incomplete_term_is_refused(self):
        whole = b"\x83" + encode([("one", 1), ("two", 2)])
        for length in range(len(whole)):
            with self.assertRaises(ValueError):
                erlang.decode(whole[:length])
        with self.assertRaises(ValueError):
            erlang.decode(whole + b"x")

    def test_big_numbers_strings_pids_and_references(self):
        self.assertEqual(erlang.decode(bytes([131, 110, 5, 0, 0, 0, 0, 0, 1])), 2**32)
        self.assertEqual(erlang.decode(bytes([131, 110, 1, 1, 7])), -7)
        self.assertEqual(erlang.decode(bytes([131, 107, 0, 2, 104, 105])), [104, 105])
        pid = bytes([131, 88]) + encode(Atom("rabbit@a")) + bytes(12)
        self.assertEqual(erlang.decode(pid), "rabbit@a")

    def test_any_text_becomes_ascii_source(self):
        for value in ("Prod$EU", "订单", 'a"b\\c`d', ""):
            self.assertRegex(erlang.text(value), r'^base64:decode\(<<"[A-Za-z0-9+/=]*">>\)$')


class Questions(HostTest):
    def setUp(self):
        super().setUp()
        from agent import rabbitmq

        self.evaluate = rabbitmq.evaluate

    def test_an_answer_may_be_long_and_in_pieces(self):
        line = evaluated("x" * 300).strip()
        self.on("eval", line[:50] + '"\n    "' + line[50:])
        self.assertEqual(self.evaluate("1"), "x" * 300)

    def test_anything_but_a_complete_answer_is_no_answer(self):
        whole = evaluated([1, 2, 3])
        for answer in ("", "{error, nope}", whole[:-5], whole[: len(whole) // 2], '<<"AAAA">>', Ended(75), Hangs()):
            self.start()
            self.on("eval", answer)
            with self.assertRaises(NoAnswer):
                self.evaluate("1")

    def test_a_connection_that_takes_too_long_is_tried_once_more_within_the_same_time(self):
        def gives_up(call):
            self.time += 8
            raise Ended(69)

        for seconds, tries in ((30, [30, 22]), (14, [14])):
            self.start()
            self.on("eval", gives_up)
            with self.assertRaisesRegex(NoAnswer, "ended with 69"):
                self.evaluate("1", seconds=seconds)
            self.assertEqual([call.options["seconds"] for call in self.calls], tries)

        def gives_up_first(call):
            return evaluated(1) if len(self.calls) == 2 else gives_up(call)

        self.start()
        self.on("eval", gives_up_first)
        self.assertEqual(self.evaluate("1"), 1)

    def test_a_broker_that_is_down_and_one_that_hangs_are_asked_once(self):
        def hangs(call):
            self.time += call.options["seconds"]
            raise Hangs

        for unanswered in (Ended(69), hangs):
            self.start()
            self.on("eval", unanswered)
            with self.assertRaises(NoAnswer):
                self.evaluate("1")
            self.assertEqual(len(self.calls), 1)

    def test_the_question_goes_by_standard_input(self):
        self.on("eval", evaluated(1))
        self.evaluate("secret()")
        self.assertNotIn("secret", " ".join(self.calls[0].words))
        self.assertIn("secret", self.calls[0].stdin)


class CommandLine(HostTest):
    def test_each_subcommand_has_a_help(self):
        for name in main.SUBCOMMANDS:
            with self.subTest(name):
                self.assertEqual(self.step(name, "--help"), 0)
                self.assertIn("usage: rabbitmq-ha {}".format(name), self.output)
                self.assertRegex(self.output.split("\n\n")[1], r"[A-Z].*[.:]")

    def test_without_a_subcommand_it_lists_them(self):
        self.assertEqual(self.step(), 2)
        for name in main.SUBCOMMANDS:
            self.assertIn(name, self.output)

    def test_an_internal_error_is_one_line_and_the_traceback_is_in_a_file(self):
        class Broken:
            LOCK = None

            @staticmethod
            def run(_wanted):
                raise KeyError("x")

        class Wanted:
            module = Broken

        os.makedirs(self.root + "/var/log")
        errors = sys.stderr
        try:
            with open(self.root + "/stderr", "w", encoding="utf-8") as sys.stderr:
                self.assertEqual(main.run("member", Wanted), 1)
        finally:
            sys.stderr = errors
        self.assertEqual(len(self.read("/stderr").splitlines()), 1)
        self.assertIn("KeyError", self.read(main.FAULTS))

    def test_a_failure_has_at_most_fifteen_lines(self):
        report = StepError("what", "do this", "\n".join("line {}".format(number) for number in range(50))).report()
        lines = report.splitlines()
        self.assertEqual((len(lines), lines[0], lines[1], lines[-1]), (15, "what", "do this", "line 49"))


class Time(unittest.TestCase):
    def test_a_step_ends_at_its_deadline_whatever_it_waits_for(self):
        class Hanging:
            LOCK = None
            TIMEOUT_SECONDS = 1

            @staticmethod
            def run(_wanted):
                threading.Event().wait(30)

        class Wanted:
            module = Hanging

        original, host.name = host.name, lambda: "mq1"
        started = time.monotonic()
        try:
            with tempfile.TemporaryFile("w+") as file:
                errors, sys.stderr = sys.stderr, file
                try:
                    with lock_folder():
                        self.assertEqual(main.run("file", Wanted), 1)
                finally:
                    sys.stderr = errors
                file.seek(0)
                self.assertIn("was not done after 1 s", file.read())
        finally:
            host.name = original
        self.assertLess(time.monotonic() - started, 10)

    def test_the_clean_up_at_the_deadline_has_its_own_time(self):
        kept, now = clock.now, [1000.0]
        clock.now = lambda: now[0]
        try:
            main._limit("member", 1800)
            late = signal.getsignal(signal.SIGALRM)
            now[0] += 1801
            clock.extend(330)
            now[0] += 1
            late(signal.SIGALRM, None)
            self.assertGreater(signal.getitimer(signal.ITIMER_REAL)[0], 300)
            now[0] += 332
            with self.assertRaises(Stopped):
                late(signal.SIGALRM, None)
        finally:
            main._limit("member", None)
            clock.now = kept

    def test_a_stopped_step_undoes_what_it_has_begun(self):
        words = (
            "import os, signal, sys, time; sys.argv = ['rabbitmq-ha', 'status']\n"
            "from agent import main\n"
            "def work():\n"
            "    try:\n"
            "        os.kill(os.getpid(), signal.{})\n"
            "        time.sleep(5)\n"
            "    finally:\n"
            "        print('undone', flush=True)\n"
            "main.main = work\n"
            "main.start()\n"
        )
        for name in ("SIGTERM", "SIGINT", "SIGHUP"):
            program = [sys.executable, "-c", words.format(name)]
            said = subprocess.run(program, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self.assertEqual(said.stdout, b"undone\n", name)

    def test_a_wait_checks_at_least_once_and_once_at_the_end(self):
        asked = []
        self.assertFalse(clock.wait_until(lambda: asked.append(1), 0))
        self.assertEqual(len(asked), 1)


class lock_folder(tempfile.TemporaryDirectory):  # noqa: N801
    """A host in a folder, for tests with the real clock."""

    def __enter__(self):
        self._root, host.ROOT = host.ROOT, super().__enter__()
        return host.ROOT

    def __exit__(self, *failure):
        host.ROOT = self._root
        super().__exit__(*failure)


if __name__ == "__main__":
    unittest.main()
