"""The RPMs of CentOS, Rocky and Alma."""

import contextlib
import re

from . import command, fetch, files, host, sources
from .errors import NoAnswer, StepError
from .installing import ABSENT, INSTALLING_SECONDS, LOG, Found, bare, end_of_log, nobody_tells, not_done

# Lists the RPMs that are being installed. A killed run leaves it, and a package that it lists may be half installed.
MARK = host.STATE + "/installing"

# The folder of downloaded RPMs.
DOWNLOADS = "rpms"


class Yum:
    """yum or dnf. The installer itself waits while another installation runs."""

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
            raise nobody_tells("rpm", silent, "see what `rpm --verifydb` says, `rpm --rebuilddb` may mend it")

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
            raise not_done("fetched", package, version)

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
            raise not_done("installed", package, version)
        # A killed upgrade has left the former version beside the new one.
        for former in [each for each in versions if each != version]:
            self._forget(package, former)

    @staticmethod
    def _forget(package, former):
        how = {"seconds": INSTALLING_SECONDS, "log": LOG}
        command.attempt(["rpm", "-e", "--nodeps", "{}-{}".format(package, former)], **how)


def _marked():
    return [line for line in files.read(MARK, "").splitlines() if line]
