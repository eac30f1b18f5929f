"""A host in a folder: functions are its commands, only waiting moves its clock, and its broker answers terms."""

import base64
import contextlib
import io
import os
import struct
import tempfile
import unittest

from agent import clock, command, host, main, rabbitmq


class Ended(Exception):
    """How a simulated program ends when not with 0 and an answer."""

    def __init__(self, code, output="", errors=""):
        super().__init__(code)
        self.code, self.output, self.errors = code, output, errors


class Hangs(Exception):
    """A simulated program that does not end."""


class Call:
    """One call of a program: its arguments, and its standard input."""

    def __init__(self, words, stdin, options):
        self.words = [str(word) for word in words]
        self.program = os.path.basename(self.words[0])
        self.arguments = self.words[1:]
        self.stdin = stdin
        self.options = options
        # The real output, before the sweep has replaced it.
        self.output = ""

    @property
    def of(self):
        """The broker that one of RabbitMQ's tools is pointed at; None for the host's own."""
        if "-n" not in self.arguments:
            other = (self.options.get("extra") or {}).get("RABBITMQ_NODENAME")
            return other and other.split("@", 1)[1]
        return self.arguments[self.arguments.index("-n") + 1].split("@", 1)[1]

    @property
    def line(self):
        """The call on one line, without -q and -n NODE; an expression on standard input is shown behind eval."""
        words = [word for word in self.arguments if word != "-q"]
        if "-n" in words:
            at = words.index("-n")
            del words[at : at + 2]
        if words == ["eval"]:
            # From 3.13 on rabbitmqctl reads nothing if there is another argument.
            assert self.arguments == words, "{} would wait for ever".format(self.arguments)
            words.append(self.stdin)
        return " ".join([self.program] + words)


# The ways in which a question is left unanswered. The last two need an answer that has text.
FAILS, HANGS, NOTHING, HALF = "fails", "hangs", "answers nothing", "answers half"
MODES = (FAILS, HANGS, NOTHING, HALF)


