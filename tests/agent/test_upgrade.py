"""Another version of the broker's package: downloaded while it serves, installed while it is stopped, never earlier."""

import argparse
import os
import unittest

from agent import apt, broker_package, lock, packages
from agent.errors import StepError

from .package_hosts import URL, AptHost, RpmHost, sum_of
from .support import FAILS, HALF, HANGS, NOTHING, Ended

CANDIDATE = "/var/lib/rabbitmq-ha/fetched/upgrade/rabbitmq-server.rpm"


def upgrade(version, *words):
    parser = argparse.ArgumentParser()
    broker_package.upgrade_arguments(parser)
    return broker_package.upgrade_from(parser.parse_args(["--package-version", version] + list(words)))


class Refusals:
    """What both kinds of host refuse."""

    def assertRefused(self, task, *because):
        with self.assertRaises(StepError) as raised:
            task()
        report = raised.exception.report()
        for each in because:
            self.assertIn(each, report)
        self.assertLessEqual(len(report.splitlines()), 15)
        return raised.exception

    def unanswered(self, scenario, task, destructive):
        """Leaves every question of a task unanswered once, in each way: nothing destructive follows."""
        scenario()
        task()
        good = list(self.calls)
        swept = 0
        for index, asked in enumerate(good):
            if not asked.is_question:
                continue
            for mode in (FAILS, HANGS, NOTHING, HALF):
                if mode in (NOTHING, HALF) and "--compare-versions" in asked.line:
                    continue  # it is answered by a code
                with self.subTest(question=asked.line, mode=mode):
                    self.start()
                    scenario()
                    self.broken = (index, mode)
                    with self.assertRaises(StepError):
                        task()
                    self.assertEqual([call.line for call in self.calls[index + 1 :] if destructive in call.line], [])
                    swept += 1
        self.assertGreater(swept, 0)


