"""The stack's names on a host: in a block of /etc/hosts, with every other line unchanged."""

import os
import stat
import unittest

from agent import host, hosts_file

from .support import Ended, Hangs, HostTest

HOSTS = "/etc/hosts"
PEERS = "cent120=192.168.56.120,cent121=192.168.56.121"
BLOCK = "# rabbitmq-ha: begin\n192.168.56.120 cent120\n192.168.56.121 cent121\n# rabbitmq-ha: end\n"
FULL_BLOCK = BLOCK.replace(" cent120", " cent120.example.org cent120")


class Names(HostTest):
    full_name = "cent120"

    def start(self):
        super().start()
        self._stack.callback(setattr, host, "full_name", host.full_name)
        host.full_name = lambda: self.full_name
        self.on("hostname --fqdn", "cent120\n")

    def given(self, text, peers=PEERS):
        self.put(HOSTS, text)
        self.works("names", "--name", "cent120", "--hosts", peers)
        return self.read(HOSTS)

    def test_the_block_comes_after_the_existing_lines(self):
        before = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
        self.assertEqual(self.given(before), before + BLOCK)
        self.assertEqual(stat.S_IMODE(os.stat(self.root + HOSTS).st_mode), 0o644)
        self.assertEqual(self.lines(), ["hostname --fqdn"])

    def test_another_host_name_is_set(self):
        self.on("hostnamectl")
        for name in ("cent121", "cent1200.example.org"):
            self.full_name = name
            self.assertEqual(self.given(""), BLOCK)
        self.assertEqual(self.done("hostnamectl"), ["hostnamectl set-hostname cent120"] * 2)

    def test_a_name_with_a_domain_stays_and_is_the_canonical_one(self):
        self.full_name = "cent120.example.org"
        text = self.given("127.0.1.1 cent120.example.org cent120\n")
        self.assertEqual(text, "127.0.1.1 cent120.example.org\n" + FULL_BLOCK)
        self.assertEqual(self.lines(), [])
        self.assertEqual(self.given(text), text)

    def test_a_domain_that_only_the_resolver_knows_stays_canonical(self):
        self.on("hostname --fqdn", "cent120.example.org\n")
        text = self.given("127.0.1.1 cent120.example.org cent120\n")
        self.assertEqual(text, "127.0.1.1 cent120.example.org\n" + FULL_BLOCK)
        self.assertEqual(self.done("hostnamectl"), [])
        for silent in (Ended(1), Hangs()):
            self.on("hostname --fqdn", silent)
            self.assertEqual(self.given(text), text)

    def test_what_is_no_name_of_this_host_is_not_written(self):
        for answer in ("localhost.localdomain", "cent1200.example.org", "cent120.example.org evil", ""):
            self.on("hostname --fqdn", answer)
            self.assertEqual(self.given(""), BLOCK, answer)
        self.on("hostname --fqdn", Ended(1))
        self.assertEqual(self.given("192.168.56.120 cent120.example.org cent120\n")[-len(BLOCK) :], BLOCK)

    def test_a_second_run_leaves_the_file_alone(self):
        text = self.given("127.0.0.1 localhost\n")
        before = os.stat(self.root + HOSTS)
        self.works("names", "--name", "cent120", "--hosts", PEERS)
        after = os.stat(self.root + HOSTS)
        self.assertEqual((after.st_ino, after.st_mtime_ns), (before.st_ino, before.st_mtime_ns))
        self.assertEqual(self.read(HOSTS), text)
        self.assertEqual(os.listdir(self.root + "/etc"), ["hosts"])

    def test_the_block_follows_the_stack(self):
        text = self.given(self.given("127.0.0.1 localhost\n"), "cent120=10.0.0.1")
        self.assertEqual(text, "127.0.0.1 localhost\n# rabbitmq-ha: begin\n10.0.0.1 cent120\n# rabbitmq-ha: end\n")

    def test_other_lines_with_these_names_lose_them(self):
        text = self.given("127.0.1.1\tcent120\n127.0.1.1 cent120.example.org cent120\n192.168.56.9 cent121\n")
        self.assertEqual(text, "127.0.1.1 cent120.example.org\n" + BLOCK)

    def test_other_lines_stay_unchanged_to_the_byte(self):
        lines = [
            "# cent120 was here",
            "  # cent121",
            "",
            "   ",
            "10.0.0.9   db  db.example.org\t# cent-side",
            "fe80::1%eth0 router",
            "10.0.0.7 db2 # beside cent120",
            "10.0.0.8 cent1200 xcent120 cent120.example.org",
            "127.0.0.1 localhost",
        ]
        foreign = "\n".join(lines) + "\n"
        self.assertEqual(self.given(foreign), foreign + BLOCK)

    def test_on_a_line_with_other_names_only_ours_are_removed(self):
        text = self.given("127.0.0.1 localhost cent120\n10.0.0.7 db cent121 db2 # two\n")
        self.assertEqual(text, "127.0.0.1 localhost\n10.0.0.7 db db2 # two\n" + BLOCK)

    def test_a_last_line_without_a_newline_is_kept(self):
        self.assertEqual(self.given("127.0.0.1 localhost\n10.0.0.7 db"), "127.0.0.1 localhost\n10.0.0.7 db\n" + BLOCK)

    def test_lines_after_the_block_are_kept_before_it(self):
        text = self.given("127.0.0.1 localhost\n" + BLOCK + "10.0.0.7 db\n")
        self.assertEqual(text, "127.0.0.1 localhost\n10.0.0.7 db\n" + BLOCK)

    def test_a_block_without_an_end_removes_no_other_line(self):
        text = self.given(BLOCK.replace(hosts_file.END + "\n", "") + "10.0.0.7 db\n")
        self.assertEqual(text, "10.0.0.7 db\n" + BLOCK)

    def test_the_block_can_be_taken_out_again(self):
        text = self.given("127.0.0.1 localhost\n")
        self.assertEqual(hosts_file.without_block(text + "10.0.0.7 db\n"), "127.0.0.1 localhost\n10.0.0.7 db\n")

    def test_every_user_can_read_the_file_whatever_its_mode_was(self):
        self.put(HOSTS, "127.0.0.1 localhost\n", 0o600)
        self.works("names", "--name", "cent120", "--hosts", PEERS)
        self.assertEqual(stat.S_IMODE(os.stat(self.root + HOSTS).st_mode), 0o644)

    def test_a_host_without_the_file_gets_one(self):
        self.works("names", "--name", "cent120", "--hosts", PEERS)
        self.assertEqual(self.read(HOSTS), BLOCK)

    def test_a_peer_without_an_address_is_a_wrong_command_line(self):
        self.put(HOSTS, "127.0.0.1 localhost\n")
        self.assertEqual(self.step("names", "--name", "cent120", "--hosts", "cent120,cent121=10.0.0.1"), 2)
        self.assertEqual(self.read(HOSTS), "127.0.0.1 localhost\n")


if __name__ == "__main__":
    unittest.main()
