"""HAProxy's agent check: drain in alarm, ready without, and no answer if the page is incomplete."""

import socket
import threading
import time
import unittest

from agent import broker_conf, clock, metrics

from .support import HostTest

CALM = "rabbitmq_alarms_memory_used_watermark 0\nrabbitmq_alarms_free_disk_space_watermark 0\nx 1\n"
ALARM = "x 1\nrabbitmq_alarms_memory_used_watermark 0\nrabbitmq_alarms_free_disk_space_watermark 1\n"


class AgentCheck(HostTest):
    def page(self, answer, hang=False):
        """Serves this answer as a broker's metrics page."""
        server = socket.socket()
        self.addCleanup(server.close)
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        self.put(
            broker_conf.FILE,
            "[broker]\nbrokers=mq1\ndiscovery_peers=\nport=5672\nmetrics_port={}\n".format(server.getsockname()[1]),
        )

        def serve():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(1000)
                connection.sendall(answer.encode())
                if hang:
                    threading.Event().wait(2)

        threading.Thread(target=serve, daemon=True).start()

    @staticmethod
    def answer(body, length=None, first="HTTP/1.1 200 OK"):
        size = len(body) if length is None else length
        return "{}\r\ncontent-length: {}\r\n\r\n{}".format(first, size, body)

    def test_drains_in_alarm(self):
        self.page(self.answer(ALARM))
        self.works("agent-check")
        self.assertEqual(self.output, "drain\n")

    def test_is_ready_without(self):
        self.page(self.answer(CALM))
        self.works("agent-check")
        self.assertEqual(self.output, "ready\n")

    def test_is_ready_where_no_length_is_stated(self):
        self.page("HTTP/1.0 200 OK\r\n\r\n" + CALM)
        self.works("agent-check")
        self.assertEqual(self.output, "ready\n")

    def test_gives_no_answer_if_the_page_is_cut_off(self):
        for answer in (
            self.answer(CALM, 5000),
            self.answer(CALM, first="HTTP/1.1 503 Service Unavailable"),
            "HTTP/1.1 200 OK\r\ncontent",
            "",
        ):
            self.page(answer)
            self.assertEqual(self.step("agent-check"), 1, answer)
            self.assertEqual(self.output + self.errors, "")

    def test_gives_no_answer_if_the_page_hangs(self):
        clock.now = time.monotonic
        self.page(self.answer(CALM, 5000), hang=True)
        with self.assertRaises(metrics.NoAnswer):
            list(metrics.lines("127.0.0.1", broker_conf.read().metrics_port, 0.3))

    def test_gives_no_answer_without_a_listener(self):
        self.page("")
        conf = broker_conf.read()
        self.put(broker_conf.FILE, self.read(broker_conf.FILE).replace(str(conf.metrics_port), "1"))
        self.assertEqual(self.step("agent-check"), 1)
        self.assertEqual(self.output, "")

    def test_is_refused_where_no_page_is_named(self):
        self.put(broker_conf.FILE, "[broker]\nbrokers=mq1\ndiscovery_peers=\nport=5672\n")
        self.refuses("agent-check", because="names no metrics page")


if __name__ == "__main__":
    unittest.main()