class Apt(AptHost, Refusals):
    def setUp(self):
        super().setUp()
        self.given()

    def given(self, version="3.10.8-1"):
        self.installed = {"rabbitmq-server": version}
        self.offered = {"rabbitmq-server": ["3.10.8-1", "3.10.8-2"]}

    def to(self, version, *words):
        return upgrade(version, "--installer", "apt", *words)

    def test_a_policy_left_by_a_killed_upgrade_is_removed_even_if_nothing_is_due(self):
        policy = "/usr/sbin/policy-rc.d"
        done = self.to("3.10.8-1")
        self.put(policy, apt.POLICY_TEXT)
        with lock.held(packages.LOCK, 0):
            done.tidy()
            self.assertTrue(self.has(policy), "somebody installs just now")
        done.tidy()
        self.assertFalse(self.has(policy))
        self.put(policy, "#!/bin/sh\nexit 0\n")
        done.tidy()
        self.assertTrue(self.has(policy), "somebody else's")

    def test_without_a_stated_version_there_is_no_upgrade(self):
        parser = argparse.ArgumentParser()
        broker_package.upgrade_arguments(parser)
        self.assertIsNone(broker_package.upgrade_from(parser.parse_args([])))
        self.assertIsNone(broker_package.upgrade_from(parser.parse_args(["--installer", "apt"])))

    def test_is_due_until_this_version_is_completely_installed(self):
        self.assertFalse(self.to("3.10.8-1").due())
        self.assertTrue(self.to("3.10.8-2").due())
        self.states["rabbitmq-server"] = "half-configured"
        self.assertTrue(self.to("3.10.8-1").due())
        del self.installed["rabbitmq-server"]
        self.assertTrue(self.to("3.10.8-1").due())

    def test_the_erlang_that_comes_with_it_is_what_apt_would_install(self):
        self.would_install = [("erlang-crypto", "1:27.3+dfsg-1"), ("erlang-base", "1:27.3+dfsg-1")]
        self.would_install.append(("rabbitmq-server", "3.10.8-2"))
        self.assertEqual(self.to("3.10.8-2").erlang(), "1:27.3+dfsg-1")
        self.would_install = [("rabbitmq-server", "3.10.8-2")]
        self.assertEqual(self.to("3.10.8-2").erlang(), "")
        self.assertEqual(self.installed["rabbitmq-server"], "3.10.8-1")
        self.would_install = []
        self.assertRefused(self.to("3.10.8-2").erlang, "apt does not say what it would install with rabbitmq-server")

    def test_is_downloaded_then_installed(self):
        wanted = self.to("3.10.8-2")
        wanted.fetch()
        self.assertEqual(self.installed["rabbitmq-server"], "3.10.8-1")
        wanted.install()
        self.assertFalse(wanted.due())
        fetched, installed = self.installing("apt-get")
        common = "apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -y install --no-install-recommends"
        exactly = "--allow-change-held-packages -o Dpkg::Options::=--force-confold rabbitmq-server=3.10.8-2"
        self.assertEqual(fetched, " ".join([common, "--download-only", exactly]))
        self.assertEqual(installed, " ".join([common, exactly]))
        self.assertIn("exit 101", self.policy_meanwhile)
        self.assertFalse(self.has("/usr/sbin/policy-rc.d"))
        self.assertEqual((wanted.package, wanted.version), ("rabbitmq-server", "3.10.8-2"))

    def test_an_earlier_version_is_refused(self):
        self.assertRefused(
            self.to("3.9.16-1").fetch,
            "mq1: packages.rabbitmq.version is 3.9.16-1, and 3.10.8-1 is installed. A broker does not go back",
            "write 3.10.8-1 or a later one",
        )
        self.assertEqual(self.installing("apt-get"), [])

    def test_an_unavailable_version_is_reported_with_the_available_ones(self):
        self.assertRefused(
            self.to("3.10.9-1").fetch,
            "mq1: rabbitmq-server 3.10.9-1 (packages.rabbitmq.version) could not be fetched; this host's sources have:"
            " 3.10.8-1 3.10.8-2. The end of /var/log/rabbitmq-ha-packages.log:",
            "E: Unable to locate rabbitmq-server=3.10.9-1",
        )
        self.on("apt-cache", Ended(100))
        self.assertRefused(self.to("3.10.9-1").fetch, "could not be fetched; the end of")

    def test_a_failed_installation_is_reported(self):
        self.on("apt-get", Ended(100, "", "E: dpkg returned an error code\n"))
        self.assertRefused(self.to("3.10.8-2").install, "could not be installed", "dpkg returned an error code")

    def test_an_incomplete_installation_is_reported(self):
        self.on("apt-get", "")
        self.assertRefused(self.to("3.10.8-2").install, "could not be installed")

    def test_an_interrupted_upgrade_is_continued(self):
        self.given("3.10.8-2")
        self.states["rabbitmq-server"] = "unpacked"
        wanted = self.to("3.10.8-2")
        self.assertTrue(wanted.due())
        wanted.fetch()
        wanted.install()
        self.assertFalse(wanted.due())

    def test_nothing_is_done_without_an_answer(self):
        def task():
            wanted = self.to("3.10.8-2")
            if wanted.due():
                wanted.fetch()
                wanted.install()

        self.unanswered(self.given, task, "apt-get")

    def test_dpkg_that_cannot_compare_does_not_say_later(self):
        self.on("--compare-versions", Ended(2, "", "dpkg: error: bad version\n"))
        self.assertRefused(self.to("3.10.8-2").fetch)
        self.assertEqual(self.installing("apt-get"), [])

    def test_needs_to_know_the_installer_and_the_sum(self):
        self.assertRefused(lambda: upgrade("1"), "--installer")
        self.assertRefused(lambda: self.to("1", "--url", "x", "--sha256", "y"), "--url")
        self.assertRefused(lambda: upgrade("1", "--installer", "yum", "--url", "x"), "--sha256")


