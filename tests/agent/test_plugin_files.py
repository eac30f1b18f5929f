"""The plug-ins' archives: fetched and checked before anything is changed, and files of others stay."""

import hashlib
import io
import sys
import unittest

from agent import fingerprint

from .broker_host import PLUGINS, BrokerHost, Ended

FOLDER = "/usr/lib/rabbitmq/plugins/"
NOTE = "/var/lib/rabbitmq-ha/plugin-files"
DELAYED, AUDIT = "rabbitmq_delayed_message_exchange", "acme_audit"
OLD, NEW, OTHER = DELAYED + "-3.10.0.ez", DELAYED + "-3.10.2.ez", AUDIT + "-1.0.ez"
STEP = ("plugin-files", "--plugins", "rabbitmq_management,{},{}".format(DELAYED, AUDIT))


def sum_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def lines(*names):
    return "".join("{} https://example.org/x/{}\n".format(sum_of(name), name) for name in names) + "end\n"


class PluginFiles(BrokerHost):
    def start(self):
        super().start()
        self.list = ""
        self.offered = {name: name for name in (OLD, NEW, OTHER)}
        self.on("curl", self.curl)

    def curl(self, call):
        name = call.words[-1].split("?")[0].rsplit("/", 1)[-1]
        if name not in self.offered:
            raise Ended(22, errors="404")
        self.put(call.words[call.words.index("-o") + 1][len(self.root) :], self.offered[name])

    def step(self, *words):
        real, sys.stdin = sys.stdin, io.StringIO(self.list)
        try:
            return super().step(*words)
        finally:
            sys.stdin = real

    def given(self, *names):
        self.list = lines(*names)
        self.works(*STEP)

    def there(self):
        return [name for name in (OLD, NEW, OTHER) if self.has(FOLDER + name)]

    def test_they_are_fetched_once_and_need_no_restart_at_first(self):
        self.given(NEW, OTHER)
        self.assertEqual(self.there(), [NEW, OTHER])
        self.assertEqual(self.read(FOLDER + NEW), NEW)
        self.assertTrue(fingerprint.is_read())
        self.calls = []
        self.given(NEW, OTHER)
        self.assertEqual(self.calls, [])

    def test_they_come_through_the_proxy(self):
        self.list = lines(NEW)
        self.works(*STEP + ("--proxy", "http://proxy:3128"))
        self.assertEqual(len(self.done("curl -fsSL -x http://proxy:3128 ")), 1)

    def test_another_file_of_a_plugin_takes_the_place_of_the_former_one_and_needs_a_restart(self):
        self.given(OLD, OTHER)
        self.given(NEW, OTHER)
        self.assertEqual(self.there(), [NEW, OTHER])
        self.assertFalse(fingerprint.is_read())
        self.assertFalse(fingerprint.only_limits_changed())

    def test_a_restart_that_is_due_stays_due(self):
        self.configure("channel_max = 1\n")
        self.given(NEW)
        self.assertFalse(fingerprint.is_read())

    def test_nothing_is_changed_unless_all_are_right(self):
        self.given(OLD)
        self.list = lines(NEW, OTHER)
        for broken in ({NEW: NEW}, {NEW: NEW, OTHER: "something else"}):
            self.offered = broken
            self.refuses(*STEP)
            self.assertEqual(self.there(), [OLD])
            self.assertEqual(self.read(NOTE), "{} {}\n".format(sum_of(OLD), OLD))
            self.assertTrue(fingerprint.is_read())

    def test_a_list_that_did_not_come_whole_removes_nothing(self):
        # What only another plug-in needs may be left out of --plugins.
        step = STEP[:2] + ("rabbitmq_management," + DELAYED,)
        self.given(NEW, OTHER)
        for text in ("", "end\n", lines(NEW)[: -len("end\n")], lines(NEW)[:70], lines(NEW, OTHER)[:-6]):
            self.list = text
            self.refuses(*step, because="the list of plug-ins' files did not come whole")
            self.assertEqual(self.there(), [NEW, OTHER])

    def test_the_file_of_a_plugin_that_shall_run_is_not_removed(self):
        self.given(NEW, OTHER)
        self.list = lines(NEW)
        self.refuses(*STEP, because="the file of the plug-in acme_audit is no longer in")
        self.assertEqual(self.there(), [NEW, OTHER])
        self.works("plugin-files", "--plugins", DELAYED)
        self.assertEqual(self.there(), [NEW])
        self.assertTrue(fingerprint.is_read(), "a plug-in that goes needs no restart")

    def test_all_go_only_once_none_is_enabled(self):
        self.given(NEW)
        self.put(PLUGINS, "[rabbitmq_management,{}].\n".format(DELAYED))
        self.refuses("plugin-files", "--remove", because="is no longer in rabbitmq.pluginFiles")
        self.assertEqual(self.there(), [NEW])
        self.put(PLUGINS, "[rabbitmq_management].\n")
        self.works("plugin-files", "--remove")
        self.assertEqual(self.there(), [])
        self.assertFalse(self.has(NOTE))
        self.assertTrue(fingerprint.is_read())

    def test_a_file_of_others_with_the_same_plugin_is_refused_and_an_equal_one_stays_theirs(self):
        self.put(FOLDER + "README", "")
        self.put(FOLDER + OLD, OLD)
        self.list = lines(NEW)
        self.refuses(*STEP, because=FOLDER + OLD + " is not the program's")
        self.assertEqual(self.there(), [OLD])
        self.given(OLD)
        self.works("plugin-files", "--remove")
        self.assertEqual(self.there(), [OLD])

    def test_one_that_somebody_has_changed_is_put_back_and_not_removed(self):
        self.given(NEW)
        self.put(FOLDER + NEW, "changed")
        self.given(NEW)
        self.assertEqual(self.read(FOLDER + NEW), NEW)
        self.put(FOLDER + NEW, "changed")
        self.works("plugin-files", "--remove")
        self.assertEqual(self.there(), [NEW])
        self.assertIn("stays, since somebody has changed it", self.output)


if __name__ == "__main__":
    unittest.main()
