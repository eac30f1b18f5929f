"""The plug-ins: a running broker is told, a stopped one reads its file, and ended plug-ins are started again."""

import os
import unittest

from .broker_host import PLUGIN_FOLDER, PLUGINS, BrokerHost, Ended
from .support import Atom

BOTH = ("plugins", "--plugins", "rabbitmq_management,rabbitmq_prometheus")
ONE = ("plugins", "--plugins", "rabbitmq_management")
DELAYED = ("plugins", "--plugins", "rabbitmq_management,rabbitmq_delayed_message_exchange")


class Killed(BaseException):
    """Ends a run at once."""


class Plugins(BrokerHost):
    def broker(self, lacking=(), ended=()):
        self.on_question("application:ensure_all_started", [Atom(name) for name in ended])
        self.on_question("rabbit_plugins:ensure", [Atom(name) for name in lacking])

    def test_a_broker_that_does_not_run_reads_the_file_at_its_start(self):
        self.state = "inactive"
        os.unlink(self.root + PLUGINS)
        self.works(*BOTH)
        self.assertEqual(self.read(PLUGINS), "[rabbitmq_management,rabbitmq_prometheus].\n")
        self.assertEqual(self.done("rabbitmqctl"), [])

    def test_the_running_broker_gets_the_change(self):
        self.broker()
        self.works(*BOTH)
        self.assertEqual(self.read(PLUGINS), "[rabbitmq_management,rabbitmq_prometheus].\n")
        self.assertEqual(len(self.done("rabbit_plugins:ensure")), 1)

    def test_one_member_at_a_time_enables_plug_ins(self):
        self.broker()
        self.works(*BOTH)
        self.works(*BOTH)
        for question in self.done("rabbit_plugins:ensure"):
            self.assertRegex(
                question, r"global:trans\(\{rabbitmq_ha_plugins, self\(\)\}, fun\(\) ->\s+rabbit_plugins:ensure"
            )

    def test_another_order_is_no_change(self):
        self.broker()
        self.put(PLUGINS, "[rabbitmq_prometheus, rabbitmq_management].\n")
        self.works(*BOTH)
        self.assertEqual(self.read(PLUGINS), "[rabbitmq_prometheus, rabbitmq_management].\n")

    def test_a_run_that_changed_the_file_alone_is_gone_on_from(self):
        self.broker()
        self.on("rabbit_plugins:ensure", Killed())
        with self.assertRaises(Killed):
            self.step(*BOTH)
        self.assertEqual(self.read(PLUGINS), "[rabbitmq_management,rabbitmq_prometheus].\n")
        self.broker(lacking=["rabbitmq_prometheus"])
        self.refuses(*BOTH, because="does not run rabbitmq_prometheus")
        self.broker()
        self.works(*BOTH)
        (question,) = self.done("rabbit_plugins:ensure")[-1:]
        self.assertLess(question.index("case rabbit:is_running() of"), question.index("rabbit_plugins:ensure"))

    def test_what_has_ended_is_started_again(self):
        self.broker(ended=["rabbitmq_management_agent"])
        self.works(*ONE)
        self.assertEqual(len(self.done("application:ensure_all_started")), 1)

    def test_rabbitmq_itself_is_not_started_with_them(self):
        # Stopped by a person, or paused in a minority: RabbitMQ would be started with a plug-in.
        self.broker()
        self.works(*ONE)
        (question,) = self.done("application:ensure_all_started")
        guard = question.index("case rabbit:is_running() of")
        self.assertLess(guard, question.index("application:stop("))
        self.assertLess(guard, question.index("application:ensure_all_started"))

    def test_one_that_is_not_there_is_refused_before_anything_is_changed(self):
        for state in ("active", "inactive"):
            for before in ("[rabbitmq_management].\n", "[rabbitmq_delayed_message_exchange,rabbitmq_management].\n"):
                self.start()
                self.broker()
                self.state = state
                self.put(PLUGINS, before)
                self.on("rabbitmq-plugins list -m", "rabbitmq_management\nrabbitmq_prometheus\n")
                self.refuses(*DELAYED, because="mq1: this RabbitMQ has no plug-in rabbitmq_delayed_message_exchange")
                self.assertIn("its .ez file for this version under rabbitmq.pluginFiles", self.errors)
                self.assertEqual(self.read(PLUGINS), before)
                self.assertEqual(self.done("eval", "systemctl"), [])

    def test_plug_ins_in_folders_are_found_without_a_question(self):
        self.state = "inactive"
        self.works(*BOTH)
        self.assertEqual(self.done("rabbitmq-plugins"), [])

    def test_rabbitmq_itself_is_asked_if_the_plug_ins_are_elsewhere(self):
        self.state = "inactive"
        os.unlink(self.root + PLUGIN_FOLDER + "/rabbitmq_prometheus-3.10.8/ebin/rabbitmq_prometheus.app")
        self.on("rabbitmq-plugins list -m", "rabbitmq_management\nrabbitmq_prometheus\n")
        self.works(*BOTH)
        self.assertEqual(self.read(PLUGINS), "[rabbitmq_management,rabbitmq_prometheus].\n")

    def test_nothing_is_changed_if_the_list_does_not_come(self):
        def elsewhere():
            self.broker()
            os.unlink(self.root + PLUGIN_FOLDER + "/rabbitmq_prometheus-3.10.8/ebin/rabbitmq_prometheus.app")
            self.on("rabbitmq-plugins list -m", "rabbitmq_prometheus\nrabbitmq_management\n")

        self.sweep(elsewhere, BOTH, ("rabbit_plugins:ensure",))

    def test_a_failed_change_is_repeated_by_the_next_run(self):
        self.broker(lacking=["rabbitmq_prometheus"])
        self.refuses(*BOTH, because="does not run rabbitmq_prometheus")
        self.assertEqual(self.read(PLUGINS), "[rabbitmq_management].\n")
        self.on("rabbit_plugins:ensure", Ended(69))
        self.refuses(*BOTH)
        self.assertEqual(self.read(PLUGINS), "[rabbitmq_management].\n")

    def test_no_plug_in_is_ended_without_an_answer(self):
        self.sweep(self.broker, BOTH, ("rabbit_plugins:ensure",))


if __name__ == "__main__":
    unittest.main()
