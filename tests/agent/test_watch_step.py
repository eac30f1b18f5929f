"""The watch on its host: what it observes, asks and does, and that it never acts without an answer."""

import contextlib
import io
import os
import re
import unittest
from unittest import mock

from agent import (
    broker_conf,
    condition,
    files,
    fingerprint,
    khepri,
    lock,
    minority,
    passed_over,
    rabbitmq,
    series,
    watch,
    watch_notes,
    watching,
)
from agent.steps import watch as step

from .support import Atom, Ended, Hangs, HostTest, cluster, evaluated
from .watch_test import BROKERS

CONF = "[broker]\nbrokers=mq1,mq2,mq3\ndiscovery_peers=mq2,mq3\nport=5672\nmetrics_port=0\n"
GROUP = "/system.slice/rabbitmq-server.service"
MOUNTS = "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
INTERRUPTIONS = ("systemctl restart", "systemctl kill", "systemctl stop", "application:stop")


def answer(**changes):
    """Returns a broker's answer about itself."""
    said = {
        "running": True,
        "booting": False,
        "drained": False,
        "listeners": [(Atom("running"), 5672)],
        "passed_over": False,
        "ended": [],
    }
    said.update(changes)
    return {Atom(key): value for key, value in said.items()}


STOPPED = answer(running=False, drained=Atom("unknown"), listeners=Atom("unknown"))


def full(*_words, **_options):
    raise OSError(28, "No space left on device")


class WatchStep(HostTest):
    def start(self):
        super().start()
        self.put(broker_conf.FILE, CONF)
        self.put("/proc/self/mountinfo", MOUNTS)
        self.put("/sys/fs/cgroup{}/cgroup.procs".format(GROUP), "7\n")
        self.put("/sys/fs/cgroup{}/cpu.stat".format(GROUP), "usage_usec 1000000\n")
        self.serving = {"mq1", "mq2", "mq3"}
        self.unit = {"ActiveState": "active", "SubState": "running", "ExecMainStartTimestampMonotonic": "5"}
        self.unit.update({"ControlGroup": GROUP, "MainPID": "7"})
        self.stops = True
        self.on(
            "systemctl show",
            lambda call: "".join(
                "{}={}\n".format(word.split("=")[1], self.unit[word.split("=")[1]])
                for word in call.arguments
                if word.startswith("--property=")
            ),
        )
        self.on("reset-failed")
        self.on("systemctl restart", self.restarts)
        self.on("systemctl kill", self.restarts)
        self.says(answer())
        self.on_question("rabbit_nodes:all()", cluster(*BROKERS, running=["mq2", "mq3"]))
        self.looker = None

    def restarts(self, call):
        if self.stops or "kill" in call.line:
            self.unit["MainPID"] = "8"
            self.unit["ExecMainStartTimestampMonotonic"] = "6"

    def says(self, term):
        self.on_question("ranch:info()", term)

    def is_down(self, term=STOPPED):
        self.serving.discard("mq1")
        self.says(term)

    def looks(self, seconds):
        """Has the watch look for so long."""
        if self.looker is None:
            self.looker = step.Looker(broker_conf.read())
        with contextlib.redirect_stdout(io.StringIO()):
            for _ in range(int(seconds / watch.EVERY_SECONDS)):
                self.wait(watch.EVERY_SECONDS)
                self.looker.look()

    def notes(self):
        return self.read(watch_notes.PATH) if self.has(watch_notes.PATH) else ""

    def interrupted(self):
        return self.done(*INTERRUPTIONS)


