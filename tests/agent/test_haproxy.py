"""HAProxy's socket: Keepalived's check every second, the kill of a hung HAProxy, and the wait for the brokers."""

import contextlib
import functools
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

from agent import haproxy, services
from agent.errors import NoAnswer, StepError
from agent.steps import check_haproxy

from .support import Ended, Hangs, HostTest

INFO = b"Name: HAProxy\nVersion: 2.6.12\nPid: 4711\nUptime: 0d 0h00m01s\n\n"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Server:
    """A simulated HAProxy socket. `answer` is what it says; None if it accepts connections and says nothing."""

    def __init__(self, path, answer):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.path = path
        self.answer = answer
        self.asked = []
        self._open = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(path)
        self._socket.listen(5)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self.answer is None:
                self._open.append(connection)
                continue
            self.asked.append(connection.recv(1000))
            # A client that has read enough disconnects.
            with contextlib.suppress(OSError), connection:
                for piece in self.answer if isinstance(self.answer, list) else [self.answer]:
                    connection.sendall(piece)
                    time.sleep(0.01)

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            connection.close()
        os.unlink(self.path)


class Clock:
    """A clock that only pauses and unanswered waits move, so that a busy computer changes no result."""

    def __init__(self, wait_seconds):
        self.time = 1000.0
        self.wait_seconds = wait_seconds
        self.later = []

    def monotonic(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds
        for due in [each for each in self.later if each[0] <= self.time]:
            self.later.remove(due)
            due[1]()


class ClockedSocket:
    """A real socket. A timeout takes its whole time on the clock, and little in reality."""

    def __init__(self, clock, *kind):
        self._clock = clock
        self._seconds = 0
        self._socket = socket.socket(*kind)
        self.close = self._socket.close

    def settimeout(self, seconds):
        self._seconds = seconds
        self._socket.settimeout(self._clock.wait_seconds)

    def connect(self, path):
        return self._within_timeout(self._socket.connect, path)

    def sendall(self, text):
        return self._within_timeout(self._socket.sendall, text)

    def recv(self, size):
        return self._within_timeout(self._socket.recv, size)

    def _within_timeout(self, call, value):
        try:
            return call(value)
        except socket.timeout:
            self._clock.sleep(self._seconds)
            raise


class Check(unittest.TestCase):
    """With real sockets, on a clock of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rabbitmq-ha-test-")
        self.addCleanup(folder.cleanup)
        self.path = folder.name + "/admin.sock"

    def serve(self, answer):
        server = Server(self.path, answer)
        self.addCleanup(server.close)
        return server

    def check(self, expected, later=()):
        """Checks the result. Returns how long that took. `later` is what happens meanwhile: [(seconds, call)]."""
        clock = Clock(60 if expected else 0.01)
        started = clock.time
        clock.later = [(started + seconds, call) for seconds, call in later]
        sockets = mock.Mock(AF_UNIX=socket.AF_UNIX, SOCK_STREAM=socket.SOCK_STREAM)
        sockets.socket = functools.partial(ClockedSocket, clock)
        with mock.patch.object(check_haproxy, "time", clock), mock.patch.object(check_haproxy, "_socket", sockets):
            self.assertIs(check_haproxy.is_well(self.path), expected)
        return clock.time - started

    def test_an_answering_haproxy_passes_at_once(self):
        server = self.serve(INFO)
        self.assertEqual(self.check(True), 0)
        self.assertEqual(server.asked, [b"show info\n"])

    def test_an_answer_in_pieces_counts(self):
        self.serve([b"Name: HAProxy\nPi", b"d: 4711\n"])
        self.check(True)

    def test_without_a_socket_the_check_fails_before_keepalived_repeats_it(self):
        self.assertLess(self.check(False), 1.0)

    def test_a_socket_without_a_listener_fails(self):
        left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        left.bind(self.path)
        left.close()
        self.assertLess(self.check(False), 1.0)

    def test_a_haproxy_that_accepts_but_does_not_answer_fails(self):
        self.serve(None)
        self.assertLess(self.check(False), 1.0)

    def test_a_haproxy_that_does_not_accept_fails(self):
        stopped = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(stopped.close)
        stopped.bind(self.path)
        stopped.listen(0)
        for _ in range(3):
            each = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            each.setblocking(False)
            self.addCleanup(each.close)
            with contextlib.suppress(OSError):
                each.connect(self.path)
        self.assertLess(self.check(False), 1.0)

    def test_another_or_an_empty_answer_fails(self):
        for answer in (b"", b"Permission denied\n", b"Name: HAProxy\nNopid: 1\n\n"):
            with self.subTest(answer=answer):
                server = Server(self.path, answer)
                self.check(False)
                server.close()

    def test_a_killed_haproxy_that_is_back_in_time_passes(self):
        took = self.check(True, [(0.5, lambda: self.serve(INFO))])
        self.assertGreaterEqual(took, 0.5)
        self.assertLess(took, 0.6)

    def test_the_script_for_keepalived_exits_with_the_same_result(self):
        with open(ROOT + "/templates/keepalived/check-haproxy.hbs", encoding="utf-8") as file:
            text = file.read().replace("{{program}}", ROOT)
        text = text.replace("is_well()", "is_well({!r})".format(self.path))
        script = self.path + ".check"
        with open(script, "w", encoding="utf-8") as file:
            file.write(text)
        self.assertTrue(text.startswith("#!/usr/bin/python3 -IS\n"))

        def code():
            return subprocess.call([sys.executable, "-IS", script], stderr=subprocess.DEVNULL)

        self.assertEqual(code(), 1)
        self.serve(INFO)
        self.assertEqual(code(), 0)

    def test_the_check_imports_almost_nothing(self):
        words = "import sys; sys.path.insert(0, {!r}); from agent.steps.check_haproxy import is_well;".format(ROOT)
        words += "print(*[name for name in ('socket', 'argparse', 'subprocess', 're', 'enum') if name in sys.modules])"
        self.assertEqual(subprocess.check_output([sys.executable, "-IS", "-c", words]).strip(), b"")


class Revive(HostTest):
    name = "lb1"

    def setUp(self):
        super().setUp()
        self.patch(check_haproxy, "is_well", self.is_well)

    def patch(self, module, key, value):
        self.addCleanup(setattr, module, key, getattr(module, key))
        setattr(module, key, value)

    def is_well(self, path):
        self.assertTrue(path.endswith("/run/haproxy/admin.sock"))
        self.checks += 1
        return self.checks == self.well_at

    def start(self):
        super().start()
        self.checks, self.well_at = 0, None
        self.on("systemd-cat")
        self.on("kill --signal=KILL haproxy")
        self.active("active")

    def active(self, state):
        self.on("systemctl show haproxy", "ActiveState={}\n".format(state))

    def test_a_hung_haproxy_is_killed_and_that_is_reported(self):
        self.works("revive-haproxy")
        self.assertEqual(self.checks, 5)
        self.assertEqual(len(self.done("kill")), 1)
        said = next(call for call in self.calls if call.program == "systemd-cat")
        self.assertIn("does not answer on its socket: killing it", said.stdin)

    def test_a_haproxy_that_answers_again_is_left_alone(self):
        self.well_at = 5
        self.works("revive-haproxy")
        self.assertEqual(self.lines(), [])

    def test_a_stopped_or_starting_haproxy_is_left_alone(self):
        for state in ("inactive", "failed", "activating", "deactivating"):
            self.start()
            self.active(state)
            self.works("revive-haproxy")
            self.assertEqual(self.done("kill"), [], state)

    def test_without_an_answer_from_systemd_it_is_not_killed(self):
        self.sweep(lambda: None, ("revive-haproxy",), ("kill --signal",))


TITLES = "# pxname,svname,qcur,status,weight,\n"
ALL_UP = [
    ("stats", "FRONTEND", "OPEN"),
    ("rabbitmq_cluster", "FRONTEND", "OPEN"),
    ("rabbitmq_cluster", "mq1", "UP"),
    ("rabbitmq_cluster", "mq2", "UP"),
    ("rabbitmq_cluster", "BACKEND", "UP"),
    ("rabbitmq_management", "mq1", "UP"),
    ("rabbitmq_management", "mq2", "UP"),
    ("rabbitmq_management", "BACKEND", "UP"),
]


def statistics(rows, **states):
    """Returns HAProxy's answer; `mq1="DOWN"` sets the state in all its proxies."""
    lines = ["{},{},0,{},1,\n".format(proxy, name, states.get(name, state)) for proxy, name, state in rows]
    return (TITLES + "".join(lines) + "\n").encode()


class Socket(HostTest):
    name = "lb1"

    def serve(self, answer):
        server = Server(self.root + check_haproxy.SOCKET, answer)
        self.addCleanup(server.close)

    def test_brokers_and_their_states(self):
        self.serve(statistics(ALL_UP, mq2="DOWN 1/2"))
        self.assertEqual(
            haproxy.brokers(),
            [
                ("rabbitmq_cluster", "mq1", "UP"),
                ("rabbitmq_cluster", "mq2", "DOWN 1/2"),
                ("rabbitmq_management", "mq1", "UP"),
                ("rabbitmq_management", "mq2", "DOWN 1/2"),
            ],
        )

    def test_an_incomplete_answer_is_no_answer(self):
        whole = statistics(ALL_UP)
        for answer in (None, b"", whole[:-1], whole[: len(whole) // 2], b"Unknown command.\n\n", b"\n\n"):
            with self.subTest(answer=answer):
                server = Server(self.root + check_haproxy.SOCKET, answer)
                with self.assertRaises(NoAnswer):
                    said = haproxy.ask("show stat", seconds=0.3)
                    # A complete text that is no statistics.
                    self.assertLess(len(said), 100)
                    haproxy.brokers()
                server.close()

    def test_a_missing_socket_is_no_answer(self):
        with self.assertRaises(NoAnswer):
            haproxy.brokers()


SERVING = ("serving", "--unit", "haproxy", "--restart", "/a", "--reload", "/b,/c", "--patience", "30")


class Serving(HostTest):
    name = "lb1"

    def start(self):
        super().start()
        self.due = []
        self.seen = [haproxy_rows()]
        self.on("journalctl -u haproxy", "Server mq1 is DOWN\n")
        for module, key, value in [
            (services, "do_what_is_due", lambda *words: self.due.append(words)),
            (haproxy, "brokers", self.brokers),
        ]:
            self._stack.callback(setattr, module, key, getattr(module, key))
            setattr(module, key, value)

    def brokers(self):
        answer = self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def test_a_due_restart_is_done_first(self):
        self.works(*SERVING)
        self.assertEqual(self.due, [("haproxy", ["/a"], ["/b", "/c"])])

    def test_a_due_restart_that_fails_fails_the_step(self):
        def fails(*_words):
            raise StepError("lb1: haproxy did not reload")

        services.do_what_is_due = fails
        self.refuses(*SERVING, because="did not reload")

    def test_it_waits_until_every_broker_is_up(self):
        self.seen = [NoAnswer("no socket"), [], haproxy_rows(mq1="DOWN"), haproxy_rows(mq2="UP 1/2"), haproxy_rows()]
        self.works(*SERVING)
        self.assertEqual(self.time, 1002.0)
        self.assertEqual(self.output, "")

    def test_one_broker_that_is_down_does_not_fail_the_step(self):
        self.seen = [haproxy_rows(mq2="DOWN")]
        self.works(*SERVING)
        self.assertIn("after 30 s HAProxy does not see every broker up: rabbitmq_cluster mq2 DOWN; ", self.output)

    def test_no_broker_up_is_a_failure_even_if_a_management_ui_is_up(self):
        rows = [("rabbitmq_cluster", "mq1", "DOWN"), ("rabbitmq_management", "mq1", "UP")]
        self.seen = [rows]
        self.refuses(*SERVING, because="after 30 s HAProxy sees no broker up (rabbitmq_cluster mq1 DOWN)")
        self.assertIn("Server mq1 is DOWN", self.errors)

    def test_no_answer_is_a_failure(self):
        self.seen = [NoAnswer("HAProxy's socket does not answer: Connection refused")]
        self.refuses(*SERVING, because="sees no broker up (HAProxy's socket does not answer")

    def test_an_empty_list_of_brokers_is_a_failure(self):
        self.seen = [[]]
        self.refuses(*SERVING, because="sees no broker up (it has none)")

    def test_a_missing_journal_does_not_hide_the_message(self):
        self.seen = [[]]
        for mode in (Ended(1), Hangs()):
            self.on("journalctl", mode)
            self.refuses(*SERVING, because="sees no broker up")


def haproxy_rows(**states):
    return [
        (proxy, name, states.get(name, state))
        for proxy, name, state in ALL_UP
        if name not in ("FRONTEND", "BACKEND") and proxy != "stats"
    ]


if __name__ == "__main__":
    unittest.main()
