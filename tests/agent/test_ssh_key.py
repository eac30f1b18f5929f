"""The SSH key: both are valid until the end, and all that others have written stays to the byte."""

import io
import os
import sys
import unittest

from .support import Ended, Hangs, HostTest

OLD, NEW, OTHER = ("ssh-ed25519 AAAA{}".format(name) for name in ("Old", "New", "Other"))
FILE, SECOND = "/root/.ssh/authorized_keys", "/root/.ssh/authorized_keys2"
NOTE = "/var/lib/rabbitmq-ha/ssh-key"
STEP = ("ssh-key", "--user", "root")
ADD, FINISH = STEP + ("--add",), STEP + ("--finish",)

# What only others could have written: a comment with the key, options that look like one, an ending of Windows, a byte
# that is no UTF-8, a key that begins alike, and no end of the last line.
FOREIGN = "# {}\n\n\tssh-rsa AAAAB3 me@home\r\n".format(OLD) + "\udcff\n" + OLD + "er longer\n"
FORCED = 'command="echo {}" {} forced\n'.format(OLD, OTHER)


class SshKey(HostTest):
    def start(self):
        super().start()
        self.given = [OLD]
        self.on("sshd -T -C user=root,", "port 22\nauthorizedkeysfile .ssh/authorized_keys %h/.ssh/authorized_keys2\n")
        self.put_exactly(FILE, FOREIGN + OLD + " stack\n" + FORCED)

    def put_exactly(self, name, text):
        self.put(name, "", mode=0o600)
        with open(self.root + name, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))

    def read(self, name):
        with open(self.root + name, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")

    def step(self, *words):
        real, sys.stdin = sys.stdin, io.StringIO("\n".join(self.given) + "\n")
        try:
            return super().step(*words)
        finally:
            sys.stdin = real

    def works_with(self, words, *given):
        self.given = list(given)
        self.works(*words)

    def refuses_with(self, words, *given, because):
        before = self.read(FILE)
        self.given = list(given)
        self.refuses(*words, because=because)
        self.assertEqual(self.read(FILE), before)

    def test_a_whole_rotation_leaves_the_lines_of_others_as_they_are(self):
        self.works_with(STEP, OLD)
        self.assertIn('{"file": "/root/.ssh/authorized_keys", "former": [], "new": null}', self.output)
        self.works_with(ADD, OLD, NEW)
        self.assertEqual(self.read(FILE), FOREIGN + OLD + " stack\n" + FORCED + NEW + " rabbitmq-ha\n")
        self.works_with(ADD, OLD, NEW)  # again, as after a run that was killed
        self.assertEqual(self.read(FILE).count(NEW), 1)
        self.works_with(STEP, NEW)
        self.assertIn('"former": ["{}"], "new": "{}"'.format(OLD, NEW), self.output)
        self.works_with(FINISH, NEW, OLD)
        self.assertEqual(self.read(FILE), FOREIGN + FORCED + NEW + " rabbitmq-ha\n")
        self.assertEqual(os.stat(self.root + FILE).st_mode & 0o777, 0o600)
        self.assertFalse(self.has(NOTE))
        self.works_with(FINISH, NEW, OLD)

    def test_the_new_key_has_the_options_of_the_one_in_use_and_no_line_is_joined(self):
        options = 'from="10.0.0.0/8, 10.1.0.0/16",no-pty'
        self.put_exactly(FILE, OTHER + "\n" + options + " " + OLD)
        self.works_with(ADD, OLD, NEW)
        self.assertEqual(self.read(FILE), "{}\n{} {}\n{} {} rabbitmq-ha\n".format(OTHER, options, OLD, options, NEW))

    def test_each_line_of_the_former_key_goes_in_each_file_and_a_link_stays_one(self):
        self.put("/srv/keys", OLD + "\n" + OTHER + "\n")
        os.symlink(self.root + "/srv/keys", self.root + SECOND)
        self.works_with(ADD, OLD, NEW)
        self.works_with(FINISH, NEW, OLD)
        self.assertTrue(os.path.islink(self.root + SECOND))
        self.assertEqual(self.read("/srv/keys"), OTHER + "\n")
        self.assertNotIn(OLD + " stack", self.read(FILE))

    def test_a_start_that_was_not_completed_leaves_its_key_until_the_end_as_the_state_may_have_it_yet(self):
        lost = OTHER[:-1]
        keys = [lost, NEW]
        for used, left in ((NEW, lost), (lost, NEW)):
            with self.subTest(used=used):
                self.put_exactly(FILE, FOREIGN + OLD + " stack\n" + FORCED)
                for key in keys + [NEW]:
                    self.works_with(ADD, OLD, key)
                lines = "".join(key + " rabbitmq-ha\n" for key in keys)
                self.assertEqual(self.read(FILE), FOREIGN + OLD + " stack\n" + FORCED + lines)
                self.assertIn('"former": ["{}"], "new": "{}"'.format(OLD, NEW), self.output)
                self.works_with(STEP, used)
                self.assertIn('"former": ["{}", "{}"], "new": "{}"'.format(OLD, left, used), self.output)
                self.refuses_with(ADD, used, OTHER, because="nothing was changed: the key in use is a new one")
                self.works_with(FINISH, used, OLD, left)
                self.assertEqual(self.read(FILE), FOREIGN + FORCED + used + " rabbitmq-ha\n")

    def test_a_key_that_somebody_else_has_put_there_is_nobodys_left_over(self):
        self.works_with(ADD, OLD, OTHER)
        self.works_with(ADD, OLD, NEW)
        self.works_with(STEP, NEW)
        self.assertIn('"former": ["{}"], "new": "{}"'.format(OLD, NEW), self.output)
        self.works_with(FINISH, NEW, OLD)
        self.assertIn(FORCED, self.read(FILE))

    def test_the_former_key_stays_while_it_is_the_one_in_use(self):
        self.works_with(ADD, OLD, NEW)
        self.refuses_with(FINISH, OLD, NEW, because="nothing was changed: the new key is not in use yet")
        self.refuses_with(ADD, NEW, OTHER, because="nothing was changed: the key in use is a new one")

    def test_a_key_from_elsewhere_is_not_changed_here(self):
        self.refuses_with(STEP, NEW, because="the key that is in use is in none of /root/.ssh/authorized_keys, ")
        self.refuses_with(ADD, NEW, OLD, because="AuthorizedKeysCommand")
        self.refuses_with(FINISH, NEW, OLD, because="AuthorizedKeysCommand")

    def test_wrong_input_changes_nothing(self):
        for given in ([], ["x"], [OLD], [OLD, OLD], [OLD, NEW + " a comment"], [OLD, NEW, OTHER]):
            with self.subTest(given=given):
                self.refuses_with(ADD, *given, because="standard input")

    def test_another_stacks_note_does_not_count_and_a_broken_one_is_told(self):
        note = '{{"new": ["{0}"], "former": "ssh-ed25519 AAAAX", "added": ["{0}"]}}'.format(OTHER)
        self.put(NOTE, note)
        self.works_with(ADD, OLD, NEW)
        self.assertIn(FORCED, self.read(FILE))
        for broken in ('{"new": ', note.replace("[", "").replace("]", ""), note.replace("former", "old")):
            with self.subTest(note=broken):
                self.put(NOTE, broken)
                self.refuses_with(ADD, OLD, NEW, because="does not say which keys are valid")

    def test_nothing_is_changed_unless_sshd_says_where_the_keys_are(self):
        for answer in (Ended(255, "", "sshd: no hostkeys"), Hangs(), "", "port 22\nauthorizedkeysfile .ssh/a"):
            with self.subTest(answer=answer):
                self.on("sshd -T", answer)
                self.refuses_with(ADD, OLD, NEW, because="sshd")
                self.refuses_with(FINISH, OLD, NEW, because="sshd")

    def test_a_central_file_is_found(self):
        self.on("sshd -T", "AuthorizedKeysFile /etc/ssh/keys/%u.%U%%\n")
        self.put("/etc/ssh/keys/root.0%", OLD + "\n")
        self.works_with(ADD, OLD, NEW)
        self.assertEqual(self.read("/etc/ssh/keys/root.0%"), OLD + "\n" + NEW + " rabbitmq-ha\n")

    def test_there_is_no_such_user(self):
        self.refuses("ssh-key", "--user", "nobody-at-all", because="there is no user nobody-at-all")


if __name__ == "__main__":
    unittest.main()
