"""A broker that has left does not count in the election of MQTT's leader any more."""

import unittest

from .brokers import ClusterTest, mirrored
from .member_host import KNOWN
from .support import Atom

LEAVE = ("leave", "--broker", "b3", "--brokers", "b1,b2,b3")
LEFT = ["drain", "stop", "forget b3"]


class Mqtt(ClusterTest):
    def usual(self):
        self.cluster(queues=[mirrored()])
        self.mqtt = ["b1", "b2", "b3"]

    def test_one_that_has_left_is_no_member_of_mqtt_any_more(self):
        self.usual()
        self.works(*LEAVE)
        self.assertEqual(self.told, [*LEFT, "remove b3 from MQTT"])
        self.assertIn("b3: is no member of MQTT any more\n", self.output)

    def test_what_mqtt_refuses_is_asked_for_again_by_the_same_run_and_by_the_next_one(self):
        self.usual()
        answers = ["{error,cluster_change_not_permitted}"]

        def refuse_once(call):
            return answers.pop() if answers else self.remove_from_mqtt(call)

        self.on("ra:remove_member({mqtt_node", refuse_once)
        self.works(*LEAVE)
        self.assertEqual((self.told, self.mqtt), ([*LEFT, "remove b3 from MQTT"], ["b1", "b2"]))
        self.start()
        self.usual()
        self.on("ra:remove_member({mqtt_node", "{timeout,{mqtt_node,rabbit@b1}}")
        self.refuses(*LEAVE, because="b3 has left the cluster, and is still a member of MQTT: {timeout,")
        self.assertEqual((self.told, self.mqtt), (LEFT, ["b1", "b2", "b3"]))
        self.on("ra:remove_member({mqtt_node", self.remove_from_mqtt)
        self.works(*LEAVE)
        self.assertEqual(self.mqtt, ["b1", "b2"])

    def test_former_brokers_that_count_since_an_earlier_run_are_removed(self):
        self.cluster("b1", "b2")
        self.mqtt = ["b1", "b2", "b3", "x4"]
        self.put(KNOWN, "b1\nb2\nb3\n")
        self.works("members", "--brokers", "b1,b2")
        self.assertEqual((self.told, self.mqtt), (["remove b3 from MQTT"], ["b1", "b2", "x4"]))

    def test_a_removal_that_is_not_confirmed_in_time_counts_once_it_is_made(self):
        self.usual()

        def confirm_nothing(call):
            if "b3" not in self.mqtt:
                return "{error,not_member}\n"
            self.remove_from_mqtt(call)
            return "{timeout,{mqtt_node,rabbit@b1}}\n"

        self.on("ra:remove_member({mqtt_node", confirm_nothing)
        self.works(*LEAVE)
        self.assertEqual(self.told, [*LEFT, "remove b3 from MQTT"])

    def test_without_an_answer_nobody_is_removed_from_mqtt(self):
        self.sweep(self.usual, LEAVE, ("ra:remove_member",))

    def test_one_that_is_no_member_of_mqtt_is_not_removed_from_it(self):
        self.usual()
        self.mqtt = ["b1", "b2"]
        self.works(*LEAVE)
        self.assertEqual(self.told, LEFT)

    def test_an_answer_of_another_kind_is_none(self):
        self.usual()
        self.on_question("ra:members({mqtt_node", Atom("timeout"))
        self.refuses(*LEAVE, because="the broker does not say who are the members of MQTT")
        self.assertEqual(self.told, LEFT)


if __name__ == "__main__":
    unittest.main()