class Restarts(WatchStep):
    def test_a_broker_whose_rabbitmq_does_not_run_is_restarted(self):
        self.is_down()
        self.looks(30)
        self.assertEqual(self.interrupted(), ["systemctl restart --no-block rabbitmq-server"])
        self.serving.add("mq1")
        self.looks(10)
        self.assertIn("mq1 has not served for ", self.notes())
        self.assertIn("mq1 serves again", self.notes())

    def test_a_broker_whose_node_says_nothing_is_restarted(self):
        for silence in (Ended(69, "", "nodedown"), Hangs()):
            self.start()
            self.is_down()
            self.on("ranch:info()", silence)
            self.looks(30)
            self.assertEqual(len(self.interrupted()), 1)

    def test_one_that_does_not_stop_is_killed(self):
        self.is_down()
        self.stops = False
        self.looks(30)
        self.assertEqual(
            self.interrupted(),
            ["systemctl restart --no-block rabbitmq-server", "systemctl kill --signal=KILL rabbitmq-server"],
        )

    def test_one_that_hangs_in_its_start_is_restarted(self):
        self.is_down()
        self.unit.update({"ActiveState": "activating", "SubState": "start"})
        self.on("ranch:info()", Ended(69))
        self.looks(20)
        self.assertEqual(len(self.interrupted()), 1)

    def test_one_that_starts_without_a_cgroup_is_left_alone(self):
        self.is_down()
        self.unit.update({"ActiveState": "activating", "SubState": "start", "ControlGroup": ""})
        self.looks(600)
        self.assertEqual(self.interrupted(), [])

    def test_a_broker_whose_listeners_are_suspended_is_left_alone(self):
        self.is_down(answer(listeners=[(Atom("suspended"), Atom("undefined"))]))
        self.looks(600)
        self.assertEqual(self.interrupted(), [])
        self.assertEqual(self.notes().count("listeners were suspended"), 1)

    def test_a_broker_that_a_step_has_not_restarted_for_another_port_is_left_alone(self):
        self.put(rabbitmq.CONFIGURATION, "listeners.tcp.default = 5671\n")
        fingerprint.note()
        self.is_down(answer(listeners=[(Atom("running"), 5671)]))
        self.put(rabbitmq.CONFIGURATION, "listeners.tcp.default = 5672\n")
        self.looks(600)
        self.assertEqual(self.interrupted(), [])
        fingerprint.note()
        self.looks(60)
        self.assertEqual(len(self.interrupted()), 1)

    def test_one_that_is_stopped_while_it_is_asked_stays_stopped(self):
        # By a person, or by the broker that has it leave the cluster: it does not answer, and its last start is the
        # same.
        def stops(call):
            self.unit.update({"ActiveState": "inactive", "SubState": "dead", "MainPID": "0"})
            raise Ended(69, "", "nodedown")

        self.is_down()
        self.on("ranch:info()", stops)
        self.looks(60)
        self.assertEqual(self.interrupted(), [])

    def test_the_steps_wait_while_it_restarts_the_broker(self):
        held = []
        self.is_down()
        self.on("systemctl restart", lambda call: held.append([lock.is_busy(name) for name in step.STEPS]))
        self.looks(30)
        self.assertEqual(held, [[True] * len(step.STEPS)])
        self.assertFalse(any(lock.is_busy(name) for name in step.STEPS))

    def test_it_waits_while_a_step_works_on_the_broker(self):
        for name in step.STEPS:
            self.start()
            self.is_down()
            with lock.held(name, 0):
                self.looks(60)
                self.assertEqual(self.interrupted(), [], name)
            self.looks(30)
            self.assertEqual(len(self.interrupted()), 1, name)

    def test_a_step_that_begins_at_the_same_moment_has_precedence(self):
        self.is_down()
        self.looks(20)
        is_busy, watching.is_busy = watching.is_busy, lambda _steps: False
        try:
            with lock.held("restart", 0):
                self.looks(10)
        finally:
            watching.is_busy = is_busy
        self.assertEqual(self.interrupted(), [])

    def test_notes_that_cannot_be_written_do_not_stop_the_watch(self):
        # For example /run is full: the journal still has the line.
        write, files.write = files.write, full
        self.addCleanup(setattr, files, "write", write)
        self.is_down()
        self.looks(30)
        files.write = write
        self.assertEqual(len(self.interrupted()), 1)

    def test_a_lock_that_cannot_be_made_is_reported_and_does_not_end_the_watch(self):
        self.is_down()

        def without_room(path, flags, *more, real=os.open):
            if "/locks/" in str(path) and flags & os.O_CREAT:
                raise OSError(28, "No space left on device")
            return real(path, flags, *more)

        with mock.patch("os.open", without_room):
            self.looks(30)
        self.assertEqual(self.interrupted(), [])
        self.assertIn("No space left", self.looker._complaint)
        self.looks(30)
        self.assertEqual(len(self.interrupted()), 1)

    def test_only_root_can_hold_its_locks(self):
        with lock.held("watch", 0):
            self.assertEqual(os.stat(self.root + lock.FOLDER).st_mode & 0o777, 0o700)

    def test_only_one_of_them_watches(self):
        with lock.held("watch", 0):
            self.refuses("watch", because="this step is being done already")

    def test_without_its_file_it_says_so(self):
        os.unlink(self.root + broker_conf.FILE)
        self.refuses("watch", because="/etc/rabbitmq-ha/broker.conf")


