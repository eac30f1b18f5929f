"""The PROXY protocol: a broker changes in its turn, and HAProxy sends it no new connection meanwhile."""

import unittest

from agent import haproxy, proxy_lines, proxy_protocol, rabbitmq

from .brokers import ClusterTest
from .support import HostTest
from .test_service import CFG, DROP_IN, NOTE, OPTIONS, STATS, ServiceTest

HEAD = "global\n    maxconn 10\n\n"
AMQP = "listen rabbitmq_cluster\n    bind *:5672\n"
CHECK = " check inter 5s observe layer4"


def server(name, more="", rest=CHECK, port=5672):
    return "    server {} 10.0.0.{}:{}{}{}\n".format(name, name[-1], port, more, rest)


def both(*lines):
    """Returns a haproxy.cfg with AMQP's lines, the management UI's and MQTT's, each for the brokers b1 and b2."""
    plain = "".join(server(name, port=15672) for name in ("b1", "b2"))
    mqtt = [line.replace(CHECK, " track rabbitmq_cluster/" + line.split()[1]) for line in lines]
    mqtt = [line.replace(":5672", ":1883").replace(" port 5672", "") for line in mqtt]
    return (
        HEAD
        + AMQP
        + "".join(lines)
        + "\nlisten rabbitmq_management\n"
        + plain
        + "\nlisten rabbitmq_mqtt\n"
        + "".join(mqtt)
    )


HEADER = " send-proxy-v2 port 5672"
HELD = " weight 0"
PROXIES = ("--proxies", "rabbitmq_cluster,rabbitmq_mqtt", "--binary", "/usr/sbin/haproxy")
STEP = ("proxy-lines",) + PROXIES + ("--header",)


class Text(unittest.TestCase):
    def change(self, text, settle=None, hold=None, header=True):
        return proxy_lines.change(text, ["rabbitmq_cluster", "rabbitmq_mqtt"], header, settle, hold)

    def test_a_broker_is_held_then_changed_and_released(self):
        plain = both(server("b1"), server("b2"))
        first = both(server("b1", HELD), server("b2"))
        second = both(server("b1", HEADER), server("b2", HELD))
        last = both(server("b1", HEADER), server("b2", HEADER))
        self.assertEqual(self.change(plain, None, "b1"), first)
        self.assertEqual(self.change(first, "b1", "b2"), second)
        self.assertEqual(self.change(second, "b2"), last)
        self.assertEqual(
            self.change(last, None, "b1", header=False), both(server("b1", HELD + HEADER), server("b2", HEADER))
        )
        self.assertEqual(self.change(self.change(last, "b1", header=False), "b2", header=False), plain)

    def test_a_broker_that_has_its_lines_already_is_not_held(self):
        done = both(server("b1", HEADER), server("b2"))
        self.assertEqual(self.change(done, None, "b1"), done)
        self.assertEqual(self.change(done, "b1", "b2"), both(server("b1", HEADER), server("b2", HELD)))

    def test_the_same_again_changes_nothing(self):
        first = both(server("b1", HELD), server("b2"))
        self.assertEqual(self.change(first, None, "b1"), first)


