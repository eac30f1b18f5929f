"""Hosts with simulated installers, which have or lack the packages that a test sets."""

import hashlib
import os

from .support import Ended, HostTest

URL = "http://files.example.org/"


def sum_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


class PackageHost(HostTest):
    """What both kinds of host have in common: files that can be downloaded, by their URLs."""

    def start(self):
        super().start()
        self.there = {}
        self.tampered = {}
        self.on("curl", self._curl)

    def _curl(self, call):
        url = call.words[call.words.index("--url") + 1]
        if url not in self.there:
            raise Ended(22, "", "curl: (22) The requested URL returned error: 404\n")
        with open(call.words[call.words.index("-o") + 1], "w") as file:
            file.write(self.there[url])

    def offer(self, name, text):
        self.there[URL + name] = text

    def installing(self, *programs):
        """Returns the installers' calls, without the options that each call has, and with only the names of files."""
        lines = []
        for call in self.calls:
            if call.program in programs:
                words = [os.path.basename(word) if word.endswith(".rpm") else word for word in call.words]
                lines.append(" ".join(words))
        return lines


class AptHost(PackageHost):
    """Debian: self.installed has what is installed, self.offered what its sources have, both with versions."""

    def start(self):
        super().start()
        self.installed = {}
        self.offered = {}
        self.states = {}
        # What apt says that it would install, as names and versions.
        self.would_install = []
        self.put("/var/lib/apt/lists/somewhere")
        os.makedirs(self.root + "/usr/sbin")
        self.on("dpkg-query", self._query)
        self.on("dpkg --configure", "")
        self.on("dpkg --compare-versions", self._compare)
        self.on(
            "apt-cache madison",
            lambda call: "".join(
                "{} | {} | somewhere\n".format(call.words[-1], version)
                for version in self.offered.get(call.words[-1], ())
            ),
        )
        self.on("apt-get", self._apt)

    def _query(self, call):
        said, errors = [], []
        for name in call.words[call.words.index("-f") + 2 :]:
            if name == "dpkg":
                said.append("dpkg installed 1.21.22\n")
            elif name in self.installed:
                said.append("{} {} {}\n".format(name, self.states.get(name, "installed"), self.installed[name]))
            else:
                errors.append("dpkg-query: no packages found matching {}\n".format(name))
        raise Ended(1 if errors else 0, "".join(said), "".join(errors))

    def _compare(self, call):
        first, second = call.words[2], call.words[4]
        raise Ended(0 if _parts(first) < _parts(second) else 1)

    def _apt(self, call):
        if "install" not in call.words:
            return
        self.policy_meanwhile = self.has("/usr/sbin/policy-rc.d") and self.read("/usr/sbin/policy-rc.d")
        names = call.words[call.words.index("install") + 1 :]
        wanted = [name for name in names if not name.startswith("-") and "::" not in name]
        for word in wanted:
            name, _, version = word.partition("=")
            known = self.offered.get(name, ())
            if not known or (version and version not in known):
                raise Ended(100, "", "E: Unable to locate {}\n".format(word))
        if "--simulate" in call.words:
            lines = ["Inst {} [1] ({} Debian:12 [all])".format(*each) for each in self.would_install]
            raise Ended(0, "NOTE: This is only a simulation!\n" + "".join(line + "\n" for line in lines))
        if "--download-only" not in names:
            for word in wanted:
                name, _, version = word.partition("=")
                self.installed[name] = version or self.offered[name][-1]
                self.states.pop(name, None)


class RpmHost(PackageHost):
    """CentOS or Rocky: self.installed has lists of versions; yum installs all that is offered, and never fails."""

    installer = "yum"

    def start(self):
        super().start()
        self.installed = {"bash": ["5.1.8-9.el9"]}
        self.offered = {}
        self.rpms = {}
        self.now = 1700000000
        self.on("%{INSTALLTIME}", self._query)
        self.on("rpm -qp ", self._query_file)
        self.on("rpm --eval", self._compare)
        self.on("rpm -e ", self._erase)
        self.on("yum ", self._yum)
        self.on("dnf ", self._yum)
        self.times = {}

    def _query(self, call):
        said, absent = [], 0
        for name in call.words[4:]:
            if name in self.installed:
                said += ["{} {} {}\n".format(name, each, self.times.get(name, 1)) for each in self.installed[name]]
            else:
                said.append("package {} is not installed\n".format(name))
                absent += 1
        raise Ended(absent, "".join(said))

    def _query_file(self, call):
        with open(call.words[-1]) as file:
            return file.read() + "\n"

    def _compare(self, call):
        first, second = call.words[-1].split('"')[1::2]
        return "{}\n".format((_parts(first) > _parts(second)) - (_parts(first) < _parts(second)))

    def _erase(self, call):
        for name, versions in self.installed.items():
            if call.words[-1].startswith(name + "-"):
                versions.remove(call.words[-1][len(name) + 1 :])

    def _yum(self, call):
        at = next(index for index, word in enumerate(call.words) if word in ("install", "reinstall"))
        for word in call.words[at + 1 :]:
            self._one(call, word)
        return "yum's last words\n"

    def _one(self, call, word):
        if word.endswith(".rpm"):
            with open(word) as file:
                name, version = (file.read().split(" ") + ["1-1"])[:2]
        else:
            name = next((each for each in self.offered if word == each or word.startswith(each + "-")), None)
            if name is None:
                raise Ended(1, "No match for argument: {}\nyum's last words\n".format(word))
            version = word[len(name) + 1 :] or self.offered[name][-1]
            if version not in self.offered[name]:
                raise Ended(1, "No match for argument: {}\nyum's last words\n".format(word))
        if "reinstall" in call.words and name not in self.installed:
            raise Ended(1, "Error: No packages marked for reinstall.\n")
        if "--downloadonly" not in call.words:
            self.now += 1
            self.installed[name] = [version]
            self.times[name] = self.now


def _parts(version):
    return [int(each) if each.isdigit() else each for each in version.replace("-", ".").split(".")]
