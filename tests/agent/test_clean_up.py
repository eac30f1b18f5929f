"""What a clean-up leaves: nothing of the program's, all of everybody else's, and the data unless it is purged."""

import hashlib
import json
import os
import unittest

from agent import firewall, hosts_file, inter_node, sources
from agent.errors import NoAnswer

from .support import Ended, Hangs, HostTest

BROKER = ("clean-up", "--role", "broker")
PURGE = BROKER + ("--purge",)
BALANCER = ("clean-up", "--role", "balancer")

DROP_INS = "/etc/systemd/system/{}.service.d/rabbitmq-ha.conf"
OWN = "# Written by rabbitmq-ha; a change belongs into the stack's configuration.\n"
DATA = "/var/lib/rabbitmq/mnesia/rabbit@mq1/messages"
HOSTS = "127.0.0.1 localhost\n# rabbitmq-ha: begin\n192.168.56.121 mq2\n# rabbitmq-ha: end\n10.0.0.1 theirs\n"
PROGRAM = "/usr/local/lib/rabbitmq-ha"


class CleanUp(HostTest):
    def start(self):
        super().start()
        # By unit, its properties at systemd.
        self.states = {}
        self.still_open = []
        self.order = []
        self.on("systemctl show", self.show)
        self.on("systemctl disable")
        self.on("systemctl stop", self.stop_unit)
        self.on("daemon-reload")
        self.on("journalctl", "the end\n")
        for module, key, value in [
            (firewall, "close_all", self.closed),
            (sources, "give_back", self.given_back),
        ]:
            self._stack.callback(setattr, module, key, getattr(module, key))
            setattr(module, key, value)
        for path in ("/launcher", "/current/agent/main.py", "/abc/agent/main.py", "/check-haproxy"):
            self.put(PROGRAM + path)
        self.put("/usr/local/bin/rabbitmq-ha")
        self.put("/etc/rabbitmq-ha/broker.conf")
        self.put("/etc/hosts", HOSTS)
        self.put("/var/log/rabbitmq-ha-packages.log")
        self.put("/run/lock/rabbitmq-ha-cent120-config")
        self.put("/run/rabbitmq-ha/x")
        self.put("/usr/libexec/rabbitmq-ha/watch-broker")
        self.put("/usr/libexec/keepalived/rabbitmq-ha-check-haproxy")
        self.put("/usr/libexec/keepalived/theirs")
        self.put("/var/lib/rabbitmq-ha/member")
        self.put("/var/lib/rabbitmq-ha/ssh-key", "{}")

    def closed(self):
        self.assertTrue(self.has("/var/lib/rabbitmq-ha/member"), "what was opened is noted beside it")
        self.order.append("firewall")
        return self.still_open

    def given_back(self):
        self.assertTrue(self.has("/var/lib/rabbitmq-ha/member"), "the former files are beside it")
        self.order.append("sources")

    def show(self, call):
        unit = call.words[2]
        state = self.states.get(unit)
        wanted = [word.split("=")[1] for word in call.words[3:]]
        said = {"LoadState": "not-found" if state is None else "loaded", "ActiveState": state or "inactive"}
        return "".join("{}={}\n".format(key, said[key]) for key in wanted)

    def stop_unit(self, call):
        self.states[call.words[-1]] = "inactive"

    def broker(self):
        self.states.update({"rabbitmq-server": "active", "rabbitmq-ha-watch.service": "active"})
        self.put(DROP_INS.format("rabbitmq-server"), OWN)
        self.put("/etc/rabbitmq/rabbitmq.conf", OWN)
        self.put("/etc/rabbitmq/advanced.config", "%% Written by rabbitmq-ha.\n")
        self.put("/etc/rabbitmq/enabled_plugins", "[rabbitmq_management].\n")
        self.put("/etc/rabbitmq/conf.d/rabbitmq-ha-secrets.conf", OWN)
        self.put("/etc/rabbitmq/theirs.conf", "")
        self.put("/etc/systemd/system/rabbitmq-ha-watch.service", OWN)
        self.put("/etc/systemd/system/rabbitmq-ha-agent@.service", OWN)
        self.put("/var/lib/rabbitmq/.erlang.cookie", "secret")
        self.put("/var/lib/rabbitmq/rabbitmq-ha.started")
        # Of a run that was killed.
        self.put("/usr/sbin/policy-rc.d", "#!/bin/sh\n# rabbitmq-ha: services are started once they are configured\n")
        self.put(DATA, "kept")

    def balancer(self):
        self.states.update({"keepalived": "active", "haproxy": "active", "rabbitmq-ha-vrrp-watch.service": "active"})
        self.put("/etc/systemd/system/rabbitmq-ha-vrrp-watch.service", OWN)
        for unit in ("keepalived", "haproxy"):
            self.put(DROP_INS.format(unit), OWN)
        self.put("/etc/haproxy/haproxy.cfg", OWN)
        self.put("/etc/haproxy/stats.cfg", OWN)
        self.put("/etc/haproxy/errors/503.http", "theirs")
        self.put("/etc/keepalived/keepalived.conf", OWN)
        self.put("/etc/systemd/system/haproxy.service", OWN)
        self.put("/usr/local/haproxy/dev/log")
        self.put("/usr/local/haproxy/sbin/haproxy")

    def left(self):
        """Returns every file that still exists."""
        return sorted(
            os.path.join(folder, name)[len(self.root) :] for folder, _, names in os.walk(self.root) for name in names
        )

    def test_what_is_anothers_by_now_is_left_alone(self):
        """A balancer renamed under the same address: its old name's clean-up comes after the new name is set up."""
        named = ("--stack-id", "prod-a1", "--host", "cent123")
        for stack_id, name in (("prod-a1", "cent133"), ("prod-b2", "cent123")):
            self.start()
            self.broker()
            mark = {"stackId": stack_id, "stack": "prod", "host": name, "role": "broker", "identity": "id"}
            self.put("/var/lib/rabbitmq-ha/owner", json.dumps(mark))
            self.works(*PURGE + named)
            self.assertIn("belongs to stack prod as " + name, self.output)
            self.assertEqual(self.states["rabbitmq-server"], "active")
            self.assertTrue(self.has("/etc/rabbitmq/rabbitmq.conf") and self.has("/var/lib/rabbitmq-ha/owner"))
        for half in ("", "{"):
            self.start()
            self.broker()
            self.put("/var/lib/rabbitmq-ha/owner", half)
            self.refuses(*PURGE + named, because="does not say whose machine this is")
            self.assertEqual(self.states["rabbitmq-server"], "active")

    def test_what_is_its_own_goes_with_its_mark(self):
        self.broker()
        mark = {"stackId": "prod-a1", "stack": "prod", "host": "cent123", "role": "broker", "identity": "id"}
        self.put("/var/lib/rabbitmq-ha/owner", json.dumps(mark))
        self.works(*BROKER + ("--stack-id", "prod-a1", "--host", "cent123"))
        self.assertFalse(self.has("/etc/rabbitmq/rabbitmq.conf") or self.has("/var/lib/rabbitmq-ha/owner"))

    def test_the_plugins_of_its_own_go_and_those_of_others_stay(self):
        self.broker()
        self.put("/usr/lib/rabbitmq/plugins/acme_audit-1.0.ez", "own")
        self.put("/usr/lib/rabbitmq/plugins/theirs-1.0.ez", "own")
        total = hashlib.sha256(b"own").hexdigest()
        self.put("/var/lib/rabbitmq-ha/plugin-files", "{} acme_audit-1.0.ez\n".format(total))
        self.works(*BROKER)
        self.assertFalse(self.has("/usr/lib/rabbitmq/plugins/acme_audit-1.0.ez"))
        self.assertTrue(self.has("/usr/lib/rabbitmq/plugins/theirs-1.0.ez"))
        self.assertFalse(self.has("/var/lib/rabbitmq-ha/plugin-files"))

    def test_the_folder_of_the_secrets_goes_if_nothing_else_is_in_it(self):
        for others in ([], ["/etc/rabbitmq/conf.d/10-theirs.conf"]):
            self.start()
            self.broker()
            for name in others:
                self.put(name)
            self.works(*BROKER)
            self.assertFalse(self.has("/etc/rabbitmq/conf.d/rabbitmq-ha-secrets.conf"))
            self.assertEqual(self.has("/etc/rabbitmq/conf.d"), bool(others))

    def test_a_broker_is_left_with_its_data(self):
        self.broker()
        self.works(*BROKER)
        self.assertEqual(
            self.left(),
            [
                "/etc/hosts",
                "/etc/rabbitmq/theirs.conf",
                "/usr/libexec/keepalived/theirs",
                "/var/lib/rabbitmq-ha/member",
                "/var/lib/rabbitmq/.erlang.cookie",
                DATA,
            ],
        )
        self.assertFalse(self.has("/etc/systemd/system/rabbitmq-server.service.d"))
        self.assertFalse(self.has(PROGRAM))
        self.assertEqual(self.read("/etc/hosts"), "127.0.0.1 localhost\n10.0.0.1 theirs\n")
        self.assertEqual(
            self.done("stop", "disable"),
            [
                "systemctl disable rabbitmq-ha-watch.service",
                "systemctl stop rabbitmq-ha-watch.service",
                "systemctl disable rabbitmq-server",
                "systemctl stop rabbitmq-server",
            ],
        )
        self.assertEqual(self.order, ["firewall", "sources"])
        self.assertIn("mq1: the broker's data stays in /var/lib/rabbitmq/mnesia; existing.purge: true", self.output)

    def test_a_broker_that_is_purged_is_left_with_nothing(self):
        self.broker()
        self.works(*PURGE)
        self.assertEqual(self.left(), ["/etc/hosts", "/etc/rabbitmq/theirs.conf", "/usr/libexec/keepalived/theirs"])
        self.assertEqual(self.output, "")

    def test_a_balancer_is_left_with_nothing(self):
        self.balancer()
        self.works(*BALANCER)
        self.assertEqual(self.left(), ["/etc/haproxy/errors/503.http", "/etc/hosts", "/usr/libexec/keepalived/theirs"])
        stopped = [call.words[-1] for call in self.calls if "stop" in call.words]
        # The watch restarts no Keepalived that goes, and the address is released before HAProxy ends.
        self.assertEqual(stopped, ["rabbitmq-ha-vrrp-watch.service", "keepalived", "haproxy"])

    def test_the_lines_for_tls_between_brokers_go_and_those_of_others_stay(self):
        for others in ("CTL_ERL_ARGS=x\n", ""):
            self.start()
            self.broker()
            self.put(inter_node.ENVIRONMENT, others)
            inter_node.write(True)
            self.works("clean-up", "--role", "broker")
            self.assertEqual(self.has(inter_node.ENVIRONMENT), others != "")
            if others:
                self.assertEqual(self.read(inter_node.ENVIRONMENT), others)

    def test_a_second_run_has_nothing_to_do(self):
        self.balancer()
        self.works(*BALANCER)
        before = self.left()
        self.put("/var/lib/rabbitmq-ha/member")
        self.works(*BALANCER)
        self.assertEqual(self.left(), before)

    def test_services_of_somebody_else_keep_running(self):
        self.states.update({"keepalived": "active", "haproxy": "active", "rabbitmq-server": "active"})
        self.put("/etc/haproxy/haproxy.cfg", "# theirs\n")
        self.put("/etc/keepalived/keepalived.conf", "# theirs\n")
        self.put("/etc/rabbitmq/rabbitmq.conf", "# theirs\n")
        self.put("/etc/rabbitmq/enabled_plugins", "[theirs].\n")
        self.put("/usr/local/haproxy/sbin/haproxy")
        self.put(DATA, "theirs")
        for words in (BALANCER, BROKER, PURGE):
            self.put("/var/lib/rabbitmq-ha/member")
            self.works(*words)
            self.assertEqual(self.done("stop", "disable"), [], words)
        for path in ("/etc/haproxy/haproxy.cfg", "/etc/keepalived/keepalived.conf", "/etc/rabbitmq/rabbitmq.conf"):
            self.assertTrue(self.has(path))
        for path in ("/etc/rabbitmq/enabled_plugins", "/usr/local/haproxy/sbin/haproxy", DATA):
            self.assertTrue(self.has(path))
        self.assertIn("/var/lib/rabbitmq/mnesia stays, since its broker is not the program's", self.output)

    def test_a_balancers_services_on_a_brokers_host_are_left_alone(self):
        self.broker()
        self.balancer()
        self.works(*BROKER)
        self.assertEqual(self.states["haproxy"], "active")
        self.assertTrue(self.has("/etc/haproxy/haproxy.cfg"))

    def test_a_file_without_the_programs_mark_stays(self):
        self.broker()
        self.put("/etc/rabbitmq/rabbitmq.conf", "# theirs by now\n")
        self.works(*BROKER)
        self.assertEqual(self.read("/etc/rabbitmq/rabbitmq.conf"), "# theirs by now\n")

    def test_no_data_is_deleted_while_the_broker_runs_or_that_is_unknown(self):
        for state in ("active", "activating", "deactivating", "reloading", ""):
            self.start()
            self.broker()
            self.on(
                "systemctl stop rabbitmq-server", lambda call, state=state: self.states.update({call.words[-1]: state})
            )
            if state == "":
                self.on("systemctl show rabbitmq-server --property=ActiveState", "ActiveState=\n")
            self.refuses(*PURGE, because="rabbitmq-server is {}".format(state or "in no state"))
            self.assertEqual(self.read(DATA), "kept")
            self.assertTrue(self.has("/usr/local/bin/rabbitmq-ha"), "so that it can be run again")

    def test_no_data_is_deleted_if_the_broker_cannot_be_stopped(self):
        for how in (Ended(1, "", "Job timed out"), Hangs()):
            self.start()
            self.broker()
            self.on("systemctl stop rabbitmq-server", how)
            self.refuses(*PURGE)
            self.assertEqual(self.read(DATA), "kept")

    def test_no_data_is_deleted_without_systemds_complete_answer(self):
        self.broker()
        self.works(*PURGE)
        questions = [call.line for call in self.calls if call.is_question]
        self.assertGreater(len(questions), 3)
        for index, question in enumerate(questions):
            for mode in ("fails", "hangs", "answers nothing", "answers half"):
                self.start()
                self.broker()
                self.on("systemctl show", self.breaking(index, mode))
                code = self.step(*PURGE)
                with self.subTest(question=question, mode=mode):
                    self.assertEqual(code, 1)
                    self.assertEqual(self.read(DATA), "kept")
                    self.assertNotIn("a fault of its own", self.errors)

    def breaking(self, index, mode):
        """Returns a systemd that does not answer one of the questions completely."""
        asked = []

        def answer(call):
            asked.append(call.line)
            if len(asked) - 1 != index:
                return self.show(call)
            if mode == "fails":
                raise Ended(1)
            if mode == "hangs":
                raise Hangs()
            return "" if mode == "answers nothing" else self.show(call)[:5]

        return answer

    def test_the_program_stays_until_all_else_is_done(self):
        for broken in (firewall, sources):
            self.start()
            self.broker()
            name = "close_all" if broken is firewall else "give_back"

            def fails():
                raise NoAnswer("mq1: nobody says")

            setattr(broken, name, fails)
            self.refuses(*BROKER, because="nobody says")
            self.assertTrue(self.has("/usr/local/bin/rabbitmq-ha"))
            self.assertTrue(
                self.has(DROP_INS.format("rabbitmq-server")), "what tells that the service is the program's"
            )
            self.assertEqual(self.read(DATA), "kept")

    def test_firewall_rules_that_stay_open_are_reported(self):
        self.balancer()
        self.still_open = ["ufw 5672/tcp: ufw ended with 1"]
        self.works(*BALANCER)
        self.assertIn("lb1: still open in the machine's own firewall: ufw 5672/tcp".replace("lb1", "mq1"), self.output)

    def test_a_hosts_file_without_the_programs_block_stays_as_it_is(self):
        for text in ("127.0.0.1 localhost", "# rabbitmq-ha: begin\n10.0.0.1 theirs\n"):
            self.start()
            self.put("/etc/hosts", text)
            self.works(*BALANCER)
            self.assertIn(text.splitlines()[-1], self.read("/etc/hosts"))

    def test_a_link_is_removed_and_not_what_it_leads_to(self):
        self.balancer()
        self.put("/elsewhere/kept")
        os.symlink(self.root + "/elsewhere", self.root + PROGRAM + "/link")
        os.symlink(self.root + "/elsewhere", self.root + "/etc/systemd/system/rabbitmq-ha-link")
        self.works(*BALANCER)
        self.assertTrue(self.has("/elsewhere/kept"))
        self.assertFalse(self.has(PROGRAM))


class HostsFile(unittest.TestCase):
    def test_the_block_is_known_by_its_first_line(self):
        self.assertNotIn(hosts_file.BEGIN, hosts_file.without_block(HOSTS))


if __name__ == "__main__":
    unittest.main()
