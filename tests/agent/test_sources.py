"""Package sources: a mirror replaces the system's archive, and each file can be restored."""

import os
import unittest

from agent import sources

from .support import HostTest

BASE = "/etc/yum.repos.d/CentOS-Base.repo"
CENTOS = """[base]
name=CentOS-$releasever - Base
mirrorlist=http://mirrorlist.centos.org/?release=$releasever&arch=$basearch&repo=os&infra=$infra
#baseurl=http://mirror.centos.org/centos/$releasever/os/$basearch/
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7
"""
VAULT = "http://vault.centos.org/7.9.2009"
LIST = "/etc/apt/sources.list"
KEPT = "/var/lib/rabbitmq-ha/sources"

# As in hosts/systems.ts.
CENTOS_7 = r"https?://mirror\.centos\.org/(centos|altarch)/(\$releasever|7)"
REBUILDS = r"https?://(dl\.rockylinux\.org/\$contentdir|repo\.almalinux\.org/almalinux)/\$releasever"
DEBIAN = "[a-z]+://[^ ]*/debian/?"
UBUNTU = "[a-z]+://[^ ]*/ubuntu/?"


def pointed(mirror):
    line = "#baseurl=http://mirror.centos.org/centos/$releasever/"
    return CENTOS.replace("mirrorlist=", "#mirrorlist=").replace(line, "baseurl={}/".format(mirror))


