"""HAProxy from its source: downloaded, checked, compiled, installed; once for each source."""

import os

from .package_hosts import URL, PackageHost, sum_of
from .support import Ended

PREFIX = "/usr/local/haproxy"
SOURCE = "the tarball"
SUM = sum_of(SOURCE)
LOG = "/var/log/rabbitmq-ha-haproxy-build.log"


def words(*more, sha256=SUM):
    return (
        "build-haproxy", "--version", "2.8.1", "--url", URL + "haproxy.tar.gz", "--sha256", sha256,
        "--prefix", PREFIX, "--target", "linux-glibc",
    ) + more  # fmt: skip


class BuildHaproxy(PackageHost):
    def start(self):
        super().start()
        self.accounts = set()
        self.wrapper = False
        self.offer("haproxy.tar.gz", SOURCE)
        self.on("getent", self._getent)
        self.on("groupadd", lambda call: self.accounts.add("group"))
        self.on("useradd", lambda call: self.accounts.add("passwd"))
        self.on("tar ", "")
        self.on("make ", "")
        self.on("install-bin", self._install)

    def _getent(self, call):
        raise Ended(0 if call.words[1] in self.accounts else 2)

    def _install(self, call):
        self.put(PREFIX + "/sbin/haproxy", "", mode=0o755)
        if self.wrapper:
            self.put(PREFIX + "/sbin/haproxy-systemd-wrapper", "", mode=0o755)

    def test_is_compiled_with_support_for_systemd(self):
        self.works(*words("--notifies"))
        prefix = self.root + PREFIX
        _, compiled, installed = self.done("tar ", "make ")
        processors = len(os.sched_getaffinity(0))
        self.assertIn(" -j {} TARGET=linux-glibc USE_SYSTEMD=1 PREFIX={}".format(processors, prefix), compiled)
        self.assertIn("install-bin PREFIX=" + prefix, installed)
        self.assertEqual(self.read(PREFIX + "/rabbitmq-ha.built"), sum_of(SOURCE) + "\n")
        self.assertTrue(self.has(PREFIX + "/dev/log"))
        self.assertTrue(self.has("/etc/haproxy"))
        self.assertEqual(os.listdir(self.root + "/var/tmp"), [])

    def test_the_tutorials_account_is_made_once(self):
        self.works(*words("--notifies"))
        self.assertEqual(
            self.done("groupadd", "useradd"),
            [
                "groupadd -r -g 149 haproxy",
                "useradd -r -g haproxy -u 149 -s /sbin/nologin -d {} haproxy".format(PREFIX),
            ],
        )
        self.calls = []
        self.works(*words("--notifies"))
        self.assertEqual(self.done("add"), [])

    def test_without_an_answer_about_the_account_none_is_made(self):
        for broken in (Ended(1), Ended(75)):
            self.on("getent", broken)
            self.refuses(*words("--notifies"), because="getent")
        self.assertEqual(self.done("add", "make"), [])

    def test_a_failed_creation_of_the_account_is_reported(self):
        self.on("groupadd", Ended(4, "", "groupadd: GID '149' already exists\n"))
        self.refuses(*words("--notifies"), because="GID '149' already exists")

    def test_the_same_source_is_not_compiled_twice_and_another_one_is(self):
        self.works(*words("--notifies"))
        self.calls = []
        self.works(*words("--notifies"))
        self.assertEqual(self.done("curl", "tar ", "make "), [])
        self.offer("haproxy.tar.gz", "another tarball")
        self.works(*words("--notifies", sha256=sum_of("another tarball")))
        self.assertEqual(len(self.done("install-bin")), 1)

    def test_a_missing_binary_is_compiled_again(self):
        self.works(*words("--notifies"))
        os.remove(self.root + PREFIX + "/sbin/haproxy")
        self.works(*words("--notifies"))
        self.assertEqual(len(self.done("install-bin")), 2)

    def test_files_in_the_chroot_stay(self):
        self.put(PREFIX + "/dev/log", "a socket is bound here")
        self.works(*words("--notifies"))
        self.assertEqual(self.read(PREFIX + "/dev/log"), "a socket is bound here")

    def test_a_source_with_another_sum_is_not_built(self):
        self.refuses(
            *words(sha256="0" * 64), because="haproxy.source.sha256 says {}; nothing was built".format("0" * 64)
        )
        self.assertEqual(self.done("tar ", "make "), [])

    def test_each_failure_is_reported_with_the_end_of_the_log_and_leaves_no_mark(self):
        for pattern, because in [
            ("tar ", "could not be unpacked"),
            ("TARGET=", "could not be compiled"),
            ("install-bin", "could not be installed"),
        ]:
            self.start()
            self.on(pattern, Ended(2, "", "the last words of it\n"))
            self.refuses(*words("--notifies"), because="mq1: HAProxy 2.8.1 {}; the end of {}:".format(because, LOG))
            self.assertIn("the last words of it", self.errors)
            self.assertFalse(self.has(PREFIX + "/rabbitmq-ha.built"))
            self.assertEqual(os.listdir(self.root + "/var/tmp"), [])

    def test_what_does_not_notify_needs_its_wrapper(self):
        self.refuses(*words(), because="came without haproxy-systemd-wrapper")
        self.wrapper = True
        self.works(*words())
        self.assertNotIn("USE_SYSTEMD", " ".join(self.lines()))

    def test_the_download_uses_the_proxy(self):
        self.works(*words("--notifies", "--proxy", "http://p.example.org:3128"))
        self.assertIn("-x http://p.example.org:3128", self.done("curl")[0])