class Repository(RpmHost, Refusals):
    def setUp(self):
        super().setUp()
        self.given()

    def given(self, *versions):
        self.installed = {"bash": ["5-1"], "rabbitmq-server": list(versions or ["3.13.6-1.el8"])}
        self.offered = {"rabbitmq-server": ["3.13.6-1.el8", "3.13.7-1.el8"]}

    def to(self, version):
        return upgrade(version, "--installer", "dnf")

    def test_is_downloaded_then_installed(self):
        wanted = self.to("3.13.7-1.el8")
        self.assertTrue(wanted.due())
        wanted.fetch()
        self.assertTrue(wanted.due())
        wanted.install()
        self.assertFalse(wanted.due())
        name = "rabbitmq-server-3.13.7-1.el8"
        self.assertEqual(self.installing("dnf"), ["dnf -y --downloadonly install " + name, "dnf -y install " + name])

    def test_an_earlier_version_is_refused(self):
        self.assertRefused(self.to("3.9.29-1.el8").fetch, "3.13.6-1.el8 is installed. A broker does not go back")
        self.assertEqual(self.installing("dnf"), [])

    def test_an_unavailable_version_is_reported(self):
        self.assertRefused(
            self.to("3.13.8-1.el8").fetch,
            "mq1: rabbitmq-server 3.13.8-1.el8 (packages.rabbitmq.version) could not be fetched; the end of",
            "No match for argument",
        )

    def test_a_package_that_dnf_skips_is_reported(self):
        self.on("dnf ", "Nothing to do.\n")
        self.assertRefused(self.to("3.13.7-1.el8").install, "could not be installed", "Nothing to do.")

    def test_a_former_version_left_by_a_killed_upgrade_is_removed(self):
        self.given("3.13.6-1.el8", "3.13.7-1.el8")
        self.on("dnf ", "Nothing to do.\n")
        wanted = self.to("3.13.7-1.el8")
        self.assertTrue(wanted.due())
        wanted.fetch()
        wanted.install()
        self.assertEqual(self.installed["rabbitmq-server"], ["3.13.7-1.el8"])
        self.assertEqual(self.done("rpm -e"), ["rpm -e --nodeps rabbitmq-server-3.13.6-1.el8"])

    def test_nothing_is_done_without_an_answer(self):
        def task():
            wanted = self.to("3.13.7-1.el8")
            if wanted.due():
                wanted.fetch()
                wanted.install()

        self.unanswered(self.given, task, "dnf ")

    def test_a_repository_may_bring_another_erlang(self):
        self.assertIsNone(self.to("3.13.7-1.el8").erlang())

    def test_an_invalid_version_is_not_passed_to_rpm(self):
        self.assertRefused(self.to('1")}%{lua:os.exit()').fetch, "no version of an RPM")
        self.assertEqual(self.done("--eval"), [])


class ByUrl(RpmHost, Refusals):
    RPM = "rabbitmq-server 3.9.16-1.el7"

    def setUp(self):
        super().setUp()
        self.given()

    def given(self):
        self.installed = {"bash": ["5-1"], "rabbitmq-server": ["3.9.15-1.el7"]}
        self.offer("some.rpm", self.RPM)

    def to(self, version="3.9.16-1.el7", text=RPM):
        return upgrade(version, "--installer", "yum", "--url", URL + "some.rpm", "--sha256", sum_of(text))

    def test_is_downloaded_then_installed_and_the_download_is_removed(self):
        wanted = self.to()
        wanted.fetch()
        self.assertEqual(self.installing("yum"), [])
        self.assertEqual(os.stat(os.path.dirname(self.root + CANDIDATE)).st_mode & 0o777, 0o700)
        wanted.install()
        self.assertFalse(wanted.due())
        self.assertEqual(self.installing("yum"), ["yum -y install rabbitmq-server.rpm"])
        self.assertFalse(self.has(os.path.dirname(CANDIDATE)))
        self.assertEqual(wanted.erlang(), "")

    def test_it_has_to_be_that_version(self):
        because = "packages.rabbitmq.version is 3.9.17-1.el7, and the RPM at {}some.rpm is {}".format(URL, self.RPM)
        self.assertRefused(self.to("3.9.17-1.el7").fetch, because)

    def test_it_has_to_be_that_package(self):
        other = "erlang 3.9.16-1.el7"
        self.offer("some.rpm", other)
        self.assertRefused(self.to(text=other).fetch, "is erlang 3.9.16-1.el7")

    def test_the_sum_is_checked_after_the_download(self):
        self.assertRefused(
            self.to(text="x").fetch, "packages.rabbitmq.sha256 says " + sum_of("x"), "nothing was installed"
        )

    def test_the_sum_is_checked_again_before_the_installation(self):
        wanted = self.to()
        wanted.fetch()
        self.put(CANDIDATE, "rabbitmq-server 3.9.16-1.el7\n")
        self.assertRefused(wanted.install, "nothing was installed")
        self.assertEqual(self.installing("yum"), [])
        self.assertRefused(wanted.install, "is gone again")

    def test_a_missing_file_is_reported(self):
        self.there = {}
        self.assertRefused(self.to().fetch, "rabbitmq-server could not be fetched from " + URL + "some.rpm; the end of")

    def test_nothing_is_done_without_an_answer(self):
        def task():
            wanted = self.to()
            if wanted.due():
                wanted.fetch()
                wanted.install()

        self.unanswered(self.given, task, "yum ")


class Lock(AptHost, Refusals):
    def test_it_waits_its_turn(self):
        self.installed = {"rabbitmq-server": "3.10.8-1"}
        with lock.held("packages", 0):
            self.assertRefused(upgrade("3.10.8-2", "--installer", "apt").fetch, "this step is being done already")


if __name__ == "__main__":
    unittest.main()
