"""Sets the host's name, and writes the names of all hosts of the stack into a block of /etc/hosts."""

import argparse

from .. import command, files, host, hosts_file, kept

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
    if host.full_name() != wanted.name:
        command.do(["hostnamectl", "set-hostname", wanted.name], seconds=30)
    kept.note_names(name for name, _ in wanted.hosts)
    text = files.read(hosts_file.PATH, "")
    files.write(hosts_file.PATH, hosts_file.with_block(text, wanted.hosts))
