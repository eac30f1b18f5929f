"""The cluster's name is set where it is another one."""

import unittest

from .support import HostTest, cluster

NAME = ("cluster-name", "--name", "orders & 订单")


class ClusterName(HostTest):
    def named(self, name="rabbit@mq1"):
        self.on_question("rabbit_nodes:all()", cluster("mq1", name=name))
        self.on("set_cluster_name", "")

    def test_is_set(self):
        self.named()
        self.works(*NAME)
        self.assertEqual(self.done("set_cluster_name"), ["rabbitmqctl set_cluster_name orders & 订单"])

    def test_that_it_has_already_is_not_set(self):
        self.named("orders & 订单")
        self.works(*NAME)
        self.assertEqual(self.done("set_cluster_name"), [])

    def test_without_an_answer_nothing_is_set(self):
        self.sweep(self.named, NAME, ("set_cluster_name",))


if __name__ == "__main__":
    unittest.main()