class HostTest(unittest.TestCase):
    """Base class of the tests of steps. `self.on(pattern, answer)` sets what a call that contains the pattern does."""

    name = "mq1"

    def setUp(self):
        self.start()

    def start(self):
        """Makes a new host. The sweep over unanswered questions makes several in one test."""
        self.stop()
        self._stack = contextlib.ExitStack()
        self.addCleanup(self.stop)
        self.root = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="rabbitmq-ha-test-"))
        self.time = 1000.0
        self.calls = []
        self.answers = []
        self.serving = set()
        self.broken = None
        self.asking = False
        self.output = ""
        self.errors = ""
        for module, key, value in [
            (host, "ROOT", self.root),
            (host, "name", lambda: self.name),
            (host, "serves", lambda address, port, seconds=2.0: address in self.serving),
            (host, "which", lambda name: any(name in pattern for pattern, _ in self.answers)),
            (clock, "now", lambda: self.time),
            (clock, "pause", self.wait),
            (command, "execute", self.execute),
            (command, "answer", self._asking(command.answer)),
            (command, "ask", self._asking(command.ask)),
            (command, "holds", self._asking(command.holds)),
            (command, "side_by_side", _one_by_one),
            (rabbitmq, "account", lambda: (os.getuid(), os.getgid())),
        ]:
            self._stack.callback(setattr, module, key, getattr(module, key))
            setattr(module, key, value)

    def stop(self):
        stack = getattr(self, "_stack", None)
        self._stack = None
        if stack is not None:
            stack.close()

    def wait(self, seconds):
        """Moves the clock on. A test may override it to have something happen meanwhile."""
        self.time += seconds

    # Files of the host

    def put(self, name, text="", mode=0o644):
        path = self.root + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def read(self, name):
        with open(self.root + name, encoding="utf-8") as file:
            return file.read()

    def has(self, name):
        return os.path.lexists(self.root + name)

    # Programs of the host

    def on(self, pattern, answer=""):
        """Sets the answer of each call whose line contains the pattern.

        The answer is a text, a function of the call, or an exception to raise. The answer that was set last applies.
        """
        self.answers.insert(0, (pattern, answer))

    def on_question(self, pattern, answer):
        """Sets the answer to an Erlang expression: a term, or a function of the call that returns one."""

        def said(call):
            return evaluated(answer(call) if callable(answer) else answer)

        self.on(pattern, said)

    def execute(self, words, stdin="", seconds=60, log=None, **options):
        """Replaces command.execute."""
        call = Call(words, stdin, dict(options, seconds=seconds))
        call.is_question = self.asking
        self.calls.append(call)
        answer = next((answer for pattern, answer in self.answers if pattern in call.line), None)
        if answer is None:
            raise AssertionError("the host has no answer to: {}".format(call.line))
        code, output, errors = 0, "", ""
        try:
            said = answer(call) if callable(answer) and not isinstance(answer, type) else answer
            if isinstance(said, BaseException):
                raise said
            output = said or ""
        except Ended as ended:
            code, output, errors = ended.code, ended.output, ended.errors
        except Hangs:
            raise command.Timeout(words, seconds)
        call.output = output
        code, output = self._break(call, code, output, seconds)
        if log:
            folder = os.path.dirname(host.path(log))
            os.makedirs(folder, exist_ok=True)
            with open(host.path(log), "a", encoding="utf-8") as file:
                file.write(output + errors)
            output = errors = ""
        return command.Result(words, code, output, errors)

    def _asking(self, function):
        """Returns the same function; the calls that it makes are recorded as questions."""

        def ask(*words, **options):
            self.asking = True
            try:
                return function(*words, **options)
            finally:
                self.asking = False

        return ask

    def _break(self, call, code, output, seconds):
        """Returns what replaces an answer, from the call on that the sweep has chosen."""
        if self.broken is None:
            return code, output
        index, mode = self.broken
        if len(self.calls) - 1 < index or call.line != self.calls[index].line or call.of != self.calls[index].of:
            return code, output
        if mode == FAILS:
            return 75, ""
        if mode == HANGS:
            raise command.Timeout(call.words, seconds)
        return code, "" if mode == NOTHING else output[: len(output) // 2]

    def lines(self):
        return [call.line for call in self.calls]

    def done(self, *patterns):
        """Returns the calls whose line contains one of the patterns."""
        return [line for line in self.lines() if any(pattern in line for pattern in patterns)]

    # Steps

    def step(self, *words):
        """Runs a subcommand. Returns its exit code; what it printed is in self.output and self.errors."""
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                code = main.main(list(words))
            except SystemExit as end:
                code = end.code
        self.output, self.errors = output.getvalue(), errors.getvalue()
        return code

    def works(self, *words):
        self.assertEqual(self.step(*words), 0, self.errors)

    def refuses(self, *words, because=""):
        """Checks that a subcommand fails, and says so in at most 15 lines."""
        self.assertEqual(self.step(*words), 1, self.output)
        self.assertIn(because, self.errors)
        self.assertNotIn("a fault of its own", self.errors)
        self.assertLessEqual(len(self.errors.splitlines()), 15)

    def sweep(self, scenario, words, destructive, except_for=()):
        """Leaves every question of a successful run unanswered once, in each way: nothing destructive may follow.

        scenario: prepares a new host. destructive: patterns of calls that destroy or interrupt. except_for: patterns of
        questions without which the step may continue.
        """
        scenario()
        self.works(*words)
        good = list(self.calls)
        self.assertTrue(
            any(pattern in call.line for call in good for pattern in destructive), "the good run destroys nothing"
        )
        swept = 0
        for index, asked in enumerate(good):
            if not asked.is_question or any(pattern in asked.line for pattern in except_for):
                continue
            for mode in MODES:
                with self.subTest(question=asked.line[:200], mode=mode):
                    self.start()
                    scenario()
                    self.broken = (index, mode)
                    before = len(self.calls)
                    code = self.step(*words)
                    if len(self.calls) <= index:
                        self.fail("the run took another way before the question")
                    self.broken = None
                    after = [call.line for call in self.calls[max(index, before) + 1 :]]
                    done = [line for line in after if any(pattern in line for pattern in destructive)]
                    if mode in (NOTHING, HALF) and not self._has_text(asked):
                        continue
                    self.assertEqual(done, [], "destroyed although the question had no whole answer")
                    self.assertNotEqual(code, 0, "went through without an answer")
                    self.assertNotIn("a fault of its own", self.errors)
                    swept += 1
        self.assertGreater(swept, 0)

    @staticmethod
    def _has_text(call):
        """Whether the answer to a call has text that can be cut; an answer by an exit code has none."""
        return len(call.output) > 1


def _one_by_one(tasks):
    results = []
    for task in tasks:
        try:
            results.append(task())
        except Exception as failure:
            results.append(failure)
    return results


class Atom(str):
    """An atom of a simulated broker's answer; other strings are binaries."""


def node(name):
    return Atom("rabbit@" + name)


def evaluated(term):
    """Returns what `rabbitmqctl eval` prints of an answer."""
    return '<<"{}">>\n'.format(base64.b64encode(b"\x83" + encode(term)).decode())


def encode(term):
    """Returns a term in the external term format, without its first byte."""
    if term is None:
        return encode(Atom("undefined"))
    if isinstance(term, bool):
        return encode(Atom(str(term).lower()))
    if isinstance(term, Atom):
        raw = term.encode("utf-8")
        return b"w" + struct.pack(">B", len(raw)) + raw
    if isinstance(term, str):
        raw = term.encode("utf-8")
        return b"m" + struct.pack(">I", len(raw)) + raw
    if isinstance(term, int):
        return b"b" + struct.pack(">i", term)
    if isinstance(term, float):
        return b"F" + struct.pack(">d", term)
    if isinstance(term, list):
        if not term:
            return b"j"
        return b"l" + struct.pack(">I", len(term)) + b"".join(encode(each) for each in term) + b"j"
    if isinstance(term, tuple):
        return b"h" + struct.pack(">B", len(term)) + b"".join(encode(each) for each in term)
    if isinstance(term, dict):
        pairs = b"".join(encode(key) + encode(value) for key, value in term.items())
        return b"t" + struct.pack(">I", len(term)) + pairs
    raise TypeError(term)


def cluster(
    *members, running=None, disc=None, name="cluster1", version="3.10.8", khepri=False, disabled=(), has_queues=False
):
    """Returns what a broker reports about its cluster (agent/cluster.py)."""
    return {
        Atom("members"): [node(each) for each in members],
        Atom("running"): [node(each) for each in (members if running is None else running)],
        Atom("disc"): [node(each) for each in (members if disc is None else disc)],
        Atom("name"): name,
        Atom("version"): version,
        Atom("khepri"): khepri,
        Atom("has_queues"): has_queues,
        Atom("disabled"): [Atom(flag) for flag in disabled],
    }
