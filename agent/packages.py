"""Packages: lists what is installed, installs what is missing, and changes the version of the broker's package.

Nothing that is installed is started: the program does that once it is configured. Every installation holds the lock
LOCK, so that two installations do not block each other half-way.
"""

import collections
import contextlib
import os
import re
import time

from . import clock, command, fetch, files, host, lock, sources
from .errors import NoAnswer, StepError

LOCK = "packages"
LOCK_SECONDS = 300
INSTALLING_SECONDS = 900
LOG = "/var/log/rabbitmq-ha-packages.log"
LOG_LINES = 12

# The package whose version the configuration can state.
BROKER = "rabbitmq-server"

POLICY = "/usr/sbin/policy-rc.d"
POLICY_TEXT = "#!/bin/sh\n# rabbitmq-ha: services are started once they are configured\nexit 101\n"
APT_LISTS = "/var/lib/apt/lists"
LISTS_STAY_FRESH_SECONDS = 24 * 3600

# Lists the RPMs that are being installed. A killed run leaves it, and a package that it lists may be half installed.
MARK = host.STATE + "/installing"

# Folders of downloaded RPMs.
DOWNLOADS = "rpms"
UPGRADE = "upgrade"

# What is installed of a package, and since when. After an interrupted upgrade an RPM can be installed in two versions.
Found = collections.namedtuple("Found", "is_whole versions since")
ABSENT = Found(False, (), "")


def arguments(parser, required=True):
    """Adds the options that say how packages are installed on this host."""
    sources.arguments(parser, required)
    parser.add_argument("--proxy", default="", metavar="URL", help="the HTTP proxy for all that is fetched")


def manager(wanted):
    """Returns the package manager of this host, by the arguments."""
    if wanted.installer == "apt":
        return Apt(wanted.proxy)
    return Yum(wanted.installer, wanted.proxy, wanted.archive, wanted.mirror)


def bare(name):
    """Returns a package's name without a version behind it: NAME=VERSION."""
    return name.split("=", 1)[0]


def end_of_log():
    return files.tail(LOG, LOG_LINES)


def _nobody_tells(asker, silent, remedy):
    return NoAnswer(
        "{}: {} does not tell what is installed: {}".format(host.name(), asker, silent.message), remedy, silent.log
    )