class NoAnswers(WatchStep):
    """Leaves every question that a restart depends on unanswered, in every way."""

    WAYS = (Ended(75), Hangs(), "", '<<"g2', "Error: {badrpc, nodedown}")

    def test_the_broker_answers_in_part(self):
        for way in ("", '<<"g2', "Error: {badrpc, nodedown}", evaluated(answer(running=Atom("unknown")))):
            self.start()
            self.is_down()
            self.on("ranch:info()", way)
            self.looks(300)
            self.assertEqual(self.interrupted(), [], way)

    def test_none_of_the_others_answers(self):
        for way in self.WAYS:
            self.start()
            self.is_down()
            self.on("rabbit_nodes:all()", way)
            self.looks(300)
            self.assertEqual(self.interrupted(), [], way)

    def test_nobody_answers(self):
        for way in self.WAYS[:2]:
            self.start()
            self.is_down()
            self.on("ranch:info()", way)
            self.on("rabbit_nodes:all()", way)
            self.looks(300)
            self.assertEqual(self.interrupted(), [], way)

    def test_the_tool_is_not_there(self):
        self.is_down()
        self.on("ranch:info()", OSError(2, "No such file or directory"))
        self.looks(300)
        self.assertEqual(self.interrupted(), [])

    def test_systemd_does_not_answer(self):
        for way in (Ended(1), Hangs(), "", "ActiveState=act"):
            self.start()
            self.is_down()
            self.on("systemctl show", way)
            self.looks(300)
            self.assertEqual(self.interrupted(), [], way)

    def test_the_cluster_answers_without_this_broker(self):
        self.is_down()
        self.on_question("rabbit_nodes:all()", cluster("mq2", "mq3"))
        self.looks(300)
        self.assertEqual(self.interrupted(), [])

    def test_an_answer_much_older_than_the_others_is_asked_for_again(self):
        # It had paused itself, and starts again within the same process while the first of the others hangs.
        good = evaluated(cluster(*BROKERS, running=["mq2", "mq3"]))

        def the_rest(call):
            if call.of != "mq2":
                return good
            self.wait(20)
            self.put("/sys/fs/cgroup{}/cpu.stat".format(GROUP), "usage_usec {}\n".format(int(self.time * 1e6)))
            self.says(answer(running=False, booting=True, drained=Atom("unknown"), listeners=Atom("unknown")))
            raise Hangs()

        self.is_down()
        self.on("rabbit_nodes:all()", the_rest)
        self.looks(300)
        self.assertEqual(self.interrupted(), [])

    def test_the_answer_of_another_broker_is_enough(self):
        self.is_down()
        good = evaluated(cluster(*BROKERS, running=["mq2", "mq3"]))
        self.on("rabbit_nodes:all()", lambda call: Ended(69) if call.of == "mq2" else good)
        self.looks(30)
        self.assertEqual(len(self.interrupted()), 1)

    def test_a_broker_that_serves_and_does_not_answer_is_left_alone(self):
        for way in self.WAYS:
            self.start()
            self.on("ranch:info()", way)
            self.looks(300)
            self.assertEqual(self.interrupted(), [], way)


