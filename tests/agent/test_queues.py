"""The queues and their copies: an unknown queue has no copies, and an incomplete answer is no answer."""

import unittest

from agent import queues
from agent.errors import NoAnswer

from .brokers import ClusterTest, Queue, mirrored, quorum
from .support import Atom, Ended, Hangs


class Copies(ClusterTest):
    def only_on_b3(self, *found, **options):
        self.start()
        self.cluster(queues=found, **options)
        return [queue.name for queue in queues.look().only_on("b3")]

    def test_only_a_synchronised_mirror_is_a_copy(self):
        self.assertEqual(self.only_on_b3(mirrored()), [])
        self.assertEqual(self.only_on_b3(Queue("orders", mirrors=["b1"])), ["orders"])

    def test_running_members_are_copies(self):
        self.assertEqual(self.only_on_b3(quorum()), [])
        self.assertEqual(self.only_on_b3(quorum(members=["b3"])), ["bills"])
        self.assertEqual(self.only_on_b3(quorum(members=["b3", "gone"])), ["bills"])

    def test_a_streams_members_are_its_copies(self):
        self.assertEqual(self.only_on_b3(Queue("s", "stream", members=["b1", "b3"])), [])
        self.assertEqual(self.only_on_b3(Queue("s", "stream", members=["b3"])), ["s"])

    def test_a_member_that_lacks_messages_is_no_copy(self):
        for kind in ("quorum", "stream"):
            members = ["b1", "b2", "b3"]
            self.assertEqual(self.only_on_b3(Queue("q", kind, members=members, in_sync=["b3"])), ["q"])
            self.assertEqual(self.only_on_b3(Queue("q", kind, members=members, in_sync=["b2", "b3"])), [])
            self.assertEqual([queue.name for queue in queues.look().unfilled_on("b1")], ["q"])

    def test_a_queue_led_by_another_broker_needs_no_mirror(self):
        self.assertEqual(self.only_on_b3(Queue("alone", leader="b1")), [])

    def test_an_unknown_queue_has_no_copies(self):
        self.assertEqual(self.only_on_b3(Queue("down", leader=None)), ["down"])

    def test_a_queue_whose_broker_is_down_has_no_copies(self):
        self.assertEqual(self.only_on_b3(Queue("down", leader="gone")), ["down"])

    def test_an_exclusive_queue_is_left_out(self):
        self.assertEqual(self.only_on_b3(Queue("mine", exclusive=True)), [])

    def test_a_queue_of_an_unknown_type_has_its_copy_at_its_leader(self):
        self.assertEqual(self.only_on_b3(Queue("other", "some_queue")), ["other"])
        self.assertEqual(self.only_on_b3(Queue("other", "some_queue", leader="b1")), [])

    def test_virtual_hosts_and_queues_can_have_any_name(self):
        self.cluster(queues=[Queue("q`$\"'\t\n", vhost="Prod$EU"), Queue("列", vhost="订单")])
        self.assertEqual(
            sorted((queue.vhost, queue.name) for queue in queues.look().all),
            [("Prod$EU", "q`$\"'\t\n"), ("订单", "列")],
        )

    def test_queues_of_the_same_name_in_two_virtual_hosts_are_two(self):
        self.assertEqual(self.only_on_b3(Queue("q"), Queue("q", vhost="other", leader="b1")), ["q"])

    def test_the_last_list_is_the_current_one(self):
        self.assertEqual(self.only_on_b3(Queue("q", leader=None), Queue("q", leader="b1")), [])

    def test_without_an_answer_there_is_no_list(self):
        self.cluster(queues=[mirrored()])
        for said in (Ended(69), Hangs(), "", "[]\n", "<<131", '<<"gA=="'):
            with self.subTest(said=said):
                self.on("list_down", said)
                with self.assertRaises(NoAnswer):
                    queues.look()

    def test_an_incomplete_answer_is_no_answer(self):
        def without(key):
            return lambda answer: {k: v for k, v in answer.items() if k != key}

        def with_row(at, value):
            def change(answer):
                rows = [list(row) for row in answer["queues"]]
                rows[0][at] = value
                return dict(answer, queues=[tuple(row) for row in rows])

            return change

        halves = [without(key) for key in ("version", "queues", "count", "vhosts", "vhosts_then", "running")]
        halves += [
            lambda answer: dict(answer, queues=answer["queues"][1:]),
            lambda answer: dict(answer, queues=[answer["queues"][0][:5]] * 2),
            lambda answer: dict(answer, running=[]),
            with_row(1, None),
            with_row(2, None),
            with_row(3, None),
            with_row(5, None),
            with_row(6, None),
            with_row(7, None),
        ]
        for half in halves:
            with self.subTest(half=half):
                self.start()
                self.cluster(queues=[quorum(), mirrored()])
                answer = self.listed(None)
                self.on_question("list_down", {Atom(key): value for key, value in half(answer).items()})
                with self.assertRaises(NoAnswer):
                    queues.look()

    def test_a_change_of_virtual_hosts_meanwhile_is_no_answer(self):
        self.cluster(queues=[mirrored()])
        self.vhosts_then = ["/", "new"]
        with self.assertRaises(NoAnswer):
            queues.look()

    def test_a_queue_of_an_unlisted_virtual_host_is_no_answer(self):
        self.cluster(queues=[mirrored()])
        self.vhosts = ["other"]
        with self.assertRaises(NoAnswer):
            queues.look()

    def test_an_empty_list_is_an_answer(self):
        self.assertEqual(self.only_on_b3(), [])

    def test_a_question_has_a_time_limit(self):
        self.cluster()
        queues.look()
        self.assertLessEqual(self.calls[0].options["seconds"], 120)

    def test_a_long_list_of_queues_is_shortened(self):
        self.cluster(queues=[Queue("q%02d" % number) for number in range(30)])
        words = queues.named(queues.look().only_on("b3"))
        self.assertIn("q00 (classic, virtual host /); q01", words)
        self.assertTrue(words.endswith("; and 20 more"), words)


if __name__ == "__main__":
    unittest.main()
