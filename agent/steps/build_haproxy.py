"""Compiles HAProxy from its source and installs it in a folder of its own, which is also its chroot."""

import contextlib
import os
import tempfile

from .. import command, fetch, files, host
from ..errors import StepError

TIMEOUT_SECONDS = 1800

LOG = "/var/log/rabbitmq-ha-haproxy-build.log"
LOG_LINES = 12
# The tutorial's user and group.
ACCOUNT = "haproxy"
ACCOUNT_ID = 149


def arguments(parser):
    parser.add_argument("--version", required=True, help="HAProxy's version")
    parser.add_argument("--url", required=True, help="the tarball of its source")
    parser.add_argument("--sha256", required=True, help="that tarball's SHA-256")
    parser.add_argument("--prefix", required=True, metavar="FOLDER", help="where it is installed")
    parser.add_argument("--target", required=True, help="the Makefile's name for this system")
    parser.add_argument("--notifies", action="store_true", help="it tells systemd by itself that it runs")
    parser.add_argument("--proxy", default="", metavar="URL", help="the HTTP proxy to fetch it through")


def run(wanted):
    _make_account(wanted.prefix)
    # The journal's socket is mounted here, in the chroot.
    for folder in (wanted.prefix + "/dev", "/etc/haproxy"):
        files.make_folder(folder)
    with open(host.path(wanted.prefix + "/dev/log"), "ab"):
        pass
    if is_built(wanted):
        return
    with _empty_folder() as folder:
        _build(wanted, folder)
    files.write(_mark(wanted.prefix), wanted.sha256 + "\n")


def _make_account(prefix):
    # getent ends with 2 if the name does not exist.
    if not command.holds(["getent", "group", ACCOUNT], no=2):
        command.do(["groupadd", "-r", "-g", str(ACCOUNT_ID), ACCOUNT])
    if not command.holds(["getent", "passwd", ACCOUNT], no=2):
        words = ["useradd", "-r", "-g", ACCOUNT, "-u", str(ACCOUNT_ID), "-s", "/sbin/nologin", "-d", prefix, ACCOUNT]
        command.do(words)


def _mark(prefix):
    return prefix + "/rabbitmq-ha.built"


def is_built(wanted):
    """Whether the installed HAProxy was compiled completely, and from exactly this source."""
    binary = host.path(wanted.prefix + "/sbin/haproxy")
    return os.access(binary, os.X_OK) and files.read(_mark(wanted.prefix), "").strip() == wanted.sha256


@contextlib.contextmanager
def _empty_folder():
    """Makes a new folder that only root can enter, with room for the source. It is removed at the end."""
    files.make_folder("/var/tmp")
    folder = tempfile.mkdtemp(prefix="haproxy.", dir=host.path("/var/tmp"))[len(host.ROOT) :]
    try:
        yield folder
    finally:
        files.remove_tree(folder)


def _build(wanted, folder):
    files.write(LOG, "")
    tarball, source, prefix = folder + "/haproxy.tar.gz", folder + "/source", host.path(wanted.prefix)
    download = fetch.Download("HAProxy " + wanted.version, wanted.url, wanted.sha256, "haproxy.source")
    download.fetch(tarball, LOG, wanted.proxy, "built")
    files.make_folder(source)
    make = ["make", "-C", host.path(source)]
    options = ["TARGET=" + wanted.target] + (["USE_SYSTEMD=1"] if wanted.notifies else []) + ["PREFIX=" + prefix]
    processors = str(len(os.sched_getaffinity(0)))
    unpack = ["tar", "-C", host.path(source), "--strip-components=1", "-xzf", host.path(tarball)]
    _do(wanted, "could not be unpacked", unpack)
    _do(wanted, "could not be compiled", make + ["-j", processors] + options)
    _do(wanted, "could not be installed", make + ["install-bin", "PREFIX=" + prefix])
    # Before 1.8 this is what systemd starts; install-bin installs it, too.
    wrapper = wanted.prefix + "/sbin/haproxy-systemd-wrapper"
    if not wanted.notifies and not os.access(host.path(wrapper), os.X_OK):
        raise _given_up(wanted, "came without haproxy-systemd-wrapper")


def _do(wanted, failure, words):
    if command.attempt(words, seconds=TIMEOUT_SECONDS, log=LOG).code != 0:
        raise _given_up(wanted, failure)


def _given_up(wanted, failure):
    return StepError(
        "{}: HAProxy {} {}; the end of {}:".format(host.name(), wanted.version, failure, LOG),
        log=files.tail(LOG, LOG_LINES),
    )