class Whole(WatchStep):
    def test_nothing_is_asked_of_mnesia_where_the_series_has_none(self):
        # RabbitMQ 4.3 has no such module. The version is compared first, and the rest is not evaluated then.
        first = passed_over.QUESTION.split("mnesia:")[0]
        self.assertIn("case not ({})".format(series.expression("hasMnesia")[1:-1]), first)
        self.assertEqual(first.count("orelse"), 2)

    def test_a_broker_that_is_passed_over_is_restarted(self):
        self.says(answer(passed_over=True))
        self.looks(15)
        self.assertEqual(self.interrupted(), ["systemctl restart --no-block rabbitmq-server"])
        self.assertIn("mq1 serves, and the rest of the cluster no longer tells it what changes", self.notes())

    def test_one_that_is_stopped_while_it_is_asked_stays_stopped(self):
        def stops(call):
            if len(self.done("ranch:info()")) > 1:
                self.unit.update({"ActiveState": "deactivating", "SubState": "stop"})
            return evaluated(answer(passed_over=True))

        self.on("ranch:info()", stops)
        self.looks(60)
        self.assertEqual(self.interrupted(), [])

    def test_a_broker_that_is_passed_over_is_not_restarted_while_the_others_do_not_serve(self):
        self.says(answer(passed_over=True))
        self.serving = {"mq1", "mq2"}
        self.looks(300)
        self.assertEqual(self.interrupted(), [])

    def test_a_plug_in_that_ended_is_started_again(self):
        self.says(answer(ended=[Atom("rabbitmq_management_agent")]))
        self.on_question("ensure_all_started", [Atom("rabbitmq_management_agent")])
        self.looks(10)
        self.assertIn("mq1: started again what had given up: rabbitmq_management_agent", self.notes())

    def test_a_plug_in_that_cannot_be_started_is_tried_again(self):
        self.says(answer(ended=[Atom("rabbitmq_management_agent")]))
        self.on("ensure_all_started", Ended(70))
        self.looks(300)
        self.assertEqual(len(self.done("ensure_all_started")), 12)
        self.assertEqual(self.notes(), "")

    def test_costs_one_question_a_minute_at_most_while_nothing_happens(self):
        self.looks(60)
        before = len(self.done("ranch:info()"))
        self.looks(600)
        self.assertLessEqual(len(self.done("ranch:info()")) - before, 12)

    def test_asks_for_no_logs(self):
        self.looks(60)
        self.is_down()
        self.looks(60)
        self.assertEqual(self.done("journalctl", "/var/log"), [])

    def test_keeps_only_its_last_notes(self):
        with contextlib.redirect_stdout(io.StringIO()):
            for number in range(30):
                watch_notes.say("note {}".format(number))
        self.assertEqual(len(self.notes().splitlines()), watch_notes.MOST)
        self.assertIn("note 29", self.notes())


class Policies(WatchStep):
    def start(self):
        super().start()
        self.on_question("parse_set", [("/", Atom("same"), Atom("same")), ("shop", Atom("set"), Atom("same"))])

    def test_a_virtual_host_that_lacks_the_policy_gets_it(self):
        self.says(answer(lacks_policy=True))
        self.looks(5)
        self.assertEqual(len(self.done("parse_set")), 1)
        self.assertIn("mq1: set the stack's policy in: shop", self.notes())

    def test_a_new_virtual_host_has_it_within_a_minute(self):
        self.looks(300)
        self.says(answer(lacks_policy=True))
        self.looks(60)
        self.assertGreater(len(self.done("parse_set")), 0)

    def test_none_is_set_without_an_answer_that_one_is_missing(self):
        for said in (answer(lacks_policy=False), answer(lacks_policy=Atom("unknown")), answer(), Ended(69), Hangs()):
            self.start()
            (self.on if isinstance(said, Exception) else self.on_question)("ranch:info()", said)
            self.looks(300)
            self.assertEqual(self.done("parse_set"), [])

    def test_none_is_set_while_the_step_does_it(self):
        self.says(answer(lacks_policy=True))
        with lock.held("policy", 0):
            self.looks(60)
        self.assertEqual(self.done("parse_set"), [])

    def test_one_that_is_not_taken_is_tried_again_and_said_once(self):
        self.says(answer(lacks_policy=True))
        self.on("parse_set", Ended(70, "", "no"))
        self.looks(300)
        self.assertGreater(len(self.done("parse_set")), 1)
        self.assertEqual(self.notes(), "")