class Apt:
    """The packages of Debian and Ubuntu."""

    def __init__(self, proxy=""):
        self._options = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
        if proxy:
            for scheme in ("http", "https"):
                self._options += ["-o", "Acquire::{}::Proxy={}".format(scheme, proxy)]
        self._options.append("-y")

    def found(self, names):
        """Returns what is installed, by name. Raises NoAnswer unless dpkg reports every name."""
        # dpkg's own package is always installed: a database without it is invalid.
        asked = ["dpkg"] + list(names)
        words = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status} ${Version}\\n"] + asked
        try:
            # dpkg-query ends with 1 if a name is unknown, and with 2 if it cannot tell.
            result = command.answer(words, codes=(0, 1))
            return self._parsed(result, asked)
        except NoAnswer as silent:
            raise _nobody_tells("dpkg", silent, "see what `dpkg --audit` says, and run this again")

    @staticmethod
    def _parsed(result, asked):
        found = dict.fromkeys(re.findall(r"no packages found matching (\S+)", result.errors), ABSENT)
        for line in result.output.split("\n")[:-1]:
            name, status, version = (line.split(" ", 2) + ["", ""])[:3]
            # A package that is installed for two architectures has two lines.
            if not found.get(name, ABSENT).is_whole:
                found[name] = Found(status == "installed", (version,) if version else (), "")
        missing = [name for name in asked if name not in found]
        if missing or not found["dpkg"].is_whole:
            raise NoAnswer("it leaves out {}".format(", ".join(missing) or "itself"), log=result.errors)
        return found

    def install(self, names):
        """Installs those of these packages that are missing."""
        found = self.found([bare(name) for name in names])
        missing = [name for name in names if not found[bare(name)].is_whole]
        if not missing:
            self.tidy()
            return
        with self.prepared():
            if not self._install(missing):
                raise StepError(
                    "{}: the packages {} could not be installed; the end of {}:".format(
                        host.name(), " ".join(missing), LOG
                    ),
                    log=end_of_log(),
                )

    @staticmethod
    def tidy():
        """Removes the policy file that a killed run has left: with it, a later upgrade would start no service."""
        if _is_ours(POLICY):
            files.remove(POLICY)

    @contextlib.contextmanager
    def prepared(self):
        """Keeps services from starting by themselves in the block. Finishes an interrupted installation first."""
        files.write(LOG, "")
        is_ours = _is_ours(POLICY)
        try:
            if is_ours:
                files.write(POLICY, POLICY_TEXT, mode=0o755)
            self._finish_former()
            yield
        finally:
            if is_ours:
                files.remove(POLICY)

    def _finish_former(self):
        """Finishes an interrupted installation, and waits as apt does while another one runs.

        apt itself reports what cannot be finished.
        """

        def finished():
            before = len(files.read(LOG, ""))
            command.attempt(["dpkg", "--configure", "-a"], **self._how())
            return "another process" not in files.read(LOG, "")[before:]

        clock.wait_until(finished, LOCK_SECONDS, 3)

    def _install(self, words):
        """Returns whether apt has installed it."""
        # Reading the package lists again takes seconds, so lists of less than a day are tried first.
        install = ["install", "--no-install-recommends"] + list(words)
        if _are_fresh(APT_LISTS) and self._apt(install):
            return True
        return self._apt(["update"]) and self._apt(install)

    def _apt(self, words):
        return command.attempt(["apt-get"] + self._options + words, **self._how()).code == 0

    @staticmethod
    def _how():
        extra = dict(fetch.surroundings(), DEBIAN_FRONTEND="noninteractive")
        return {"seconds": INSTALLING_SECONDS, "log": LOG, "extra": extra}

    # Another version of a package

    def is_earlier(self, version, than):
        # dpkg ends with 2 if it cannot tell.
        return command.holds(["dpkg", "--compare-versions", version, "lt", than])

    def fetch(self, package, version):
        with self.prepared():
            if not self._install(["--download-only"] + self._exactly(package, version)):
                raise _not_done("fetched", package, version, self._offered(package))

    def put(self, package, version):
        with self.prepared():
            if not self._install(self._exactly(package, version)):
                raise _not_done("installed", package, version, self._offered(package))

    def erlang_with(self, package, version):
        """Returns the version of Erlang that apt would install with a package; "" if it stays as it is."""
        words = ["apt-get"] + self._options + ["--simulate", "install", "--no-install-recommends"]
        said = command.ask(words + self._exactly(package, version), seconds=120)
        coming = dict(re.findall(r"^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)", said, re.MULTILINE))
        if package not in coming:
            raise NoAnswer("{}: apt does not say what it would install with {}".format(host.name(), package), log=said)
        return next((coming[name] for name in ("erlang-base", "erlang-base-hipe", "esl-erlang") if name in coming), "")

    @staticmethod
    def _exactly(package, version):
        options = ["--allow-change-held-packages", "-o", "Dpkg::Options::=--force-confold"]
        return options + ["{}={}".format(package, version)]

    @staticmethod
    def _offered(package):
        try:
            lines = command.ask(["apt-cache", "madison", package]).splitlines()
        except NoAnswer:
            return ""  # only words hang on it
        versions = [line.split("|")[1].strip() for line in lines if line.count("|") >= 2]
        return "this host's sources have: {}. ".format(" ".join(dict.fromkeys(versions)) or "none")


def _is_ours(name):
    """Whether the file may be written: somebody else's policy stays."""
    return not os.path.lexists(host.path(name)) or "rabbitmq-ha" in files.read(name, "")


def _are_fresh(lists):
    try:
        # A file has only a time of day. If that is wrong, the lists are read again too often, or only after a failure.
        read = os.stat(host.path(lists)).st_mtime
        return read > sources.changed_at() and time.time() - read < LISTS_STAY_FRESH_SECONDS
    except FileNotFoundError:
        return False


