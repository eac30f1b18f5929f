"""Another version of the broker's package."""

import contextlib

from . import command, fetch, host, lock
from .errors import StepError
from .installing import LOG, not_done
from .packages import BROKER, LOCK, LOCK_SECONDS, arguments, manager

# The folder of its RPM.
FOLDER = "upgrade"


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
                raise not_done("installed", self.package, self.version)

    def _fetch(self):
        self._manager.fetch(self.package, self.version)

    def _install(self):
        self._manager.put(self.package, self.version)


class UpgradeByUrl(Upgrade):
    """An upgrade from one RPM, whose URL the configuration states."""

    def __init__(self, manager_, version, download):
        super().__init__(manager_, version)
        self._download = download
        self._path = "{}/{}/{}.rpm".format(fetch.FOLDER, FOLDER, self.package)

    def erlang(self):
        return ""

    def _fetch(self):
        self._manager.prepare()
        fetch.empty_folder(FOLDER)
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
            fetch.remove_folder(FOLDER)
