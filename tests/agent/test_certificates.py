"""The broker's certificates: both files whole or none, no restart, and no success before its ports show the new one."""

import base64
import hashlib
import io
import os
import stat
import sys

from .broker_host import BrokerHost
from .support import Ended, Hangs

STEP = ("certificates", "--ports", "5671,15671")
BROKER = "/etc/rabbitmq-ha/tls/broker.pem"
AUTHORITIES = "/etc/rabbitmq-ha/tls/authorities.pem"


def pem(kind, data):
    return "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n".format(kind, base64.b64encode(data).decode())


OWN = pem("CERTIFICATE", b"the broker's") + pem("PRIVATE KEY", b"its key")
ABOVE = pem("CERTIFICATE", b"the authority's")
SENT = OWN + "--authorities--\n" + ABOVE + "--end--\n"
NEW = base64.b64encode(hashlib.sha256(b"the broker's").digest()).decode()
OLD = base64.b64encode(hashlib.sha256(b"another").digest()).decode()


class Certificates(BrokerHost):
    def start(self):
        super().start()
        self.sent = SENT
        self.shown = [NEW, NEW]
        self.on_question("ssl:clear_pem_cache()", lambda call: True)
        self.on_question("ssl:peercert", lambda call: self.shown)

    def step(self, *words):
        before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(self.sent.encode("utf-8")))
        try:
            return super().step(*words)
        finally:
            sys.stdin = before

    def test_both_files_are_written_and_only_root_and_the_broker_can_read_them(self):
        self.works(*STEP)
        self.assertEqual(self.read(BROKER), OWN)
        self.assertEqual(self.read(AUTHORITIES), ABOVE)
        for path in (BROKER, AUTHORITIES):
            self.assertEqual(stat.S_IMODE(os.stat(self.root + path).st_mode), 0o640)

    def test_the_running_broker_is_told_and_not_restarted(self):
        self.works(*STEP)
        self.assertEqual(len(self.done("ssl:clear_pem_cache()")), 1)
        self.assertEqual(self.done("systemctl restart", "systemctl stop", "suspend", "drain"), [])

    def test_it_waits_until_every_port_shows_the_new_one(self):
        answers = [[OLD, OLD], [NEW, OLD], [NEW, NEW]]
        self.on_question("ssl:peercert", lambda call: answers.pop(0))
        self.works(*STEP)
        self.assertEqual(answers, [])

    def test_a_port_that_shows_another_one_is_named_in_the_end(self):
        self.shown = [NEW, OLD]
        self.refuses(*STEP, because="mq1: does not show its new certificate after 10 s; restart rabbitmq-server here")
        self.assertIn("port 15671: " + OLD, self.errors)
        self.assertNotIn("port 5671", self.errors)

    def test_only_a_port_of_amqp_is_sent_the_header_that_it_may_expect(self):
        self.works(*STEP)
        question = self.done("ssl:peercert")[0]
        self.assertIn('case application:get_env(rabbit, proxy_protocol, false) of\n  true -> <<"PROXY TCP4 ', question)
        self.assertIn('1 1\\r\\n">>', question)
        self.assertIn("[ok = gen_tcp:send(Plain, Header) || lists:member(Port, Amqp)]", question)

    def test_a_connection_that_is_closed_is_no_port_that_nothing_listens_at(self):
        self.shown = ["no TLS: closed", NEW]
        self.refuses(*STEP, because="does not show its new certificate")

    def test_a_port_that_only_the_next_start_opens_is_no_fault(self):
        self.shown = ["closed", "closed"]
        self.works(*STEP)

    def test_a_broker_that_does_not_run_reads_them_at_its_start(self):
        self.state = "inactive"
        self.works(*STEP)
        self.assertEqual(self.read(BROKER), OWN)
        self.assertEqual(self.done("rabbitmqctl"), [])

    def test_no_whole_answer_is_no_success(self):
        for answer in ([NEW], "", Ended(1, "NEW"), Hangs()):
            with self.subTest(answer=answer):
                if isinstance(answer, list):
                    self.on_question("ssl:peercert", answer)
                else:
                    self.on("ssl:peercert", answer)
                self.refuses(*STEP)

    def test_what_was_cut_off_on_the_way_replaces_nothing(self):
        self.works(*STEP)
        for sent in (
            "",
            OWN,
            OWN + "--authorities--\n" + ABOVE,
            SENT[:-30],
            ABOVE + "--authorities--\n" + ABOVE + "--end--\n",
        ):
            with self.subTest(sent=sent[-40:]):
                self.sent = sent
                self.refuses(*STEP, because="mq1: the certificates did not come completely on standard input")
                self.assertEqual(self.read(BROKER), OWN)
                self.assertEqual(self.read(AUTHORITIES), ABOVE)

    def test_they_go_when_there_is_no_tls_any_more(self):
        self.works(*STEP)
        self.works("certificates", "--remove")
        self.assertFalse(self.has(BROKER))
        self.works("certificates", "--remove")


class OnlyTls(BrokerHost):
    NEW = "/etc/rabbitmq/rabbitmq.conf.7.new"
    CONF = "/etc/rabbitmq/rabbitmq.conf"
    AMQP = "listeners.tcp = none\nlisteners.ssl.default = 5671\n"
    MORE = "mqtt.listeners.tcp = none\nweb_mqtt.tcp.listener = none\n"

    def start(self):
        super().start()
        self.put("/var/lib/rabbitmq-ha/member")
        self.put(self.NEW, self.AMQP)

    def check(self):
        return ("check-tls-only", self.root + self.NEW)

    def test_a_member_without_tls_keeps_its_plain_ports(self):
        self.put(self.CONF, "listeners.tcp.default = 5672\n")
        self.refuses(
            *self.check(), because="mq1: its clients have no port with TLS yet, so the plain ones cannot be closed"
        )
        self.assertIn("first run up with tls and without tls.only", self.errors)

    def test_one_with_tls_may_close_them_and_one_that_is_new_has_none(self):
        self.put(self.CONF, "listeners.tcp.default = 5672\nlisteners.ssl.default = 5671\n")
        self.works(*self.check())
        self.put(self.CONF, "listeners.tcp.default = 5672\n")
        os.unlink(self.root + "/var/lib/rabbitmq-ha/member")
        self.works(*self.check())

    def test_each_further_protocol_has_tls_before_its_plain_port_is_closed(self):
        self.put(self.NEW, self.AMQP + self.MORE)
        amqp = "listeners.tcp.default = 5672\nlisteners.ssl.default = 5671\n"
        self.put(self.CONF, amqp + "mqtt.listeners.ssl.default = 8883\n")
        self.refuses(*self.check(), because="mq1: its clients of web_mqtt have no port with TLS yet")
        self.put(self.CONF, amqp + "mqtt.listeners.ssl.default = 8883\nweb_mqtt.ssl.port = 15676\n")
        self.works(*self.check())

    def test_a_protocol_that_is_new_where_all_are_closed_has_no_clients_yet(self):
        self.put(self.NEW, self.AMQP + self.MORE)
        self.put(self.CONF, self.AMQP)
        self.works(*self.check())
