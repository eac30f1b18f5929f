"""TLS between brokers: set before the first start, changed by a full stop alone, written again, and no restart of a broker that others see."""

import os
import subprocess

from agent import inter_node

from .broker_host import MEMBER, BrokerHost, Ended
from .support import cluster

STEP = ("inter-node", "--brokers", "mq1,mq2,mq3")
ENVIRONMENT = "/etc/rabbitmq/rabbitmq-env.conf"
OPTIONS = "/etc/rabbitmq-ha/tls/inter-node.config"
NOTE = "/var/lib/rabbitmq-ha/inter-node-tls"
TLS = "-proto_dist\0inet_tls\0-ssl_dist_optfile\0" + OPTIONS
GROUP = "/system.slice/rabbitmq-server.service"


class InterNode(BrokerHost):
    def start(self):
        super().start()
        self.state = "inactive"
        self.seen_by_others = ["mq2", "mq3"]
        self.on("--property=ControlGroup", lambda call: "ControlGroup={}\n".format(GROUP))
        self.on_question("rabbit_nodes:all()", lambda call: cluster("mq1", "mq2", "mq3", running=self.seen_by_others))
        self.put("/proc/self/mountinfo", "30 29 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n")
        self.on("systemctl restart rabbitmq-server", self.restarted)

    def runs(self, arguments=""):
        self.state = "active"
        self.put("/sys/fs/cgroup" + GROUP + "/cgroup.procs", "41\n42\n")
        self.put("/proc/41/cmdline", "/bin/sh\0/usr/lib/rabbitmq/bin/rabbitmq-server\0")
        self.put("/proc/42/cmdline", "/usr/lib/erlang/bin/beam.smp\0-s\0rabbit\0boot\0" + arguments)

    def restarted(self, call):
        self.runs(TLS if self.has(ENVIRONMENT) and "inet_tls" in self.read(ENVIRONMENT) else "")
        return ""

    def restarts(self):
        return self.done("systemctl restart", "systemctl stop")

    def set_up(self, *words):
        self.works(*STEP + words)
        self.put(MEMBER)

    def environment(self, **given):
        """Returns what RabbitMQ's scripts make of the file that they read twice."""
        show = 'for i in 1 2; do . "$0"; done; echo "$RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS|$RABBITMQ_CTL_ERL_ARGS"'
        words = ["sh", "-ec", show, self.root + ENVIRONMENT]
        said = subprocess.run(words, stdout=subprocess.PIPE, env=dict(given, PATH=os.environ["PATH"]), check=True)
        return said.stdout.decode().strip().split("|")

    def test_a_new_broker_and_the_tools_speak_tls(self):
        self.put(ENVIRONMENT, "# somebody's\nCTL_ERL_ARGS='-kernel x y'\n")
        self.works(*STEP + ("--tls",))
        server, tools = self.environment()
        for said in (server, tools):
            self.assertEqual(said.count("-proto_dist inet_tls -ssl_dist_optfile " + OPTIONS), 1)
        self.assertIn("-kernel x y", tools)
        self.assertTrue(self.read(ENVIRONMENT).startswith("# somebody's\n"))
        text = self.read(OPTIONS)
        self.assertIn("{verify, verify_peer}", text)
        self.assertIn("{fail_if_no_peer_cert, true}", text)

    def test_without_tls_nothing_is_written(self):
        self.works(*STEP)
        self.assertFalse(self.has(ENVIRONMENT) or self.has(OPTIONS) or self.has(NOTE))

    def test_a_file_of_somebody_else_stays_to_the_byte_without_it(self):
        self.put(ENVIRONMENT, "NODE_PORT=5672")
        self.works(*STEP)
        self.assertEqual(self.read(ENVIRONMENT), "NODE_PORT=5672")

    def test_a_cluster_cannot_change_it_whether_its_broker_runs_or_not(self):
        for state in ("active", "inactive"):
            for former, wanted, words in (((), ("--tls",), "without TLS"), (("--tls",), (), "by TLS")):
                self.start()
                self.set_up(*former)
                self.state = state
                before = self.has(ENVIRONMENT) and self.read(ENVIRONMENT)
                self.refuses(
                    *STEP + wanted,
                    because="mq1: its broker speaks {} with the others, and only a full stop".format(words),
                )
                self.assertEqual(self.has(ENVIRONMENT) and self.read(ENVIRONMENT), before)
                self.assertEqual(self.restarts(), [])

    def test_what_somebody_has_removed_is_written_again_without_a_restart(self):
        self.set_up("--tls")
        self.runs(TLS)
        self.put(ENVIRONMENT, "")
        self.works(*STEP + ("--tls",))
        self.assertIn("inet_tls", self.read(ENVIRONMENT))
        self.assertEqual(self.restarts(), [])

    def test_a_broker_on_the_wrong_side_is_restarted_once_another_one_says_that_it_is_apart(self):
        self.set_up("--tls")
        self.runs()
        self.works(*STEP + ("--tls",))
        self.assertEqual(len(self.restarts()), 1)
        self.assertIs(inter_node.is_by_tls(), True)

    def test_a_broker_that_another_one_sees_is_not_restarted(self):
        self.set_up("--tls")
        self.runs()
        self.seen_by_others = ["mq1", "mq2", "mq3"]
        self.refuses(*STEP + ("--tls",), because="no majority says that it is apart, so it is not restarted")
        self.assertEqual(self.restarts(), [])

    def test_without_an_answer_of_another_one_nothing_is_restarted(self):
        self.set_up("--tls")
        self.runs()
        self.on("rabbitmqctl eval", "")
        self.refuses(*STEP + ("--tls",), because="no majority says that it is apart, so it is not restarted")
        self.assertEqual(self.restarts(), [])

    def test_one_that_says_so_is_no_majority_while_another_one_is_silent(self):
        # The silent one may be with this one, and both may be those that serve.
        self.set_up("--tls")
        self.runs()

        def said(call):
            if call.of == "mq2":
                raise Ended(69)
            return cluster("mq1", "mq2", "mq3", running=["mq3"])

        self.on_question("rabbit_nodes:all()", said)
        self.refuses(*STEP + ("--tls",), because="no majority says that it is apart, so it is not restarted")
        self.assertEqual(self.restarts(), [])

    def test_a_unit_without_a_broker_says_nothing(self):
        self.assertIs(inter_node.is_by_tls(), None)
        self.runs()
        self.assertIs(inter_node.is_by_tls(), False)
        self.put("/proc/42/cmdline", "/usr/lib/erlang/bin/beam.smp\0-run\0escript\0start\0" + TLS)
        self.assertIs(inter_node.is_by_tls(), None)

    def test_certificates_that_the_brokers_use_among_each_other_stay(self):
        self.set_up("--tls")
        self.refuses("certificates", "--remove", because="the certificates stay: the brokers speak TLS with each other")
        self.assertTrue(self.has(OPTIONS))