class Pauses(WatchStep):
    def start(self):
        super().start()
        self.put(broker_conf.FILE, CONF + "pauses_minority=true\n")
        self.put("/proc/net/tcp", "")
        self.on_question("resume_all_client_listeners", Atom("ok"))
        self.says(answer(has_majority=False, is_cut_off=True))

    def says(self, term):
        super().says(term)
        # The order looks at the listeners, too.
        self.on_question("suspend_all_client_listeners", self.suspends)

    def suspends(self, _call):
        self.serving.discard("mq1")
        self.says(answer(has_majority=False, is_cut_off=True, listeners=[(Atom("suspended"), Atom("undefined"))]))
        return True

    def comes_back(self):
        self.says(answer(has_majority=True, is_cut_off=False, listeners=[(Atom("suspended"), Atom("undefined"))]))

    def test_a_broker_that_is_cut_off_pauses_until_the_majority_is_back(self):
        self.looks(60)
        self.assertEqual(len(self.done("suspend_all_client_listeners")), 1)
        self.assertTrue(self.has(minority.NOTE))
        self.comes_back()
        self.looks(5)
        self.assertEqual(len(self.done("resume_all_client_listeners")), 1)
        self.assertFalse(self.has(minority.NOTE))
        self.assertIn("mq1 has a majority again, and accepts connections", self.notes())
        self.assertEqual(self.interrupted(), [])

    def test_a_watch_that_was_killed_in_between_has_it_accept_connections_again(self):
        self.looks(10)
        self.looker = None
        self.comes_back()
        self.looks(5)
        self.assertEqual(len(self.done("resume_all_client_listeners")), 1)

    def test_a_pause_that_is_not_answered_is_tried_again_and_so_is_its_end(self):
        for silence in (Ended(70, "", "no match of right hand side value false"), Hangs(), "", Ended(0, "half")):
            self.start()
            self.on("suspend_all_client_listeners", silence)
            self.looks(5)
            self.on_question("suspend_all_client_listeners", self.suspends)
            self.looks(10)
            self.assertNotIn("mq1", self.serving)
            self.comes_back()
            self.on("resume_all_client_listeners", silence)
            self.looks(5)
            self.assertTrue(self.has(minority.NOTE))
            self.on_question("resume_all_client_listeners", Atom("ok"))
            self.looks(10)
            self.assertFalse(self.has(minority.NOTE))

    def test_nothing_is_paused_while_a_step_works_on_the_broker(self):
        with lock.held("restart", 0):
            self.looks(60)
        self.assertEqual(self.done("suspend_all_client_listeners"), [])

    def test_it_ends_no_connection_unless_it_is_still_cut_off(self):
        self.looks(10)
        (order,) = self.done("suspend_all_client_listeners")
        before, _, after = order.partition("suspend_all_client_listeners")
        self.assertIn("andalso ({}),\ncase IsDue of".format(khepri.IS_CUT_OFF), before)
        self.assertIn("close_connection(", after)
        # A variable that is bound already would be compared, instead of bound.
        others = before[: before.index(khepri.IS_CUT_OFF)]
        self.assertEqual(
            set(re.findall(r"\b[A-Z]\w*", khepri.IS_CUT_OFF)) & set(re.findall(r"\b[A-Z]\w*", others)), set()
        )

    def test_a_lost_connection_that_cuts_it_off_pauses_it_without_another_question(self):
        self.says(answer(has_majority=True, is_cut_off=False))
        self.on_question("suspend_all_client_listeners", lambda call: self.suspends(call) if self.is_cut else False)
        self.is_cut = False
        # Connections to port 25672 of two others.
        line = "  0: 0101A8C0:B0CC {}:6448 01 00000000:00000000 00:00000000 00000000  105  0 1 1\n"
        peers = [line.format(peer) for peer in ("0201A8C0", "0301A8C0")]
        self.put("/proc/net/tcp", "".join(peers))
        self.looks(30)
        self.put("/proc/net/tcp", peers[0])
        self.looks(5)
        self.assertEqual(len(self.done("suspend_all_client_listeners")), 1)
        self.assertFalse(self.has(minority.NOTE))
        self.is_cut = True
        self.put("/proc/net/tcp", "")
        asked = len(self.done("ranch:info()"))
        self.looks(5)
        self.assertEqual(len(self.done("suspend_all_client_listeners")), 2)
        self.assertEqual(len(self.done("ranch:info()")), asked + 1)
        self.assertTrue(self.has(minority.NOTE))
        self.assertIn("mq1 is cut off from the majority", self.notes())


class Questions(unittest.TestCase):
    def test_both_questions_have_balanced_brackets(self):
        for question in (condition.STATE, condition.HEALTH):
            for opening, closing in ("()", "[]", "{}"):
                self.assertEqual(question.count(opening), question.count(closing))
            self.assertNotIn("{{", question)


if __name__ == "__main__":
    unittest.main()
