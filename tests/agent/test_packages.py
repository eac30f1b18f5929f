"""Packages: only what is missing is installed, no service starts by itself, and no answer installs nothing."""

import os

from .package_hosts import AptHost, RpmHost
from .support import Ended

NAMES = ("--names", "haproxy,socat")
APT = ("packages", "--installer", "apt") + NAMES
YUM = ("packages", "--installer", "yum") + NAMES
COMMON = "apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
LOG = "/var/log/rabbitmq-ha-packages.log"
MARK = "/var/lib/rabbitmq-ha/installing"
POLICY = "/usr/sbin/policy-rc.d"


class Apt(AptHost):
    def setUp(self):
        super().setUp()
        self.given()

    def given(self, **installed):
        self.installed = dict(installed)
        self.offered = {"haproxy": ["2.6.12-1"], "socat": ["1.7.4-4"], "rabbitmq-server": ["3.10.8-1", "3.10.8-2"]}

    def test_if_nothing_is_missing_only_dpkg_is_asked(self):
        self.given(haproxy="2.6.12-1", socat="1.7.4-4")
        self.works(*APT)
        self.assertEqual([call.program for call in self.calls], ["dpkg-query"])

    def test_what_is_missing_is_installed_and_nothing_else(self):
        self.given(socat="1.7.4-4")
        self.works(*APT)
        install = COMMON + " -y install --no-install-recommends haproxy"
        self.assertEqual(self.installing("dpkg", "apt-get"), ["dpkg --configure -a", install])
        self.works(*APT)
        self.assertEqual(len(self.installing("apt-get")), 1)

    def test_what_is_installed_stays_at_its_version(self):
        self.given()
        self.installed = {"rabbitmq-server": "3.10.8-1"}
        self.works("packages", "--installer", "apt", "--names", "rabbitmq-server=3.10.8-2")
        self.assertEqual(self.installing("apt-get"), [])

    def test_a_stated_version_is_the_first_ones(self):
        self.works("packages", "--installer", "apt", "--names", "rabbitmq-server=3.10.8-1")
        self.assertEqual(self.installed, {"rabbitmq-server": "3.10.8-1"})

    def test_a_half_installed_package_counts_as_missing(self):
        self.given(haproxy="2.6.12-1", socat="1.7.4-4")
        for state in ("half-configured", "unpacked", "config-files", "not-installed"):
            self.states = {"haproxy": state}
            self.calls = []
            self.works(*APT)
            self.assertEqual(len(self.installing("apt-get")), 1, state)

    def test_of_a_package_for_two_architectures_one_is_enough(self):
        lines = "dpkg installed 1\nhaproxy not-installed \nhaproxy installed 1\nsocat installed 1\n"
        self.on("dpkg-query", lines)
        self.works(*APT)
        self.assertEqual(len(self.calls), 1)

    def test_nothing_starts_by_itself_meanwhile(self):
        self.works(*APT)
        self.assertIn("exit 101", self.policy_meanwhile)
        self.assertFalse(self.has(POLICY))

    def test_a_policy_of_somebody_else_stays(self):
        self.put(POLICY, "#!/bin/sh\nexit 0\n")
        self.works(*APT)
        self.assertEqual(self.policy_meanwhile, "#!/bin/sh\nexit 0\n")
        self.assertEqual(self.read(POLICY), "#!/bin/sh\nexit 0\n")

    def test_the_policy_is_removed_also_if_apt_fails(self):
        self.offered = {}
        self.refuses(*APT)
        self.assertFalse(self.has(POLICY))

    def test_a_policy_left_by_a_killed_run_is_removed(self):
        self.put(POLICY, "#!/bin/sh\n# rabbitmq-ha: services are started once they are configured\nexit 101\n")
        self.given(haproxy="2.6.12-1", socat="1.7.4-4")
        self.works(*APT)
        self.assertFalse(self.has(POLICY))

    def test_old_lists_are_updated(self):
        os.utime(self.root + "/var/lib/apt/lists", (1000, 1000))
        self.works(*APT)
        self.assertEqual(self.installing("apt-get")[0], COMMON + " -y update")

    def test_lists_from_before_a_new_source_are_updated(self):
        self.put("/etc/apt/sources.list.d/rabbitmq-ha.list", "deb file:///srv ./\n")
        name = self.root + "/etc/apt/sources.list.d/rabbitmq-ha.list"
        read = os.stat(self.root + "/var/lib/apt/lists").st_mtime
        for changed, first in ((read - 60, "install"), (read + 60, "update")):
            os.utime(name, (changed, changed))
            self.given()
            self.calls.clear()
            self.works(*APT)
            self.assertIn(" {}".format(first), self.installing("apt-get")[0])

    def test_fresh_lists_without_the_package_are_updated(self):
        self.given()
        del self.offered["haproxy"]
        self.on("apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -y update", self.learn)
        self.works(*APT)
        self.assertEqual(self.installed["haproxy"], "9")

    def test_another_apt_is_awaited_also_where_apt_itself_does_not_wait(self):
        # On a machine's first boot unattended-upgrades reads the package lists.
        os.utime(self.root + "/var/lib/apt/lists", (1000, 1000))
        turns = []

        def busy(call):
            turns.append(call)
            if len(turns) < 4:
                raise Ended(100, "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)\n")
            return ""

        self.on("apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -y update", busy)
        self.works(*APT)
        self.assertEqual(len(turns), 4)
        turns[:] = []
        self.start()
        os.utime(self.root + "/var/lib/apt/lists", (1000, 1000))
        self.on("apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -y update", Ended(100, "E: no network\n"))
        self.refuses(*APT, because="could not be installed")
        self.assertEqual(len(self.done("-y update")), 1)

    def learn(self, _call):
        self.offered["haproxy"] = ["9"]

    def test_missing_lists_are_not_fresh(self):
        os.remove(self.root + "/var/lib/apt/lists/somewhere")
        os.rmdir(self.root + "/var/lib/apt/lists")
        self.works(*APT)
        self.assertEqual(self.installing("apt-get")[0], COMMON + " -y update")

    def test_apt_uses_the_proxy(self):
        self.works(*APT, "--proxy", "http://p.example.org:3128")
        self.assertIn("-o Acquire::http::Proxy=http://p.example.org:3128 -o Acquire::https::Proxy=", self.lines()[-1])

    def test_the_hosts_own_proxy_reaches_apt(self):
        os.environ["http_proxy"] = "http://own.example.org:3128"
        self.addCleanup(os.environ.pop, "http_proxy")
        self.works(*APT)
        self.assertEqual(self.calls[-1].options["extra"]["http_proxy"], "http://own.example.org:3128")

    def test_a_failed_installation_is_reported_with_the_end_of_apts_log(self):
        del self.offered["haproxy"]
        self.refuses(*APT, because="mq1: the packages haproxy socat could not be installed; the end of " + LOG)
        self.assertIn("E: Unable to locate haproxy", self.errors)

    def test_an_interrupted_installation_is_finished_after_a_running_one(self):
        self.locked = 3
        self.on("dpkg --configure", self.configure)
        self.works(*APT)
        self.assertEqual(self.locked, 0)
        self.assertEqual(self.time, 1009.0)

    def configure(self, _call):
        if self.locked > 0:
            self.locked -= 1
            raise Ended(2, "", "dpkg: error: dpkg frontend lock was locked by another process with pid 7\n")

    def test_what_dpkg_cannot_finish_is_reported_by_apt(self):
        self.on("dpkg --configure", Ended(1, "", "dpkg: error processing package theirs\n"))
        self.works(*APT)
        self.assertIn("theirs", self.read(LOG))

    def test_a_broken_database_does_not_count_as_empty(self):
        some = "dpkg installed 1\nsocat installed 1\n"
        unknown = "dpkg-query: no packages found matching haproxy\n"
        self.on("dpkg-query", Ended(2, some, unknown + "dpkg-query: error: parsing file '/var/lib/dpkg/status'\n"))
        self.refuses(*APT, because="dpkg does not tell what is installed")
        self.assertIn("dpkg --audit", self.errors)
        self.on(
            "dpkg-query",
            Ended(
                1,
                "",
                "".join(
                    "dpkg-query: no packages found matching {}\n".format(name) for name in ("dpkg", "haproxy", "socat")
                ),
            ),
        )
        self.refuses(*APT, because="dpkg does not tell what is installed")
        self.assertEqual(self.installing("apt-get"), [])

    def test_nothing_is_installed_without_an_answer(self):
        self.sweep(lambda: self.given(socat="1.7.4-4"), APT, ("apt-get",))