class Lines(ServiceTest):
    def given(self):
        super().given()
        self.put(CFG, both(server("b1"), server("b2")))
        self.works("note", *OPTIONS)
        self.loaded = self.read(CFG)
        self.down = ()
        self.on("haproxy -c -f")
        self.on("systemctl reload haproxy", self.reloaded)
        self._stack.callback(setattr, haproxy, "ask", haproxy.ask)
        haproxy.ask = self.asked

    def reloaded(self, _call):
        self.loaded = self.read(CFG)
        self.works("note", *OPTIONS, "--reloaded")

    def asked(self, _question, seconds=5):
        lines = [each for each in proxy_lines.lines(self.loaded, ["rabbitmq_cluster"]) if not isinstance(each, str)]
        rows = [
            "rabbitmq_cluster,{},{},{},".format(
                each.broker, "DOWN" if each.broker in self.down else "UP", 0 if each.is_held else 1
            )
            for each in lines
        ]
        return "\n".join(["# pxname,svname,status,weight,", "rabbitmq_cluster,FRONTEND,OPEN,,"] + rows) + "\n\n"

    def test_the_lines_are_written_and_loaded_and_the_file_counts_as_the_programs(self):
        self.put("/var/lib/rabbitmq-ha/files.json", '{"%s": {"sha256": "0", "resource": "haproxy-lb1-config"}}' % CFG)
        self.assertEqual(self.did(*STEP, "--hold", "b1"), ["reload"])
        self.assertEqual(self.read(CFG), both(server("b1", HELD), server("b2")))
        self.assertEqual(self.loaded, self.read(CFG))
        self.assertRegex(self.output, r"^lb1: holds b1; \d+\n$")
        self.works("findings")
        self.assertNotIn("differs", self.output)

    def test_the_same_step_again_does_nothing(self):
        self.did(*STEP, "--hold", "b1")
        self.assertEqual(self.did(*STEP, "--hold", "b1"), [])

    def test_a_run_that_was_killed_before_its_reload_is_completed(self):
        self.put(CFG, both(server("b1", HELD), server("b2")))
        self.assertEqual(self.did(*STEP, "--hold", "b1"), ["reload"])

    def test_no_broker_is_held_while_no_other_one_serves(self):
        self.down = ("b2",)
        before = self.read(CFG)
        self.refuses(*STEP, "--hold", "b1", because="sees none of b2 up")
        self.assertEqual(self.read(CFG), before)
        self.assertEqual(self.done("reload"), [])

    def test_no_answer_of_haproxy_is_no_other_broker_that_serves(self):
        for answer in ("\n\n", "# pxname,svname\nrabbitmq_cluster,b2,\n\n"):
            haproxy.ask = lambda _question, said=answer, seconds=5: said
            self.refuses(*STEP, "--hold", "b1", because="sees none of b2 up")
        self.assertEqual(self.done("reload"), [])

    def test_a_reload_that_shows_the_former_lines_is_no_success(self):
        self.on("systemctl reload haproxy")
        self.on("journalctl")
        self.refuses(*STEP, "--hold", "b1", because="does not show its changed lines")

    def test_lines_that_haproxy_refuses_are_not_written(self):
        from .support import Ended

        self.on("haproxy -c -f", Ended(1, errors="bad"))
        before = self.read(CFG)
        self.refuses(*STEP, "--hold", "b1", because="refuses its changed lines")
        self.assertEqual(self.read(CFG), before)

    def test_a_balancer_without_a_file_or_that_does_not_run_is_not_reloaded(self):
        self.state = "inactive"
        self.assertEqual(self.did(*STEP, "--hold", "b1"), [])
        self.assertEqual(self.read(CFG), both(server("b1", HELD), server("b2")))
        self.put(CFG, "")
        self.state = "active"
        self.assertEqual(self.did(*STEP, "--settle", "b1", "--hold", "b2"), [])
        self.assertIn("nothing", self.output + "nothing")


class Broker(ClusterTest):
    PLUGINS = "/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins/"

    def given(self, is_active=True):
        self.cluster()
        self.put(rabbitmq.MEMBER_MARK)
        self.put(self.PLUGINS + "rabbitmq_mqtt-3.10.8/ebin/rabbitmq_mqtt.app")
        self.on("systemctl show rabbitmq-server", "ActiveState={}\n".format("active" if is_active else "inactive"))
        self.asked = []
        self.on_question("proxy_protocol", self.set)

    def set(self, call):
        self.asked.append(call.stdin)
        return "proxy_protocol, true," in call.stdin

    def test_a_running_broker_takes_it_and_its_next_start_too(self):
        self.given()
        self.works("proxy-protocol", "--header")
        self.assertEqual(
            self.read(proxy_protocol.FILE),
            "# Written by rabbitmq-ha\nproxy_protocol = true\nmqtt.proxy_protocol = true\n",
        )
        self.assertIn("[rabbit, rabbitmq_mqtt, rabbitmq_stomp, rabbitmq_web_mqtt, rabbitmq_web_stomp]", self.asked[0])
        self.works("proxy-protocol")
        self.assertFalse(self.has(proxy_protocol.FILE))
        self.assertIn("proxy_protocol, false,", self.asked[1])
        self.assertEqual(self.done("systemctl restart", "systemctl stop"), [])

    def test_a_broker_that_does_not_say_so_is_a_failure(self):
        self.given()
        self.on_question("proxy_protocol", False)
        self.refuses("proxy-protocol", "--header", because="does not say")

    def test_a_stopped_broker_takes_it_at_its_start(self):
        self.given(is_active=False)
        self.works("proxy-protocol", "--header")
        self.assertTrue(self.has(proxy_protocol.FILE))
        self.assertEqual(self.asked, [])

    def test_a_new_broker_takes_it_from_its_first_start_and_a_member_in_its_turn(self):
        self.given()
        self.works("proxy-protocol", "--first", "--header")
        self.assertFalse(self.has(proxy_protocol.FILE))
        self.start()
        self.works("proxy-protocol", "--first", "--header")
        self.assertTrue(self.has(proxy_protocol.FILE))


del ServiceTest, ClusterTest, HostTest, DROP_IN, NOTE, STATS
