"""A file of the host: written atomically, only if it differs, and never with refused content."""

import io
import json
import os
import stat
import sys
import unittest

from agent.steps import file as step

from .support import Ended, Hangs, HostTest

PATH = "/etc/some conf/it's.conf"
COOKIE = "/var/lib/rabbitmq/.erlang.cookie"
END = step.END.decode()
FILE = ("file", "--path", PATH)
JUDGED = FILE + ("--check", "/usr/sbin/haproxy -c -q -f /etc/haproxy/haproxy.cfg -f {}")
UNLESS_RUNNING = ("file", "--path", COOKIE, "--mode", "0400", "--unless-running", "rabbitmq-server")


class File(HostTest):
    content = "content\n"

    def step(self, *words):
        before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(self.content.encode("utf-8", "surrogateescape")))
        try:
            return super().step(*words)
        finally:
            sys.stdin = before

    def folder(self):
        return os.listdir(self.root + os.path.dirname(PATH))

    def stat(self):
        return os.stat(self.root + PATH)

    def test_is_written_unchanged_with_its_mode_and_its_folder(self):
        self.content = "no newline at the end, \\ and $(id)\n\n' 订单 \udcff"
        self.works(*FILE, "--mode", "0400")
        with open(self.root + PATH, "rb") as file:
            self.assertEqual(file.read(), self.content.encode("utf-8", "surrogateescape"))
        self.assertEqual(stat.S_IMODE(self.stat().st_mode), 0o400)
        self.assertEqual(self.folder(), ["it's.conf"])

    def test_replaces_the_old_file_atomically(self):
        self.put(PATH, "old")
        before = self.stat().st_ino
        self.works(*FILE)
        self.assertEqual(self.read(PATH), "content\n")
        self.assertNotEqual(self.stat().st_ino, before)

    def test_a_file_that_is_already_right_is_neither_written_nor_checked(self):
        self.put(PATH, self.content)
        before = self.stat()
        self.works(*JUDGED, "--unless-running", "rabbitmq-server")
        after = self.stat()
        self.assertEqual((after.st_ino, after.st_ctime_ns), (before.st_ino, before.st_ctime_ns))
        self.assertEqual(self.folder(), ["it's.conf"])
        self.assertEqual(self.calls, [])

    def test_content_that_is_cut_off_is_not_written(self):
        self.put(PATH, "old")
        whole = "first\nsecond\n" + END
        for length in range(len(whole)):
            self.content = whole[:length]
            self.refuses(*FILE, "--with-end", because="mq1: the content for {} did not arrive whole".format(PATH))
        self.content = END
        self.refuses(*FILE, "--with-end", because="no content for")
        self.assertEqual(self.read(PATH), "old")

    def test_the_line_that_proves_it_whole_is_not_written(self):
        self.put(PATH, "first\nsecond")
        before = self.stat().st_ino
        self.content = "first\nsecond" + END
        self.works(*FILE, "--with-end")
        self.assertEqual((self.read(PATH), self.stat().st_ino), ("first\nsecond", before))

    def test_the_graph_sends_the_same_line(self):
        folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(os.path.join(folder, "hosts", "file-input.ts"), encoding="utf-8") as source:
            self.assertIn(json.dumps(END), source.read())

    def test_a_changed_mode_is_restored(self):
        self.put(PATH, self.content, 0o666)
        self.works(*FILE, "--mode", "0600")
        self.assertEqual(stat.S_IMODE(self.stat().st_mode), 0o600)

    @unittest.skipUnless(os.getuid() == 0, "only root can")
    def test_a_changed_owner_is_restored(self):
        self.works(*FILE, "--owner", "65534:65534")
        self.assertEqual((self.stat().st_uid, self.stat().st_gid), (65534, 65534))
        self.works(*FILE, "--owner", "root:root")
        self.assertEqual((self.stat().st_uid, self.stat().st_gid), (0, 0))

    def test_a_content_that_the_check_refuses_leaves_the_old_file_and_says_why(self):
        self.put(PATH, "old")
        before = self.stat()
        self.on("haproxy", Ended(1, "", "line 1: bad"))
        said = "mq1: the new {} was refused, so the old one stays as it is:\nline 1: bad\n"
        self.refuses(*JUDGED, because=said.format(PATH))
        self.assertEqual((self.read(PATH), self.stat().st_ino), ("old", before.st_ino))
        self.assertEqual(self.folder(), ["it's.conf"])

    def test_a_hung_or_missing_check_counts_as_refusal(self):
        for fault in (Hangs(), FileNotFoundError(2, "No such file or directory")):
            with self.subTest(fault=fault):
                self.put(PATH, "old")
                self.on("haproxy", fault)
                self.refuses(*JUDGED)
                self.assertEqual(self.read(PATH), "old")

    def test_the_check_sees_the_new_file_with_its_mode_already(self):
        # A secret must never be readable by others.
        seen = []

        def check(call):
            with open(call.words[-1]) as file:
                seen.append((file.read(), stat.S_IMODE(os.stat(call.words[-1]).st_mode), call.words[3:-1]))

        self.on("haproxy", check)
        self.works(*JUDGED, "--mode", "0400")
        self.assertEqual(seen, [(self.content, 0o400, ["-f", "/etc/haproxy/haproxy.cfg", "-f"])])
        self.assertEqual(self.folder(), ["it's.conf"])

    def test_nothing_is_left_behind_when_it_cannot_be_written(self):
        os.makedirs(self.root + PATH + "/in the way")
        self.refuses(*FILE, because="cannot be written")
        self.assertEqual(self.folder(), ["it's.conf"])

    def test_an_owner_that_is_not_there_is_named(self):
        self.refuses(*FILE, "--owner", "no-such-user:root", because="no-such-user")
        self.assertFalse(self.has(PATH))

    def test_a_link_is_replaced_and_what_it_pointed_to_stays(self):
        self.put("/target", "theirs")
        os.makedirs(self.root + os.path.dirname(PATH))
        os.symlink(self.root + "/target", self.root + PATH)
        self.works(*FILE)
        self.assertFalse(os.path.islink(self.root + PATH))
        self.assertEqual(self.read("/target"), "theirs")

    def test_empty_content_is_refused(self):
        self.content = ""
        self.put(PATH, "old")
        self.refuses(*FILE, because="no content")
        self.assertEqual(self.read(PATH), "old")

    def test_selinux_labels_the_new_file_before_it_takes_the_old_ones_place(self):
        self.on("restorecon")
        self.works(*FILE)
        self.assertEqual([call.program for call in self.calls], ["restorecon"])

    def test_files_of_one_host_are_written_side_by_side(self):
        from agent import lock

        self.works(*FILE)
        self.assertIn("file-etc-some conf-it's.conf", os.listdir(self.root + lock.FOLDER))

    # The cookie

    def broker(self, state):
        self.on("systemctl show rabbitmq-server", "ActiveState={}\n".format(state))
        self.put(COOKIE, "OLD", 0o400)
        self.content = "NEW"

    def test_a_new_cookie_is_taken_while_the_broker_is_stopped(self):
        for state in ("inactive", "failed"):
            with self.subTest(state=state):
                self.broker(state)
                self.works(*UNLESS_RUNNING)
                self.assertEqual(self.read(COOKIE), "NEW")

    def test_a_new_cookie_is_refused_while_the_broker_runs_starts_or_stops(self):
        for state in ("active", "reloading", "activating", "deactivating"):
            with self.subTest(state=state):
                self.broker(state)
                self.refuses(*UNLESS_RUNNING, because="a running broker keeps the cookie that it was started with")
                self.assertEqual(self.read(COOKIE), "OLD")

    def test_the_mode_of_an_unchanged_cookie_is_restored_while_the_broker_runs(self):
        self.put(COOKIE, self.content, 0o600)
        self.works(*UNLESS_RUNNING)
        self.assertEqual(stat.S_IMODE(os.stat(self.root + COOKIE).st_mode), 0o400)

    def test_a_new_cookie_is_refused_where_the_brokers_state_cannot_be_found_out(self):
        answers = (Ended(1, "", "no bus"), Hangs(), "", "ActiveState=", "ActiveState=inac", FileNotFoundError(2, "no"))
        for answer in answers:
            with self.subTest(answer=answer):
                self.broker("inactive")
                self.on("systemctl show rabbitmq-server", answer)
                self.refuses(*UNLESS_RUNNING)
                self.assertEqual(self.read(COOKIE), "OLD")


if __name__ == "__main__":
    unittest.main()