class Yum(RpmHost):
    def setUp(self):
        super().setUp()
        self.given()

    def given(self, *installed, half=()):
        self.installed = dict({"bash": ["5-1"]}, **{name: ["1-1"] for name in installed})
        self.offered = {"haproxy": ["1-1"], "socat": ["1-1"], "rabbitmq-server": ["3.13.6-1.el9", "3.13.7-1.el9"]}
        if half:
            self.put(MARK, "".join(name + "\n" for name in half))

    def test_if_nothing_is_missing_only_rpm_is_asked(self):
        self.given("haproxy", "socat")
        self.works(*YUM)
        self.assertEqual([call.program for call in self.calls], ["rpm"])

    def test_what_is_missing_is_installed_and_nothing_else(self):
        self.given("socat")
        self.works(*YUM)
        self.assertEqual(self.installing("yum"), ["yum -y install haproxy"])
        self.assertFalse(self.has(MARK))
        self.works(*YUM)
        self.assertEqual(len(self.installing("yum")), 1)

    def test_dnf_where_the_system_has_it_and_a_stated_version(self):
        self.works("packages", "--installer", "dnf", "--names", "rabbitmq-server=3.13.6-1.el9")
        self.assertEqual(self.installing("dnf"), ["dnf -y install rabbitmq-server-3.13.6-1.el9"])

    def test_yum_uses_the_proxy(self):
        self.works(*YUM, "--proxy", "http://p.example.org:3128")
        line = "yum -y --setopt=proxy=http://p.example.org:3128 install haproxy socat"
        self.assertEqual(self.installing("yum"), [line])

    def test_an_interrupted_installation_is_repeated(self):
        self.given("haproxy", half=["haproxy"])
        self.works(*YUM)
        self.assertEqual(self.installing("yum"), ["yum -y reinstall haproxy", "yum -y install socat"])
        self.works(*YUM)
        self.assertEqual(len(self.installing("yum")), 2)

    def test_a_killed_run_leaves_the_mark(self):
        def killed(_call):
            self.marked = self.read(MARK)
            raise KeyboardInterrupt

        self.on("yum ", killed)
        with self.assertRaises(KeyboardInterrupt):
            self.step(*YUM)
        self.assertEqual(self.marked, "haproxy\nsocat\n")
        self.assertTrue(self.has(MARK))

    def test_another_steps_mark_stays(self):
        self.given("keepalived", half=["keepalived"])
        self.works(*YUM)
        self.assertEqual(self.read(MARK), "keepalived\n")

    def test_a_repetition_that_fails_is_reported_each_time(self):
        self.given("haproxy", "socat", half=["haproxy"])
        self.offered = {}
        for _ in range(2):
            self.refuses(*YUM, because="the installation of haproxy was cut off, and could not be done again")
            self.assertIn("rpm -e --nodeps haproxy", self.errors)

    def test_a_failed_scriptlet_is_no_failed_reinstallation(self):
        self.given("haproxy", "socat", half=["haproxy"])

        def warned(call):
            self._yum(call)
            raise Ended(1, "warning: scriptlet failed")

        self.on("yum ", warned)
        self.works(*YUM)
        self.assertFalse(self.has(MARK))

    def test_a_package_that_yum_skips_is_reported_with_the_end_of_its_log(self):
        del self.offered["socat"]
        self.refuses(*YUM, because="mq1: of haproxy socat not all could be installed; the end of " + LOG)
        self.assertIn("yum's last words", self.errors)
        self.assertTrue(self.has(MARK))

    def test_the_sources_are_set_before_the_installation(self):
        self.put("/etc/yum.repos.d/base.repo", "[base]\nbaseurl=http://gone.example.org/9/os/\n")
        self.works(*YUM, "--archive", r"http://gone\.example\.org/9", "--mirror", "http://m.example.org")
        self.assertEqual(self.read("/etc/yum.repos.d/base.repo"), "[base]\nbaseurl=http://m.example.org/os/\n")

    def test_a_broken_database_does_not_count_as_empty(self):
        nothing = "".join("package {} is not installed\n".format(name) for name in ("bash", "haproxy", "socat"))
        self.on("%{INSTALLTIME}", Ended(3, nothing, "error: cannot open Packages database in /var/lib/rpm\n"))
        self.refuses(*YUM, because="rpm does not tell what is installed")
        self.assertIn("rpm --rebuilddb", self.errors)
        # One package of many is unreadable.
        some = "bash 5-1 1\npackage haproxy is not installed\nsocat 1-1 1\n"
        self.on("%{INSTALLTIME}", Ended(1, some, "error: rpmdbNextIterator: skipping h#     112\n"))
        self.refuses(*YUM, because="rpm does not tell what is installed")
        # A lost database is silently made anew.
        self.on("%{INSTALLTIME}", Ended(3, nothing))
        self.refuses(*YUM, because="rpm does not tell what is installed")
        self.on("%{INSTALLTIME}", Ended(2, some))
        self.refuses(*YUM, because="rpm does not tell what is installed")
        self.on(
            "%{INSTALLTIME}", Ended(2, "package bash is not installed\npackage haproxy is not installed\nsocat 1-1 1\n")
        )
        self.refuses(*YUM, because="rpm does not tell what is installed")
        self.assertEqual(self.installing("yum"), [])

    def test_nothing_is_installed_without_an_answer(self):
        self.sweep(lambda: self.given("haproxy", half=["haproxy"]), YUM, ("yum ",))
