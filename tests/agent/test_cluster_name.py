"""The cluster's name is set in one call, unchanged, and counts as set only if the broker says so."""

import unittest

from agent import erlang

from .support import Atom, Ended, Hangs, HostTest

NAME = ("cluster-name", "--name", "orders & 订单")


class ClusterName(HostTest):
    def test_is_set_by_one_call_that_has_it_on_standard_input(self):
        self.on_question("set_cluster_name", Atom("ok"))
        self.works(*NAME)
        self.assertEqual(len(self.calls), 1)
        self.assertIn(erlang.text("orders & 订单"), self.calls[0].stdin)

    def test_only_the_brokers_answer_counts(self):
        for answer in (Ended(69, "", "down"), Hangs(), ""):
            self.start()
            self.on("set_cluster_name", answer)
            self.refuses(*NAME)
        self.on_question("set_cluster_name", (Atom("error"), "no"))
        self.refuses(*NAME, because="did not take the name")


if __name__ == "__main__":
    unittest.main()