class Sources(HostTest):
    def words(self, archive, mirror=""):
        installer = {DEBIAN: "apt", UBUNTU: "apt", CENTOS_7: "yum", REBUILDS: "dnf"}[archive]
        return ("sources", "--installer", installer, "--archive", archive, "--mirror", mirror)

    def point(self, archive, mirror=""):
        self.works(*self.words(archive, mirror))
        self.assertEqual(self.calls, [])

    def test_centos_7s_own_addresses_become_the_vaults_and_a_second_run_changes_nothing(self):
        self.put(BASE, CENTOS)
        self.point(CENTOS_7, VAULT)
        self.assertEqual(self.read(BASE), pointed(VAULT))
        before = os.stat(self.root + BASE)
        self.point(CENTOS_7, VAULT)
        self.assertEqual(os.stat(self.root + BASE), before)

    def test_another_mirror_replaces_the_first_and_the_original_is_restored(self):
        self.put(BASE, CENTOS, mode=0o640)
        for mirror in (VAULT, "http://one.example.org/centos/7", "file:///srv/centos"):
            self.point(CENTOS_7, mirror)
            self.assertEqual(self.read(BASE), pointed(mirror))
        sources.give_back()
        self.assertEqual(self.read(BASE), CENTOS)
        self.assertEqual(os.stat(self.root + BASE).st_mode & 0o777, 0o640)
        self.assertFalse(self.has(KEPT))

    def test_a_file_rewritten_by_a_package_is_changed_again_and_other_repositories_stay(self):
        others = {
            "/etc/yum.repos.d/epel.repo": "[epel]\nmetalink=https://mirrors.fedoraproject.org/metalink?repo=epel-7\n",
            "/etc/yum.repos.d/own.repo": "[own]\nmirrorlist=http://own.example.org/list\nbaseurl=http://own.example.org/7\n",
        }
        for name, text in others.items():
            self.put(name, text)
        self.put(BASE, CENTOS)
        self.point(CENTOS_7, VAULT)
        newer = CENTOS.replace("[base]", "[base-anew]")
        self.put(BASE, newer)
        self.point(CENTOS_7, VAULT)
        self.assertEqual(self.read(BASE), pointed(VAULT).replace("[base]", "[base-anew]"))
        for name, text in others.items():
            self.assertEqual(self.read(name), text)
        sources.give_back()
        self.assertEqual(self.read(BASE), newer)

    def test_a_rewritten_file_is_not_replaced_by_its_original(self):
        self.put(BASE, CENTOS)
        self.point(CENTOS_7, VAULT)
        newer = CENTOS.replace("[base]", "[base-anew]")
        self.put(BASE, newer)
        sources.give_back()
        self.assertEqual(self.read(BASE), newer)
        self.point(CENTOS_7, VAULT)
        self.put(BASE, CENTOS.replace("[base]", "[base-once-more]"))
        self.point(CENTOS_7, "http://one.example.org")
        self.assertEqual(self.read(BASE), pointed("http://one.example.org").replace("[base]", "[base-once-more]"))

    def test_a_removed_file_is_not_restored(self):
        self.put(BASE, CENTOS)
        self.point(CENTOS_7, VAULT)
        os.remove(self.root + BASE)
        sources.give_back()
        self.assertFalse(self.has(BASE))

    def test_a_repository_of_the_software_collections_goes_to_the_vault_too(self):
        name = "/etc/yum.repos.d/CentOS-SCLo-scl-rh.repo"
        self.put(name, "[sclo]\nbaseurl=http://mirror.centos.org/centos/7/sclo/$basearch/rh/\n")
        self.point(CENTOS_7, VAULT)
        self.assertEqual(self.read(name), "[sclo]\nbaseurl={}/sclo/$basearch/rh/\n".format(VAULT))

    def test_the_rebuilds_use_only_a_configured_mirror_and_only_while_it_is_configured(self):
        name = "/etc/yum.repos.d/base.repo"
        for line in (
            "#baseurl=http://dl.rockylinux.org/$contentdir/$releasever/BaseOS/$basearch/os/",
            "# baseurl=https://repo.almalinux.org/almalinux/$releasever/BaseOS/$basearch/os/",
        ):
            text = "[baseos]\nmirrorlist=https://mirrors.example.org/?repo=BaseOS\n{}\n".format(line)
            self.put(name, text)
            self.point(REBUILDS)
            self.assertEqual(self.read(name), text)
            self.point(REBUILDS, "http://mirror.example.org/9")
            self.assertEqual(
                self.read(name),
                "[baseos]\n#mirrorlist=https://mirrors.example.org/?repo=BaseOS\n"
                "baseurl=http://mirror.example.org/9/BaseOS/$basearch/os/\n",
            )
            self.point(REBUILDS)
            self.assertEqual(self.read(name), text)

    def test_debians_archive_in_both_forms_of_file_and_security_and_others_stay(self):
        own = "/etc/apt/sources.list.d/own.sources"
        text = (
            "# deb http://deb.debian.org/debian old main\n"
            "deb [arch=amd64] {} bookworm main\n"
            "deb http://deb.debian.org/debian-security bookworm-security main\n"
            "deb https://own.example.org/apt bookworm main\n"
        )
        before = text.format("http://deb.debian.org/debian")
        self.put(LIST, before)
        self.put(own, "Types: deb\nURIs: http://deb.debian.org/debian/ http://two.example.org/debian\nSuites: x\n")
        mirror = "http://mirror.example.org/d"
        self.point(DEBIAN, mirror)
        self.assertEqual(self.read(LIST), text.format(mirror))
        self.assertEqual(self.read(own), "Types: deb\nURIs: {0} {0}\nSuites: x\n".format(mirror))
        self.point(DEBIAN)
        self.assertEqual(self.read(LIST), before)
        self.assertIn("\nURIs: http://deb.debian.org/debian/ ", self.read(own))

    def test_invalid_utf_8_and_line_ends_stay(self):
        text = "# M\udcfcller\r\ndeb http://deb.debian.org/debian bookworm main\r\n"
        with open(self.root + "/bytes", "w"):
            pass
        os.makedirs(self.root + "/etc/apt")
        with open(self.root + LIST, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        self.point(DEBIAN, "http://m.example.org")
        with open(self.root + LIST, "rb") as file:
            wanted = text.replace("http://deb.debian.org/debian", "http://m.example.org")
            self.assertEqual(file.read(), wanted.encode("utf-8", "surrogateescape"))

    def test_a_mirror_without_a_matching_source_is_reported(self):
        self.put(LIST, "deb https://own.example.org/apt noble main\n")
        words = self.words(UBUNTU, "http://mirror.example.org/ubuntu")
        self.refuses(*words, because="packages.mirror (http://mirror.example.org/ubuntu) has no place to stand in")

    def test_restoring_without_a_change_is_no_error(self):
        self.put(LIST, "")
        self.point(DEBIAN)
        sources.give_back()
        self.assertEqual(self.read(LIST), "")

    def test_originals_kept_by_an_earlier_release_are_restored(self):
        self.put(BASE, pointed(VAULT))
        self.put(KEPT + "/files" + BASE, CENTOS)
        self.put(KEPT + "/mirror", VAULT + "\n")
        sources.give_back()
        self.assertEqual(self.read(BASE), CENTOS)

    def test_a_run_killed_between_two_files_is_completed(self):
        other = "/etc/yum.repos.d/CentOS-Updates.repo"
        self.put(BASE, CENTOS)
        self.put(other, CENTOS)
        self.point(CENTOS_7, VAULT)
        write, written = sources._write, []

        def killed(name, text, like):
            if written and name == other:
                raise KeyboardInterrupt
            written.append(name)
            write(name, text, like)

        sources._write = killed
        with self.assertRaises(KeyboardInterrupt):
            self.step(*self.words(CENTOS_7, "http://two.example.org"))
        sources._write = write
        self.assertEqual((self.read(BASE), self.read(other)), (pointed("http://two.example.org"), pointed(VAULT)))
        for mirror in ("http://two.example.org", "http://three.example.org"):
            self.point(CENTOS_7, mirror)
            self.assertEqual((self.read(BASE), self.read(other)), (pointed(mirror),) * 2)
        sources.give_back()
        self.assertEqual((self.read(BASE), self.read(other)), (CENTOS, CENTOS))

    def test_only_the_repository_that_the_program_wrote_goes(self):
        self.put(sources.REPOSITORY[0], "# Written by rabbitmq-ha: x\n[rabbitmq-ha-erlang]\n")
        sources.give_back()
        self.assertFalse(self.has(sources.REPOSITORY[0]))
        self.put(sources.REPOSITORY[0], "[theirs]\n")
        sources.give_back()
        self.assertTrue(self.has(sources.REPOSITORY[0]))

    def test_the_brokers_repository_goes_with_its_pin_and_its_key(self):
        names = sources.REPOSITORY + tuple(sources.KEYS.values())
        for name in names:
            self.put(name, "# Written by rabbitmq-ha: x\n")
        sources.give_back()
        self.assertEqual([name for name in names if self.has(name)], [])

    def test_the_archives_are_those_of_the_systems(self):
        folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(folder + "/hosts/systems.ts", encoding="utf-8") as file:
            text = file.read()
        for archive in (CENTOS_7, REBUILDS, DEBIAN, UBUNTU):
            self.assertIn(archive, text)

    def test_a_mirror_needs_the_archive_option(self):
        self.refuses("sources", "--installer", "apt", "--mirror", "http://m.example.org", because="--archive")


if __name__ == "__main__":
    unittest.main()
