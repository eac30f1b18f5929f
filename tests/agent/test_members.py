"""What the members of the cluster are told of brokers that leave and of the ones that are left."""

import unittest

from agent import leaving

from .brokers import DESTRUCTIVE, ClusterTest, mirrored, quorum
from .member_host import KNOWN

MEMBERS = ("members", "--brokers", "b1,b2")


class Members(ClusterTest):
    def test_former_brokers_leave_and_members_added_by_somebody_else_stay(self):
        self.cluster("b1", "b2", "b3", "x4")
        self.put(KNOWN, "b1\nb2\nb3\n")
        self.works(*MEMBERS)
        self.assertEqual(self.told[-1], "forget b3")
        self.assertEqual(self.members, ["b1", "b2", "x4"])

    def test_brokers_leave_one_after_the_other(self):
        self.cluster("b1", "b2", "b3", "b4", "b5")
        self.put(KNOWN, "b1\nb2\nb3\nb4\nb5\n")
        self.works("members", "--brokers", "b1,b2,b3")
        self.assertEqual(self.told, ["drain", "stop", "forget b4", "drain", "stop", "forget b5"])

    def test_without_former_brokers_no_member_is_asked(self):
        self.put(KNOWN, "b1\nb2\n")
        self.works(*MEMBERS)
        self.assertEqual(self.calls, [])

    def test_an_unreadable_list_is_no_answer(self):
        self.cluster()
        self.refuses(*MEMBERS, because="it is not known who was a broker of this stack")
        self.put(KNOWN, "")
        self.refuses(*MEMBERS, because="is empty")
        self.assertEqual(self.calls, [])

    def test_a_broker_that_stays_gets_back_what_a_killed_run_has_removed(self):
        self.cluster("b1", "b2", "b3", queues=[quorum("bills", members=["b1", "b3"])])
        self.draining = {"b2"}
        self.put(KNOWN, "b1\nb2\nb3\n")
        note = leaving.Note("b2")
        note.drain_begun, note.removed_from = True, {("/", self.queues[0].code)}
        note.write()
        self.works("members", "--brokers", "b1,b2,b3")
        self.assertEqual(self.told, ["revive", "add bills on b2"])
        self.assertEqual(leaving.Note.names(), [])

    def test_no_broker_leaves_without_complete_answers(self):
        def scenario():
            self.cluster(queues=[mirrored(), quorum()])
            self.put(KNOWN, "b1\nb2\nb3\n")

        self.sweep(scenario, MEMBERS, DESTRUCTIVE)


if __name__ == "__main__":
    unittest.main()
