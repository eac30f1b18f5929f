"""The packages of Debian and Ubuntu."""

import contextlib
import os
import re
import time

from . import clock, command, fetch, files, host, sources
from .errors import NoAnswer, StepError
from .installing import ABSENT, INSTALLING_SECONDS, LOG, Found, bare, end_of_log, nobody_tells, not_done

LOCK_SECONDS = 300
# Of the package lists and of the downloaded packages; apt's own DPkg::Lock::Timeout is for dpkg's locks alone (seen with
# apt 2.6.1).
OTHERS_LOCK = "Could not get lock"

POLICY = "/usr/sbin/policy-rc.d"
# Other services of the machine are started as ever: apt may first have to finish somebody else's installation.
POLICY_TEXT = """#!/bin/sh
# rabbitmq-ha: services are started once they are configured
case $1 in
rabbitmq-server* | haproxy* | keepalived* | epmd*) exit 101 ;;
esac
"""
APT_LISTS = "/var/lib/apt/lists"
LISTS_STAY_FRESH_SECONDS = 24 * 3600


class Apt:
    """apt and dpkg."""

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
            raise nobody_tells("dpkg", silent, "see what `dpkg --audit` says, and run this again")

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
        self._patiently(["dpkg", "--configure", "-a"], "another process")

    def _install(self, words):
        """Returns whether apt has installed it."""
        # Reading the package lists again takes seconds, so lists of less than a day are tried first.
        install = ["install", "--no-install-recommends"] + list(words)
        if _are_fresh(APT_LISTS) and self._apt(install):
            return True
        return self._apt(["update"]) and self._apt(install)

    def _apt(self, words):
        """Returns whether apt has done it. Waits while another apt works, as the one of a machine's first boot does."""
        return self._patiently(["apt-get"] + self._options + words, OTHERS_LOCK)

    def _patiently(self, words, is_taken):
        """Returns whether a program has succeeded. It is run again while it ends with these words of a lock of others."""
        worked = False

        def tried():
            nonlocal worked
            before = len(files.read(LOG, ""))
            worked = command.attempt(words, **self._how()).code == 0
            return worked or is_taken not in files.read(LOG, "")[before:]

        clock.wait_until(tried, LOCK_SECONDS, 3)
        return worked

    @staticmethod
    def _how():
        extra = dict(fetch.surroundings(), DEBIAN_FRONTEND="noninteractive", NEEDRESTART_SUSPEND="1")
        return {"seconds": INSTALLING_SECONDS, "log": LOG, "extra": extra}

    # Another version of a package

    def is_earlier(self, version, than):
        # dpkg ends with 2 if it cannot tell.
        return command.holds(["dpkg", "--compare-versions", version, "lt", than])

    def fetch(self, package, version):
        with self.prepared():
            if not self._install(["--download-only"] + self._exactly(package, version)):
                raise not_done("fetched", package, version, self._offered(package))

    def put(self, package, version):
        with self.prepared():
            if not self._install(self._exactly(package, version)):
                raise not_done("installed", package, version, self._offered(package))

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