class Yum:
    """The RPMs of CentOS, Rocky and Alma. The installer itself waits while another installation runs."""

    def __init__(self, installer, proxy="", archive=None, mirror=""):
        self.proxy = proxy
        self._installer = installer
        self._options = ["-y"] + (["--setopt=proxy=" + proxy] if proxy else [])
        self._archive = archive
        self._mirror = mirror

    def found(self, names):
        """Returns what is installed, by name. Raises NoAnswer unless rpm reports every name."""
        # Every system has bash: a database without it is invalid. With a broken database rpm reports every package as
        # missing, and prints the error only beside that.
        asked = ["bash"] + list(names)
        words = ["rpm", "-q", "--qf", "%{NAME} %{VERSION}-%{RELEASE} %{INSTALLTIME}\\n"] + asked
        try:
            # rpm ends with the number of missing packages.
            result = command.answer(words, codes=range(len(asked)))
            return self._parsed(result, asked)
        except NoAnswer as silent:
            raise _nobody_tells("rpm", silent, "see what `rpm --verifydb` says, `rpm --rebuilddb` may mend it")

    @staticmethod
    def _parsed(result, asked):
        found = {}
        for line in result.output.split("\n")[:-1]:
            unknown = re.match(r"package (\S+) is not installed$", line)
            words = line.split(" ")
            if unknown:
                found[unknown.group(1)] = ABSENT
            elif len(words) == 3:
                name, version, since = words
                found[name] = Found(True, found.get(name, ABSENT).versions + (version,), since)
        left_out = [name for name in asked if name not in found]
        absent = [name for name in asked if not found.get(name, ABSENT).is_whole]
        if left_out or "bash" in absent or len(absent) != result.code or "error:" in result.errors:
            raise NoAnswer("it leaves out {}".format(", ".join(left_out or absent) or "something"), log=result.errors)
        return found

    def install(self, names, downloads=None):
        """Installs those of these packages that are missing, and reinstalls those whose installation was interrupted.

        downloads: where each comes from, by name. By default they come from the repositories.
        """
        found = self.found([bare(name) for name in names])
        noted = {bare(name) for name in _marked()}
        missing = [name for name in names if not found[bare(name)].is_whole]
        again = [name for name in names if found[bare(name)].is_whole and bare(name) in noted]
        if not missing and not again:
            return
        self.prepare()
        with self._fetched(missing + again, downloads or {}) as words_for:
            self._mark(missing + again)
            if again:
                self._reinstall(again, words_for, found)
            if missing:
                self.run(["install"] + words_for(missing))
        # An unavailable package is no error to yum, so the result is checked.
        if not all(each.is_whole for each in self.found([bare(name) for name in names]).values()):
            raise StepError(
                "{}: of {} not all could be installed; the end of {}:".format(host.name(), " ".join(names), LOG),
                log=end_of_log(),
            )
        self._unmark(names)

    @contextlib.contextmanager
    def _fetched(self, names, downloads):
        """Downloads what is not from the repositories. Yields a function that returns yum's arguments for names."""
        folder = fetch.empty_folder(DOWNLOADS) if downloads else ""
        paths = {name: "{}/{}.rpm".format(folder, name) for name in names if name in downloads}

        def words_for(wanted):
            for name in wanted:
                if name in paths:
                    downloads[name].check(paths[name], "installed")
            return [host.path(paths[name]) if name in paths else name.replace("=", "-") for name in wanted]

        try:
            for name, path in paths.items():
                downloads[name].fetch(path, LOG, self.proxy, "installed")
            yield words_for
        finally:
            if downloads:
                fetch.remove_folder(DOWNLOADS)

    def _reinstall(self, names, words_for, before):
        if self.run(["reinstall"] + words_for([bare(name) for name in names])).code == 0:
            return
        # A failed scriptlet also makes yum fail.
        after = self.found([bare(name) for name in names])
        left = [bare(name) for name in names if after[bare(name)].since == before[bare(name)].since]
        if left:
            raise StepError(
                "{}: the installation of {} was cut off, and could not be done again; the end of {}:".format(
                    host.name(), " ".join(left), LOG
                ),
                "remove it with `rpm -e --nodeps {}`, and run this again".format(" ".join(left)),
                end_of_log(),
            )

    @staticmethod
    def tidy():
        """Does nothing: a killed installation leaves nothing here that matters."""

    def prepare(self):
        files.write(LOG, "")
        sources.point(self._installer, self._archive, self._mirror)

    def run(self, words):
        how = {"seconds": INSTALLING_SECONDS, "log": LOG, "extra": fetch.surroundings()}
        return command.attempt([self._installer] + self._options + words, **how)

    @staticmethod
    def _mark(names):
        marked = _marked()
        files.write(MARK, "".join(name + "\n" for name in marked + [name for name in names if name not in marked]))

    @staticmethod
    def _unmark(names):
        done = [bare(name) for name in names]
        left = [name for name in _marked() if bare(name) not in done]
        if left:
            files.write(MARK, "".join(name + "\n" for name in left))
        else:
            files.remove(MARK)

    # Another version of a package

    def is_earlier(self, version, than):
        for each in (version, than):
            if not re.match(r"[A-Za-z0-9._+~^:-]+$", each):
                raise StepError("{}: {} is no version of an RPM".format(host.name(), each))
        said = command.ask(["rpm", "--eval", '%{{lua:print(rpm.vercmp("{}","{}"))}}'.format(version, than)])
        if said not in ("-1\n", "0\n", "1\n"):
            raise NoAnswer("{}: rpm does not say which is earlier, {} or {}".format(host.name(), version, than))
        return said == "-1\n"

    def fetch(self, package, version):
        self.prepare()
        if self.run(["--downloadonly", "install", "{}-{}".format(package, version)]).code != 0:
            raise _not_done("fetched", package, version)

    @staticmethod
    def erlang_with(_package, _version):
        """Returns that nobody knows: the installer moves Erlang if the package requires another one."""

    def put(self, package, version, path=None):
        """Installs a version of a package.

        path: the RPM's file. By default it comes from the repositories.
        """
        self.prepare()
        # A failed installation is no error to yum, so its exit code is ignored.
        self.run(["install", path or "{}-{}".format(package, version)])
        versions = self.found([package])[package].versions
        if version not in versions:
            raise _not_done("installed", package, version)
        # A killed upgrade has left the former version beside the new one.
        for former in [each for each in versions if each != version]:
            self._forget(package, former)

    @staticmethod
    def _forget(package, former):
        how = {"seconds": INSTALLING_SECONDS, "log": LOG}
        command.attempt(["rpm", "-e", "--nodeps", "{}-{}".format(package, former)], **how)


