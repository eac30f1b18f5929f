"""Fetches the key of the brokers' package repository, and keeps it only if it is the stated one and alone in its file."""

from .. import fetch, files, host, openpgp, packages, sources
from ..errors import NoAnswer, StepError

TIMEOUT_SECONDS = 900
LOCK = packages.LOCK

DOWNLOADS = "repository-key"
# What curl needs where it is missing; every RPM system has it.
APT_NEEDS = ["curl", "ca-certificates"]


def arguments(parser):
    parser.add_argument("--url", required=True, help="where the armoured key is")
    parser.add_argument("--fingerprint", required=True, metavar="HEX", help="its fingerprint, 40 digits")
    packages.arguments(parser)


def run(wanted):
    path = sources.KEYS[wanted.installer == "apt"]
    if _is_right(files.read(path, ""), wanted.fingerprint):
        return
    if wanted.installer == "apt":
        packages.manager(wanted).install(APT_NEEDS)
    text = _fetched(wanted.url, wanted.proxy)
    found = _fingerprints(text, wanted.url)
    if found != [wanted.fingerprint]:
        raise StepError(
            "{}: the key at {} has the fingerprint {} and {} is stated; nothing was installed".format(
                host.name(), wanted.url, " and ".join(found) or "of none", wanted.fingerprint
            ),
            "see which one the repository's owner publishes, and correct packages.rabbitmq.key",
        )
    files.write(path, text)


def _is_right(text, fingerprint):
    try:
        return openpgp.fingerprints(text) == [fingerprint]
    except NoAnswer:
        return False


def _fingerprints(text, url):
    try:
        return openpgp.fingerprints(text)
    except NoAnswer as silent:
        raise StepError("{}: the file at {} is not a key to use: {}".format(host.name(), url, silent.message))


def _fetched(url, proxy):
    path = fetch.empty_folder(DOWNLOADS) + "/key"
    try:
        fetch.download(url, path, proxy, most=60, seconds=300)
        return files.read(path, "")
    except StepError as failed:
        raise StepError(
            "{}: the repository's key could not be fetched from {}".format(host.name(), url), log=failed.message
        )
    finally:
        fetch.remove_folder(DOWNLOADS)
