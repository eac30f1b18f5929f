"""Downloads files by URL. A file is used only if it has the SHA-256 that the configuration states."""

import hashlib
import os

from . import command, files, host
from .errors import StepError

# Only root can enter it, so nobody else can replace a downloaded file.
FOLDER = host.STATE + "/fetched"
SECONDS = 900
LOG_LINES = 12


def surroundings():
    """Returns the environment's proxy variables, which the login user may have. A configured proxy has precedence."""
    names = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    wanted = names + tuple(name.upper() for name in names)
    return {name: os.environ[name] for name in wanted if name in os.environ}


def empty_folder(name):
    """Makes an empty folder that only root can enter, in the place of one that an earlier run has left."""
    folder = FOLDER + "/" + name
    files.make_folder(host.STATE)
    files.make_folder(FOLDER, 0o700)
    os.chmod(host.path(FOLDER), 0o700)
    files.remove_tree(folder)
    os.mkdir(host.path(folder), 0o700)
    return folder


def remove_folder(name):
    files.remove_tree(FOLDER + "/" + name)


def download(url, path, proxy, most=300, **options):
    """Downloads a file to a path; curl is there. most: seconds that one attempt may take. options: command.do's."""
    words = ["curl", "-fsSL", "--retry", "3", "--max-time", str(most), "-o", host.path(path), "--url", url]
    if proxy:
        words[2:2] = ["-x", proxy]
    command.do(words, extra=surroundings(), **options)


class Download:
    """A file to download: what it is, its URL, its SHA-256, and the setting that states them."""

    def __init__(self, what, url, sha256, setting):
        self.what = what
        self.url = url
        self.sha256 = sha256
        self.setting = setting

    def fetch(self, path, log, proxy, unused):
        """Downloads the file to a path.

        unused: for the message, what is not done with a wrong file, such as `installed`.
        """
        try:
            download(self.url, path, proxy, seconds=SECONDS, log=log)
        except StepError as failed:
            raise StepError(
                "{}: {} could not be fetched from {}; the end of {}:".format(host.name(), self.what, self.url, log),
                log=files.tail(log, LOG_LINES) or failed.message,
            )
        self.check(path, unused)

    def check(self, path, unused):
        """Raises StepError unless the file exists and has the stated SHA-256."""
        if not host.exists(path):
            raise StepError("{}: {}, fetched from {}, is gone again".format(host.name(), self.what, self.url))
        found = sum_of(path)
        if found != self.sha256:
            raise StepError(
                "{}: the file at {} has the SHA-256 {} and {}.sha256 says {}; nothing was {}.".format(
                    host.name(), self.url, found, self.setting, self.sha256, unused
                ),
                "Give the right sum, or the right URL.",
            )


def sum_of(path):
    """Returns a file's SHA-256 in hexadecimal digits."""
    total = hashlib.sha256()
    with open(host.path(path), "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            total.update(piece)
    return total.hexdigest()
