"""A broker's host: one of three, whose unit runs. Each test sets what a start does."""

import base64

from agent import fingerprint
from agent.errors import StepError
from agent.installing import Found
from agent.steps import restart

from .support import Atom, Ended, Hangs, HostTest, cluster, node

CONFIGURATION = "/etc/rabbitmq/rabbitmq.conf"
ADVANCED = "/etc/rabbitmq/advanced.config"
DROP_IN = "/etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf"
SECRETS = "/etc/rabbitmq/conf.d/rabbitmq-ha-secrets.conf"
LOG = "/var/log/rabbitmq/rabbit@mq1.log"
DATA = "/var/lib/rabbitmq/mnesia/rabbit@mq1"
MEMBER = "/var/lib/rabbitmq-ha/member"
NOTE = "/var/lib/rabbitmq/rabbitmq-ha.started"
PLUGINS = "/etc/rabbitmq/enabled_plugins"
PLUGIN_FOLDER = "/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins"
LIMITS = "vm_memory_high_watermark.relative = 0.4\ndisk_free_limit.absolute = 1GB\n"
OLD_UNIT = (
    "# Written by rabbitmq-ha\n[Unit]\nStartLimitIntervalSec=0\n\n[Service]\nLimitNOFILE=65536\nRestart=on-failure\n"
    "RestartSec=1s\nExecStartPre=/usr/local/lib/rabbitmq-ha/watch-broker may-start\n"
)
NEW_UNIT = OLD_UNIT.replace("/usr/local/lib/rabbitmq-ha/watch-broker", "/usr/local/bin/rabbitmq-ha")
CHECKED = {Atom("members"): [], Atom("running"): []}


class Packages:
    """Replaces agent/broker_package.py: another version is due until it is installed."""

    def __init__(self, host, unfetchable=False, uninstallable=False):
        self.host, self.unfetchable, self.uninstallable = host, unfetchable, uninstallable
        self.package, self.version = "rabbitmq-server", "3.10.8-2"
        self.did = []
        self.found = Found(True, ("3.10.8-1",), "")
        self.coming = ""

    def upgrade_arguments(self, parser):
        parser.add_argument("--version")

    def upgrade_from(self, wanted):
        return self if wanted.version else None

    def installed(self):
        return self.found

    def erlang(self):
        return self.coming

    def due(self):
        return "install" not in self.did

    def tidy(self):
        self.did.append("tidy")

    def fetch(self):
        if self.unfetchable:
            raise StepError("mq1: rabbitmq-server 3.10.8-2 could not be fetched")
        self.did.append("fetch while " + self.host.state)

    def install(self):
        if self.uninstallable:
            raise StepError("mq1: rabbitmq-server 3.10.8-2 could not be installed", log="E: broken")
        self.did.append("install while " + self.host.state)
        self.did.append("install")


class BrokerHost(HostTest):
    """`self.state` is the unit's ActiveState, and `self.phase` its SubState while it starts. `self.starting` is called at each start, and raises to fail it."""

    def start(self):
        super().start()
        self.state, self.phase = "active", "start"
        # Whether one of the unit's files has changed since systemd read them.
        self.is_old = False
        self.since = 1
        self.starting = lambda: None
        self.seen = cluster("mq1", "mq2", "mq3")
        self.critical, self.unsynchronised = [], []
        self.put(LOG, "an old start: Waiting for Mnesia tables for 30000 ms\n")
        self.put(ADVANCED, "%% a comment\n[].\n")
        self.put(DROP_IN, OLD_UNIT)
        self.put(PLUGINS, "[rabbitmq_management].\n")
        for plugin in ("rabbitmq_management", "rabbitmq_prometheus"):
            self.put("{0}/{1}-3.10.8/ebin/{1}.app".format(PLUGIN_FOLDER, plugin))
        self.configure(LIMITS)
        fingerprint.note()
        self.on("journalctl", "")
        self.on("systemctl", "")
        self.on("systemctl show rabbitmq-server --property=ActiveState", lambda call: "ActiveState=%s\n" % self.state)
        self.on("--property=SubState", lambda call: "ActiveState=%s\nSubState=%s\n" % (self.state, self.phase))
        self.on(
            "--property=ExecMainStartTimestampMonotonic",
            lambda call: "ExecMainStartTimestampMonotonic=%d\n" % self.since,
        )
        self.on("--property=NeedDaemonReload", lambda call: "NeedDaemonReload=%s\n" % ("yes" if self.is_old else "no"))
        self.on("systemctl daemon-reload", lambda call: setattr(self, "is_old", False))
        for action in ("start", "restart"):
            self.on("systemctl %s rabbitmq-server" % action, self.started)
        self.on("systemctl stop rabbitmq-server", self.stopped)
        self.on("rabbitmqctl set_", "")
        self.on("rabbitmq-upgrade", "")
        self.on_question("rabbit_nodes:all()", lambda call: self.seen)
        self.on_question("list_with_minimum_quorum", lambda call: (self.seen, self.critical, self.unsynchronised))
        self.version, self.others_version = "3.10.8", "3.10.8"
        self.queues = []
        # What the answer to the question about an upgrade has instead of what a healthy cluster says.
        self.odd = {}
        self.on_question("rabbit_fifo:version()", self.upgrade_state)
        self.on("rabbitmq-queues rebalance", "")
        self.on_question("rabbit_feature_flags:enable(F)", lambda call: [])

    def with_packages(self, **options):
        self.packages = Packages(self, **options)
        self._stack.callback(setattr, restart, "broker_package", restart.broker_package)
        restart.broker_package = self.packages

    def upgrade_state(self, call=None):
        """Returns what the broker says about an upgrade (agent/upgrade_state.py)."""
        self.seen[Atom("version")] = self.version
        members = self.seen[Atom("members")]
        answer = {
            "cluster": self.seen,
            "versions": [(each, self.version if each == node("mq1") else self.others_version) for each in members],
            "alarms": [],
            "partitions": [],
            "off": [],
            "used": [],
            "erlang": 25,
            "machine": 3,
            "queues": list(self.queues),
            "count": len(self.queues),
        }
        answer.update(self.odd)
        return {Atom(key): value for key, value in answer.items()}

    def configure(self, settings):
        """Writes rabbitmq.conf, which the broker reads when it starts."""
        self.put(CONFIGURATION, "# a comment\n{}\ncluster_formation.node_type = disc\n".format(settings))

    def started(self, call=None):
        self.state = "failed"
        self.since += 1
        fingerprint.note()
        self.starting()
        self.state = "active"

    def stopped(self, call=None):
        self.state = "inactive"

    def log(self, text):
        with open(self.root + LOG, "a", encoding="utf-8") as file:
            file.write(text + "\n")

    def fails_with(self, *texts):
        """Makes the next starts fail, one for each text, which it logs. The start after them succeeds."""
        left = list(texts)

        def starting():
            if left:
                self.log(left.pop(0))
                raise Ended(1)

        self.starting = starting

    def changes(self):
        """Returns what was done to the broker."""
        kinds = ("systemctl start", "systemctl restart", "systemctl stop", "rabbitmq-upgrade", "rabbitmqctl set_")
        return self.done(*kinds)


def queue_row(name="orders", messages=10, indexes=(), machine=3, stays=True):
    """Returns how the broker tells a queue; indexes: those of its members on mq1, mq2 and mq3."""
    members = [(node("mq%d" % (at + 1)), index, machine) for at, index in enumerate(indexes)]
    return ("/", base64.b64encode(name.encode()).decode(), stays, messages, members)


__all__ = ["Atom", "BrokerHost", "Ended", "Hangs", "cluster", "node", "queue_row"]
