"""The two RPMs: downloaded where only root has access, checked, installed together."""

import os

from .package_hosts import URL, RpmHost, sum_of
from .support import Ended

ERLANG, RABBITMQ = "erlang 23.3-1", "rabbitmq-server 3.9.16-1.el7"
ERLANG_SUM, RABBITMQ_SUM = sum_of(ERLANG), sum_of(RABBITMQ)
FOLDER = "/var/lib/rabbitmq-ha/fetched/rpms"


def words(erlang=ERLANG_SUM, rabbitmq=RABBITMQ_SUM):
    return (
        "rpms", "--installer", "yum",
        "--erlang-url", URL + "erlang.rpm", "--erlang-sha256", erlang,
        "--rabbitmq-url", URL + "rabbitmq.rpm", "--rabbitmq-sha256", rabbitmq,
    )  # fmt: skip


class Rpms(RpmHost):
    def setUp(self):
        super().setUp()
        self.given()

    def given(self):
        self.offer("erlang.rpm", ERLANG)
        self.offer("rabbitmq.rpm", RABBITMQ)

    def test_both_are_downloaded_checked_and_installed_together(self):
        self.works(*words())
        self.assertEqual(self.installing("yum"), ["yum -y install erlang.rpm rabbitmq-server.rpm"])
        self.assertEqual(self.installed["rabbitmq-server"], ["3.9.16-1.el7"])
        self.assertFalse(self.has(FOLDER))
        self.there = {}
        self.calls = []
        self.works(*words())
        self.assertEqual([call.program for call in self.calls], ["rpm"])

    def test_only_root_has_access_to_their_folder(self):
        def look(call):
            self.modes = [
                os.stat(self.root + FOLDER).st_mode & 0o777,
                os.stat(os.path.dirname(self.root + FOLDER)).st_mode & 0o777,
            ]
            return self._yum(call)

        self.on("yum ", look)
        self.works(*words())
        self.assertEqual(self.modes, [0o700, 0o700])

    def test_files_left_by_an_earlier_run_are_not_used(self):
        self.put(FOLDER + "/erlang.rpm", "something else")
        os.chmod(self.root + FOLDER, 0o777)
        self.works(*words())

    def test_a_file_with_another_sum_is_not_installed(self):
        self.refuses(
            *words(erlang="0" * 64), because="packages.erlang.sha256 says " + "0" * 64 + "; nothing was installed"
        )
        self.assertEqual(self.installing("yum"), [])
        self.assertFalse(self.has(FOLDER))

    def test_the_sum_is_checked_again_before_the_installation(self):
        curl = self._curl

        def fetch(call):
            curl(call)
            if "rabbitmq.rpm" in call.line:
                self.put(FOLDER + "/erlang.rpm", "something else")

        self.on("curl", fetch)
        self.refuses(*words(), because="has the SHA-256 " + sum_of("something else"))
        self.assertEqual(self.installing("yum"), [])

    def test_a_missing_file_is_reported(self):
        self.there = {}
        self.refuses(*words(), because="mq1: erlang could not be fetched from " + URL + "erlang.rpm; the end of ")
        self.assertIn("404", self.errors)

    def test_an_interrupted_installation_is_repeated_from_the_same_file(self):
        self.installed["erlang"] = ["23.3-1"]
        self.put("/var/lib/rabbitmq-ha/installing", "erlang\nrabbitmq-server\n")
        self.works(*words())
        self.assertEqual(self.installing("yum"), ["yum -y reinstall erlang.rpm", "yum -y install rabbitmq-server.rpm"])

    def test_the_proxy_is_used_by_the_download_and_by_yum(self):
        self.works(*words(), "--proxy", "http://p.example.org:3128")
        self.assertEqual(self.installing("yum")[0].split()[2], "--setopt=proxy=http://p.example.org:3128")
        self.assertTrue(all("-x http://p.example.org:3128" in line for line in self.done("curl")))

    def test_nothing_is_installed_without_an_answer(self):
        self.sweep(self.given, words(), ("yum ", "curl"))

    def test_apt_installs_no_rpms(self):
        self.refuses(*[word if word != "yum" else "apt" for word in words()], because="yum or dnf")

    def test_a_failed_installation_is_reported(self):
        self.on("yum ", Ended(1, "Error: Package: rabbitmq-server requires socat\n"))
        self.refuses(*words(), because="of erlang rabbitmq-server not all could be installed")
        self.assertIn("requires socat", self.errors)