def _marked():
    return [line for line in files.read(MARK, "").splitlines() if line]


def _not_done(doing, package, version, offered=""):
    return StepError(
        "{}: {} {} (packages.rabbitmq.version) could not be {}; {}{} end of {}:".format(
            host.name(), package, version, doing, offered, "The" if offered else "the", LOG
        ),
        log=end_of_log(),
    )


def upgrade_arguments(parser):
    """Adds the options of a step that can change the version of the broker's package."""
    parser.add_argument("--package-version", metavar="VERSION", help="the version that rabbitmq-server is to have")
    parser.add_argument("--url", help="the RPM to take it from; by default it comes from the host's own sources")
    parser.add_argument("--sha256", help="that RPM's SHA-256")
    arguments(parser, required=False)


def upgrade_from(wanted):
    """Returns the upgrade that the arguments ask for; None if no version is stated."""
    if not wanted.package_version:
        return None
    if not wanted.installer:
        raise StepError("--package-version needs --installer")
    if not wanted.url:
        return Upgrade(manager(wanted), wanted.package_version)
    if wanted.installer == "apt" or not wanted.sha256:
        raise StepError("--url is for an RPM, and needs its --sha256")
    download = fetch.Download(BROKER, wanted.url, wanted.sha256, "packages.rabbitmq")
    return UpgradeByUrl(manager(wanted), wanted.package_version, download)


class Upgrade:
    """Another version of the broker's package, from the host's own sources.

    It takes turns with all other installations.
    """

    package = BROKER

    def __init__(self, manager_, version):
        self._manager = manager_
        self.version = version

    def installed(self):
        """Returns what is installed now."""
        return self._manager.found([self.package])[self.package]

    def erlang(self):
        """Returns the version of Erlang that comes with it; "" for the one that is there, None if nobody knows."""
        return self._manager.erlang_with(self.package, self.version)

    def due(self):
        """Whether anything but this version is installed, also after an interrupted upgrade."""
        found = self.installed()
        return not found.is_whole or found.versions != (self.version,)

    def tidy(self):
        """Cleans up after an upgrade, also a killed one that was nearly done. A running installation does it itself."""
        with contextlib.suppress(StepError), lock.held(LOCK, 0):
            self._manager.tidy()

    def fetch(self):
        """Downloads the package while the broker still serves."""
        with lock.held(LOCK, LOCK_SECONDS):
            for installed in self.installed().versions:
                if self._manager.is_earlier(self.version, installed):
                    raise StepError(
                        "{}: packages.rabbitmq.version is {}, and {} is installed. A broker does not go back to an"
                        " earlier version".format(host.name(), self.version, installed),
                        "write {} or a later one".format(installed),
                    )
            self._fetch()

    def install(self):
        """Installs the package while the broker is stopped.

        Raises StepError if the broker keeps its former version, or has no complete one.
        """
        with lock.held(LOCK, LOCK_SECONDS):
            self._install()
            if self.due():
                raise _not_done("installed", self.package, self.version)

    def _fetch(self):
        self._manager.fetch(self.package, self.version)

    def _install(self):
        self._manager.put(self.package, self.version)


class UpgradeByUrl(Upgrade):
    """An upgrade from one RPM, whose URL the configuration states."""

    def __init__(self, manager_, version, download):
        super().__init__(manager_, version)
        self._download = download
        self._path = "{}/{}/{}.rpm".format(fetch.FOLDER, UPGRADE, self.package)

    def erlang(self):
        return ""

    def _fetch(self):
        self._manager.prepare()
        fetch.empty_folder(UPGRADE)
        self._download.fetch(self._path, LOG, self._manager.proxy, "installed")
        words = ["rpm", "-qp", "--qf", "%{NAME} %{VERSION}-%{RELEASE}\\n", host.path(self._path)]
        found = command.ask(words).strip()
        if found != "{} {}".format(self.package, self.version):
            raise StepError(
                "{}: packages.rabbitmq.version is {}, and the RPM at {} is {}".format(
                    host.name(), self.version, self._download.url, found
                ),
                "state the version that the RPM has, or give another RPM",
            )

    def _install(self):
        try:
            self._download.check(self._path, "installed")
            self._manager.put(self.package, self.version, host.path(self._path))
        finally:
            fetch.remove_folder(UPGRADE)
