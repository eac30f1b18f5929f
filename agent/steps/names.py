"""Sets the host's name, and writes the names of all hosts of the stack into a block of /etc/hosts.

A domain that the host has stays: in its name, which RabbitMQ cuts at the first dot, and in what `hostname -f` answers.
"""

import argparse
import re

from .. import command, files, host, hosts_file, kept
from ..errors import NoAnswer

TIMEOUT_SECONDS = 60


def arguments(parser):
    parser.add_argument("--name", required=True, help="this host's name")
    parser.add_argument("--hosts", required=True, type=_peers, help="all hosts of the stack, NAME=ADDRESS,NAME=ADDRESS")


def _peers(text):
    pairs = [tuple(each.split("=", 1)) for each in text.split(",") if each]
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise argparse.ArgumentTypeError("not NAME=ADDRESS,NAME=ADDRESS: {}".format(text))
    return pairs


def run(wanted):
    if host.full_name().split(".")[0] != wanted.name:
        command.do(["hostnamectl", "set-hostname", wanted.name], seconds=30)
    kept.note_names(name for name, _ in wanted.hosts)
    text = files.read(hosts_file.PATH, "")
    full = _full_name(wanted.name, text)
    files.write(hosts_file.PATH, hosts_file.with_block(text, wanted.hosts, {wanted.name: full} if full else {}))


def _full_name(name, text):
    """Returns the host's name with its domain; None if it has none."""
    found = host.full_name()
    if "." not in found:
        try:
            found = command.ask(["hostname", "--fqdn"], seconds=10).strip()
        except NoAnswer:
            found = hosts_file.full_name(text, name) or ""
    is_own = found.startswith(name + ".") and re.match(r"[A-Za-z0-9.-]+$", found)
    return found if is_own else None
