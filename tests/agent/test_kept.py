"""Files that were there before the program: kept before they are replaced, and given back to the byte."""

import os
import stat
import unittest
from unittest import mock

from agent import files, host, kept

from .support import HostTest

CONFIG = "/etc/haproxy/haproxy.cfg"
CONF = "/etc/rabbitmq/rabbitmq.conf"
PLUGINS = "/etc/rabbitmq/enabled_plugins"
THEIRS = "frontend web\r\n  bind *:8443 # \udcff\n\nno newline at the end"
OWN = "# Written by rabbitmq-ha; a change belongs into the stack's configuration.\n"
DROP_IN = "/etc/systemd/system/{}.service.d/rabbitmq-ha.conf"
HOSTS = "127.0.0.1 localhost\n127.0.1.1 mq1 old\n10.9.9.9 mq2\n"
FOLDER = "/var/lib/rabbitmq-ha"
COPY = FOLDER + "/kept"
FULL = OSError(28, "No space left on device")


class KeptHost(HostTest):
    full_name = "old"

    def start(self):
        super().start()
        self._stack.callback(setattr, host, "full_name", host.full_name)
        host.full_name = lambda: self.full_name
        self.on("systemctl show", "LoadState=not-found\nActiveState=inactive\n")
        self.on("systemctl daemon-reload")
        self.on("hostnamectl", self.named)

    def named(self, call):
        self.full_name = call.words[-1]
        self.put("/etc/hostname", self.full_name + "\n")

    def put_exactly(self, name, text, mode=0o644):
        self.put(name)
        with open(self.root + name, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        os.chmod(self.root + name, mode)

    def mark(self, role="balancer", stack="prod-a1"):
        words = ("--stack-id", stack, "--stack", "prod", "--host", "mq1", "--role", role, "--identity", "id")
        return ("owner",) + words

    def clean_up(self, role="balancer", *more):
        return ("clean-up", "--role", role, "--stack-id", "prod-a1", "--host", "mq1") + more

    def replaced(self, name=CONFIG):
        """Writes the program's own file, as the step `file` does."""
        files.write(name, OWN)


class Kept(KeptHost):
    def test_a_file_is_given_back_to_the_byte_with_its_mode(self):
        self.put_exactly(CONFIG, THEIRS, 0o640)
        self.works(*self.mark())
        self.assertEqual(files.read_exactly(CONFIG), THEIRS)
        self.replaced()
        # A copy is never made twice: by now the file is the program's.
        self.works(*self.mark())
        self.works(*self.clean_up())
        self.assertEqual(files.read_exactly(CONFIG), THEIRS)
        self.assertEqual(stat.S_IMODE(os.stat(self.root + CONFIG).st_mode), 0o640)
        self.assertFalse(self.has(FOLDER))
        self.assertIn("mq1: /etc/haproxy/haproxy.cfg is again what it was before", self.output)

    @unittest.skipUnless(os.getuid() == 0, "only root can")
    def test_its_owner_comes_back(self):
        self.put(CONFIG, "theirs")
        os.chown(self.root + CONFIG, 65534, 65533)
        self.works(*self.mark())
        self.replaced()
        self.works(*self.clean_up())
        found = os.stat(self.root + CONFIG)
        self.assertEqual((found.st_uid, found.st_gid), (65534, 65533))

    def test_a_brokers_files_come_back_also_if_its_data_stays(self):
        for more in ((), ("--purge",)):
            self.start()
            self.put(CONF, "theirs")
            self.put(PLUGINS, "[rabbitmq_shovel].\n")
            self.put(CONFIG, "a balancer's, on a broker")
            self.works(*self.mark("broker"))
            self.assertFalse(self.has(COPY + CONFIG))
            self.put(DROP_IN.format("rabbitmq-server"), OWN)
            self.replaced(CONF)
            self.put(PLUGINS, "[rabbitmq_management].\n")
            self.put(FOLDER + "/member")
            self.works(*self.clean_up("broker", *more))
            self.assertEqual((self.read(CONF), self.read(PLUGINS)), ("theirs", "[rabbitmq_shovel].\n"))
            self.assertEqual(self.has(FOLDER + "/member"), more == ())
            self.assertFalse(self.has(COPY))

    def test_a_link_comes_back_as_a_link(self):
        self.put("/srv/haproxy.cfg", "theirs")
        os.makedirs(self.root + "/etc/haproxy")
        os.symlink("../../srv/haproxy.cfg", self.root + CONFIG)
        self.works(*self.mark())
        self.replaced()
        self.works(*self.clean_up())
        self.assertEqual(os.readlink(self.root + CONFIG), "../../srv/haproxy.cfg")

    def test_the_programs_own_files_are_not_kept(self):
        self.replaced()
        self.works(*self.mark())
        self.assertFalse(self.has(COPY + CONFIG))

    def test_on_a_machine_that_an_earlier_release_has_set_up_nothing_is_kept(self):
        for role, unit in (("balancer", "haproxy"), ("balancer", "keepalived"), ("broker", "rabbitmq-server")):
            self.start()
            for name in (CONFIG, PLUGINS, "/etc/hosts", "/etc/hostname"):
                self.put(name, "text")
            self.put(DROP_IN.format(unit), OWN)
            self.works(*self.mark(role))
            self.assertFalse(self.has(COPY), unit)

    def test_on_a_marked_machine_nothing_is_kept_unless_it_gets_another_role(self):
        self.works(*self.mark())
        self.put(CONFIG, "changed since")
        self.put(PLUGINS, "[theirs].\n")
        self.works(*self.mark())
        self.works(*self.mark(stack="prod-b2"), "--take-over")
        self.assertFalse(self.has(COPY))
        self.works(*self.mark("broker", "prod-b2"))
        self.assertTrue(self.has(COPY + PLUGINS))

    def test_a_file_that_cannot_be_kept_stops_everything_before_the_mark(self):
        for name in ("os.rename", "os.fsync"):
            self.start()
            self.put(CONFIG, "theirs")
            with mock.patch(name, side_effect=FULL):
                self.refuses(*self.mark(), because="{} cannot be kept".format(CONFIG))
            self.assertFalse(self.has(FOLDER + "/owner"), "so that the next run keeps it")
            self.works(*self.mark())
            self.assertEqual(self.read(COPY + CONFIG), "theirs")

    def test_a_copy_is_never_overwritten(self):
        self.put(COPY + CONFIG, "first")
        self.put(CONFIG, "second")
        self.works(*self.mark())
        self.assertEqual(self.read(COPY + CONFIG), "first")

    def test_a_run_that_is_killed_while_it_keeps_is_completed(self):
        self.put(CONFIG, "theirs")
        self.put("/etc/keepalived/keepalived.conf", "theirs, too")
        self.put(COPY + "/etc/keepalived/keepalived.conf.77.new", "the")
        self.put(COPY + CONFIG, "theirs")
        self.works(*self.mark())
        self.replaced()
        self.replaced("/etc/keepalived/keepalived.conf")
        self.works(*self.clean_up())
        self.assertEqual(self.read("/etc/keepalived/keepalived.conf"), "theirs, too")
        self.assertEqual(os.listdir(self.root + "/etc/keepalived"), ["keepalived.conf"])
        self.assertFalse(self.has(FOLDER))

    def test_a_clean_up_that_is_killed_half_way_is_completed(self):
        real = files.remove
        for last in (COPY + CONFIG, COPY + "/etc/keepalived/keepalived.conf", kept.NAMES):
            self.start()
            self.put(CONFIG, "theirs")
            self.put("/etc/keepalived/keepalived.conf", "theirs, too")
            self.works(*self.mark())
            self.replaced()
            self.replaced("/etc/keepalived/keepalived.conf")

            def killed(name, last=last):
                if name == last:
                    raise KeyboardInterrupt()
                return real(name)

            with mock.patch("agent.files.remove", killed), self.assertRaises(KeyboardInterrupt):
                self.step(*self.clean_up())
            self.works(*self.clean_up())
            self.assertEqual(self.read(CONFIG), "theirs", last)
            self.assertEqual(self.read("/etc/keepalived/keepalived.conf"), "theirs, too")
            self.assertEqual(os.listdir(self.root + "/etc/haproxy"), ["haproxy.cfg"])

    def test_what_somebody_else_has_written_since_stays_and_the_former_file_is_put_beside_it(self):
        self.put(CONFIG, "theirs")
        self.works(*self.mark())
        self.put(CONFIG, "new")
        self.put(CONFIG + ".before-rabbitmq-ha", "of another time")
        self.works(*self.clean_up())
        self.assertEqual(self.read(CONFIG), "new")
        self.assertEqual(self.read(CONFIG + ".before-rabbitmq-ha"), "of another time")
        self.assertEqual(self.read(CONFIG + ".before-rabbitmq-ha-2"), "theirs")
        self.assertIn("before: /etc/haproxy/haproxy.cfg.before-rabbitmq-ha-2", self.output)

    def test_a_copy_that_cannot_be_read_stops_the_clean_up_before_anything_is_removed(self):
        self.put(CONFIG, "theirs")
        self.works(*self.mark())
        self.put(DROP_IN.format("haproxy"), OWN)
        self.replaced()
        real = files.read_exactly

        def broken(name):
            if name == COPY + CONFIG:
                raise OSError(5, "Input/output error")
            return real(name)

        with mock.patch("agent.files.read_exactly", broken):
            self.refuses(*self.clean_up(), because="kept/etc/haproxy/haproxy.cfg cannot be given back: Input/output")
        self.assertEqual(self.done("stop", "disable"), [])
        self.assertEqual((self.read(CONFIG), self.read(COPY + CONFIG)), (OWN, "theirs"))
        self.works(*self.clean_up())
        self.assertEqual(self.read(CONFIG), "theirs")

    def test_copies_that_cannot_be_listed_are_not_none(self):
        self.put(CONFIG, "theirs")
        self.works(*self.mark())
        for name, real in (("os.scandir", os.scandir), ("os.lstat", os.lstat)):

            def broken(path=".", *more, real=real, **options):
                if str(path).endswith("/kept"):
                    raise PermissionError(13, "Permission denied")
                return real(path, *more, **options)

            with mock.patch(name, broken):
                self.refuses(*self.clean_up(), because="/var/lib/rabbitmq-ha/kept")
            self.assertEqual(self.read(COPY + CONFIG), "theirs")

    def test_a_full_disk_keeps_the_copy(self):
        self.put(CONFIG, "theirs")
        self.works(*self.mark())
        self.replaced()
        os.unlink(self.root + CONFIG)
        with mock.patch("agent.files.copy", side_effect=FULL):
            self.refuses(*self.clean_up(), because="No space left")
        self.assertEqual(self.read(COPY + CONFIG), "theirs")


class Names(KeptHost):
    def set_up(self, hosts=HOSTS):
        self.put("/etc/hosts", hosts)
        self.put("/etc/hostname", "# mine\nold\n")
        self.works(*self.mark())
        self.on("hostname --fqdn", lambda call: self.full_name)
        self.works("names", "--name", "mq1", "--hosts", "mq1=10.0.0.1,mq2=10.0.0.2")

    def test_the_hosts_file_and_the_host_name_come_back_to_the_byte(self):
        self.set_up()
        # One has left the stack meanwhile.
        self.works("names", "--name", "mq1", "--hosts", "mq1=10.0.0.1")
        self.assertNotIn("10.9.9.9", self.read("/etc/hosts"))
        self.works(*self.clean_up())
        self.assertEqual(self.read("/etc/hosts"), HOSTS)
        self.assertEqual((self.full_name, self.read("/etc/hostname")), ("old", "# mine\nold\n"))

    def test_a_name_with_a_domain_is_neither_taken_nor_given_back(self):
        self.full_name = "mq1.example.org"
        self.set_up("127.0.0.1 localhost\n127.0.1.1 mq1.example.org mq1\n")
        self.assertIn("10.0.0.1 mq1.example.org mq1\n", self.read("/etc/hosts"))
        self.works(*self.clean_up())
        self.assertEqual(self.read("/etc/hosts"), "127.0.0.1 localhost\n127.0.1.1 mq1.example.org mq1\n")
        self.assertEqual((self.full_name, self.done("hostnamectl")), ("mq1.example.org", []))

    def test_lines_that_others_have_changed_stay_and_lost_ones_are_named(self):
        self.set_up()
        self.put("/etc/hosts", "10.0.0.9 theirs\n" + self.read("/etc/hosts"))
        self.works(*self.clean_up())
        self.assertEqual(self.read("/etc/hosts"), "10.0.0.9 theirs\n127.0.0.1 localhost\n127.0.1.1 old\n")
        self.assertIn("stays without these lines of before: 127.0.1.1 mq1 old; 10.9.9.9 mq2", self.output)

    def test_a_line_that_somebody_else_has_removed_does_not_come_back(self):
        self.set_up("10.0.0.7 theirs\n" + HOSTS)
        self.put("/etc/hosts", self.read("/etc/hosts").replace("10.0.0.7 theirs\n", ""))
        self.works(*self.clean_up())
        self.assertNotIn("10.0.0.7", self.read("/etc/hosts"))

    def test_a_host_name_that_somebody_else_has_set_since_stays(self):
        self.set_up()
        self.put("/etc/hostname", "newer\n")
        self.works(*self.clean_up())
        self.assertEqual(self.read("/etc/hostname"), "newer\n")


if __name__ == "__main__":
    unittest.main()
