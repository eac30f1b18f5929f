"""The Erlang cookie: changed on all brokers at once, or on none, and never shown."""

import base64
import io
import sys
import unittest

from agent import erlang, rabbitmq

from .support import Atom, Ended, HostTest, cluster

COOKIE = "newCookie123"
STEP = ("cookie", "--brokers", "mq1,mq2,mq3", "--port", "5672")
BROKERS = ["mq1", "mq2", "mq3"]


class Cookie(HostTest):
    def start(self):
        super().start()
        self.given = COOKIE
        self.members, self.running = list(BROKERS), list(BROKERS)
        self.has = dict.fromkeys(BROKERS, False)
        self.file = dict.fromkeys(BROKERS, False)
        self.apart = {}
        self.outcome = "done"
        self.changes = 0
        self.unit = "active"
        self.on("systemctl show", lambda call: "ActiveState={}\n".format(self.unit))
        self.on_question("all_running", lambda call: cluster(*self.members, running=self.running))
        self.on_question("sees =>", self.look)
        self.on_question("set_cookie", self.change)

    def asked(self, call):
        return [name for name in BROKERS if erlang_atom(name) in call.stdin]

    def look(self, call):
        names = self.asked(call)
        return {
            Atom("has"): [self.has[name] for name in names],
            Atom("file"): [self.file[name] for name in names],
            Atom("sees"): [self.apart.get(name, []) for name in names],
        }

    def change(self, call):
        self.changes += 1
        if self.outcome != "undone":
            self.has.update(dict.fromkeys(self.asked(call), True))
        if self.outcome == "done":
            self.file.update(dict.fromkeys(self.asked(call), True))
        return Atom(self.outcome)

    def step(self, *words):
        real, sys.stdin = sys.stdin, io.StringIO(self.given)
        try:
            return super().step(*words)
        finally:
            sys.stdin = real

    def test_all_get_it_at_once_and_the_second_run_asks_only(self):
        self.works(*STEP)
        self.assertIn("mq1, mq2, mq3 have the new Erlang cookie", self.output)
        self.works(*STEP)
        self.assertEqual(self.changes, 1)

    def test_the_cookie_is_never_shown(self):
        encoded = base64.b64encode(COOKIE.encode()).decode()

        def refuse(_call):
            raise Ended(70, "", "bad call with {} and {}".format(COOKIE, encoded))

        self.on_question("set_cookie", refuse)
        self.refuses(*STEP, because="bad call with *** and ***")
        for text in (self.errors, self.output, " ".join(word for call in self.calls for word in call.words)):
            self.assertNotIn(COOKIE, text)
            self.assertNotIn(encoded, text)

    def test_nothing_is_changed_unless_every_member_runs_and_is_connected(self):
        self.running = ["mq1", "mq2"]
        self.refuses(*STEP, because="stays as it is: mq3 does not run")
        self.start()
        self.apart = {"mq2": [Atom("rabbit@mq3")]}
        self.refuses(*STEP, because="mq2 is not connected to every other broker")
        self.start()
        self.apart = {"mq2": Atom("unknown")}
        self.refuses(*STEP, because="not every broker says which cookie it has")
        self.assertEqual(self.changes, 0)

    def test_no_answer_changes_nothing(self):
        self.sweep(lambda: None, STEP, ("set_cookie, own",))

    def test_what_was_taken_back_is_said(self):
        self.outcome = "undone"
        self.refuses(*STEP, because="a broker has not taken the new one")

    def test_a_change_that_ended_half_way_goes_on(self):
        self.outcome = "half"
        self.refuses(*STEP, because="has not reached every broker's file")
        self.outcome = "done"
        self.works(*STEP)
        self.assertEqual(self.changes, 2)

    def test_a_member_that_stopped_after_the_change_is_left_to_its_own_step(self):
        self.has["mq1"] = self.has["mq2"] = self.file["mq1"] = self.file["mq2"] = True
        self.running = ["mq1", "mq2"]
        self.works(*STEP)
        self.assertEqual(self.changes, 0)

    def test_a_new_host_and_a_stopped_cluster_are_left_to_the_files(self):
        self.unit = "inactive"
        self.serving = {"mq2"}
        self.works(*STEP)
        self.data()
        self.serving = set()
        self.works(*STEP)

    def test_a_stopped_broker_beside_a_running_cluster_is_refused(self):
        self.unit = "inactive"
        self.serving = {"mq2"}
        self.data()
        self.refuses(*STEP, because="its broker does not run, and mq2 does")

    def data(self):
        base = "{}/{}".format(rabbitmq.DATA, rabbitmq.node())
        self.put(base + "/cluster_nodes.config")
        self.put(base + "/msg_stores/vhosts/x/file")

    def test_the_cookie_is_never_shown_and_has_to_be_there(self):
        self.outcome = "undone"
        self.refuses(*STEP)
        shown = self.errors + self.output + " ".join(word for call in self.calls for word in call.words)
        self.assertNotIn(COOKIE, shown)
        for given in ("", "two words", "x" * 256):
            self.given = given
            self.refuses(*STEP, because="no cookie of letters and digits")


def erlang_atom(name):
    return erlang.atom(rabbitmq.node(name))


if __name__ == "__main__":
    unittest.main()
