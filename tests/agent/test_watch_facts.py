"""What the watch observes without asking the broker: its unit's processor time, its connections; and broker.conf."""

import os
import unittest

from agent import broker_conf, cgroup, connections, former_watch
from agent.errors import StepError

from .support import HostTest

GROUP = "/system.slice/rabbitmq-server.service"
TICKS = os.sysconf("SC_CLK_TCK")


class Work(HostTest):
    def mounts(self, *lines):
        self.put("/proc/self/mountinfo", "".join("30 20 0:26 {}\n".format(line) for line in lines))

    def process(self, number, *ticks):
        fields = ["S"] + ["0"] * 10 + [str(each) for each in ticks] + ["20"] * 5
        self.put("/proc/{}/stat".format(number), "{} (beam.smp (x)) {}\n".format(number, " ".join(fields)))

    def test_version_2_counts_the_processor_time(self):
        self.mounts("/ /sys/fs/cgroup rw - cgroup2 cgroup2 rw")
        self.put("/sys/fs/cgroup" + GROUP + "/cgroup.procs", "7\n")
        self.put("/sys/fs/cgroup" + GROUP + "/cpu.stat", "usage_usec 2500000\nuser_usec 1\n")
        self.assertEqual(cgroup.work_seconds(GROUP), 2.5)

    def test_version_1_counts_where_systemd_accounts(self):
        self.mounts(
            "/ /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd",
            "/ /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpuacct,cpu",
        )
        for hierarchy in ("systemd", "cpu,cpuacct"):
            self.put("/sys/fs/cgroup/{}{}/cgroup.procs".format(hierarchy, GROUP), "7\n")
        self.put("/sys/fs/cgroup/cpu,cpuacct" + GROUP + "/cpuacct.usage", "1500000000\n")
        self.assertEqual(cgroup.work_seconds(GROUP), 1.5)

    def test_otherwise_the_times_of_the_groups_processes_and_their_children_are_added(self):
        # systemd 219 measures no processor time by itself. Another broker's process is not in the group.
        self.mounts("/ /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd")
        self.put("/sys/fs/cgroup/systemd" + GROUP + "/cgroup.procs", "7\n8\n")
        self.process(6, 9999, 9999, 0, 0)
        self.process(7, 100, 20, 3, 4)
        self.process(8, 1, 2, 0, 0)
        self.assertAlmostEqual(cgroup.work_seconds(GROUP), 130 / TICKS)

    def test_a_containers_mount_begins_below_the_root(self):
        self.mounts("/machine/id /sys/fs/cgroup rw - cgroup2 cgroup2 rw")
        self.put("/sys/fs/cgroup" + GROUP + "/cgroup.procs", "7\n")
        self.put("/sys/fs/cgroup" + GROUP + "/cpu.stat", "usage_usec 1000000\n")
        self.assertEqual(cgroup.work_seconds("/machine/id" + GROUP), 1.0)

    def test_an_unknown_time_is_none(self):
        self.assertIsNone(cgroup.work_seconds(""))
        self.assertIsNone(cgroup.work_seconds(GROUP))
        self.mounts("/ /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "cut off")
        self.assertIsNone(cgroup.work_seconds(GROUP))
        self.put("/sys/fs/cgroup" + GROUP + "/cgroup.procs", "")
        self.put("/sys/fs/cgroup" + GROUP + "/cpu.stat", "usage_usec 1000000\n")
        self.assertIsNone(cgroup.work_seconds(GROUP), "a group without processes")
        self.put("/sys/fs/cgroup" + GROUP + "/cgroup.procs", "7\n")
        self.put("/sys/fs/cgroup" + GROUP + "/cpu.stat", "")
        self.assertIsNone(cgroup.work_seconds(GROUP), "a process that is gone")


class Connections(HostTest):
    HEAD = "  sl  local_address rem_address   st tx_queue\n"

    def table(self, *rows, name="/proc/net/tcp"):
        lines = ["   {}: {} {} {} 00000000:00000000\n".format(index, *row) for index, row in enumerate(rows)]
        self.put(name, self.HEAD + "".join(lines))

    def test_are_those_at_the_distributions_port_with_others(self):
        out, into = ("7838A8C0:C276", "7A38A8C0:6448", "01"), ("7838A8C0:6448", "7938A8C0:EA1C", "01")
        self.table(
            out,
            into,
            ("00000000:6448", "00000000:0000", "0A"),  # listens
            ("7838A8C0:6448", "7938A8C0:EA1D", "06"),  # has ended
            ("7838A8C0:6448", "7838A8C0:EA1E", "01"),  # a tool on this host
            ("0100007F:EA1F", "0101007F:6448", "01"),  # the same, by the loopback's addresses
            ("7838A8C0:1628", "7B38A8C0:6449", "01"),  # a client
        )
        self.assertEqual(connections.with_other_brokers(), frozenset({out[:2], into[:2]}))

    def test_also_of_ip_6(self):
        row = ("0" * 24 + "7838A8C0:6448", "0" * 24 + "7938A8C0:EA1C", "01")
        self.table(row, name="/proc/net/tcp6")
        self.assertEqual(connections.with_other_brokers(), frozenset({row[:2]}))

    def test_are_unknown_without_a_table(self):
        self.assertIsNone(connections.with_other_brokers())


class Conf(HostTest):
    def test_is_read(self):
        self.put(
            broker_conf.FILE,
            "# a remark\n[broker]\nbrokers = mq1,mq2\ndiscovery_peers = mq2\nport = 5672\nmetrics_port = 15692\n",
        )
        conf = broker_conf.read()
        self.assertEqual((conf.brokers, conf.discovery_peers), (["mq1", "mq2"], ["mq2"]))
        self.assertEqual((conf.port, conf.metrics_port), (5672, 15692))

    def test_of_a_single_broker_has_no_peers(self):
        self.put(broker_conf.FILE, "[broker]\nbrokers = mq1\ndiscovery_peers =\nport = 5672\n")
        self.assertEqual(broker_conf.read().discovery_peers, [])
        self.assertEqual(broker_conf.read().metrics_port, 0)

    def test_that_is_missing_or_invalid_is_reported(self):
        good = "[broker]\nbrokers = mq1\ndiscovery_peers =\nport = 5672\n"
        for text in (
            None,
            "",
            "nonsense",
            good.replace("[broker]", "[other]"),
            good.replace("port", "prt"),
            good.replace("5672", "%(x)s"),
            good.replace("5672", "99999"),
            good.replace("brokers = mq1\n", ""),
            good + "metrics_port = x\n",
        ):
            if text is not None:
                self.put(broker_conf.FILE, text)
            with self.assertRaises(StepError, msg=text) as raised:
                broker_conf.read()
            self.assertIn("/etc/rabbitmq-ha/broker.conf", raised.exception.message)


class FormerWatch(HostTest):
    SCRIPT = "/usr/libexec/rabbitmq-ha/watch-broker"
    DROP_IN = "/etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf"

    def test_stays_while_a_unit_calls_it(self):
        self.put(self.SCRIPT, "#!/bin/bash\n")
        self.put(self.DROP_IN, "ExecStartPre={} may-start\n".format(self.SCRIPT))
        former_watch.remove()
        self.assertTrue(self.has(self.SCRIPT))

    def test_goes_once_none_does(self):
        self.put(self.SCRIPT, "#!/bin/bash\n")
        self.put(self.DROP_IN, "ExecStartPre=/usr/local/bin/rabbitmq-ha may-start\n")
        former_watch.remove()
        self.assertFalse(self.has(self.SCRIPT))


if __name__ == "__main__":
    unittest.main()
