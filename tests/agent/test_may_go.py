"""Whether a balancer's machine may go: another one leads to a broker, or this one leads to none."""

import contextlib
import socket
import threading
import unittest

from agent.steps import may_go

from .support import HostTest

OWN, OTHER, THIRD = "127.0.7.1", "127.0.7.2", "127.0.7.3"
# The first bytes of a broker's answer (Connection.Start), and a TLS alert.
START, ALERT = b"\x01\x00\x00\x00\x00\x01", b"\x15\x03\x03\x00\x02\x02\x0a"


class MayGo(HostTest):
    def start(self):
        super().start()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def at(self, address, answer):
        """Has this address answer each connection: by bytes, by its end without any, or not at all (None)."""
        server = socket.socket()
        self._stack.callback(server.close)
        server.bind((address, self.port))
        server.listen(20)

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                if answer is None:
                    self._stack.callback(connection.close)
                    continue
                with connection, contextlib.suppress(OSError):
                    if connection.recv(8) == b"AMQP\x00\x00\x09\x01":
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()

    def silent(self, address):
        """Has this address accept a connection and say nothing, within a shorter time than a host waits for."""
        self._stack.callback(setattr, may_go, "ANSWER_SECONDS", may_go.ANSWER_SECONDS)
        may_go.ANSWER_SECONDS = 0.1
        self.at(address, None)

    def words(self, others=OTHER):
        return ("may-go", "--balancer", "lb1", "--at", OWN, "--others", others, "--port", str(self.port))

    def test_one_goes_while_another_leads_to_a_broker(self):
        for answer in (START, ALERT, START[:1]):
            self.start()
            self.at(OWN, START)
            self.at(OTHER, answer)
            self.works(*self.words())

    def test_any_other_one_will_do(self):
        self.at(OWN, START)
        self.at(THIRD, START)
        self.works(*self.words(OTHER + "," + THIRD))

    def test_another_one_that_serves_in_time_will_do(self):
        self.at(OWN, START)

        def wait(seconds):
            HostTest.wait(self, seconds)
            if self.time == 1005:
                self.at(OTHER, START)

        may_go.clock.pause = wait
        self.works(*self.words())

    def test_the_last_one_that_leads_to_a_broker_stays(self):
        # It refuses the connection, closes it without a word, or says nothing.
        for other in (None, b"", "silent"):
            self.start()
            self.at(OWN, START)
            if other == "silent":
                self.silent(OTHER)
            elif other is not None:
                self.at(OTHER, other)
            self.refuses(*self.words())
            self.assertIn(
                "mq1: the machine of lb1 is not taken away: it leads to a broker, and 127.0.7.2 at port", self.errors
            )
            self.assertIn("systemctl stop haproxy", self.errors)

    def test_one_that_leads_nowhere_goes(self):
        self.works(*self.words())
        self.at(OWN, b"")
        self.works(*self.words())

    def test_one_that_does_not_answer_stays(self):
        self.silent(OWN)
        self.refuses(*self.words())
        self.assertIn("the machine of lb1 is not taken away: it does not answer, and 127.0.7.2 at port", self.errors)
        self.assertIn("state delete URN", self.errors)

    def test_one_that_does_not_answer_goes_while_another_leads_to_a_broker(self):
        self.silent(OWN)
        self.at(OTHER, START)
        self.works(*self.words())


if __name__ == "__main__":
    unittest.main()
