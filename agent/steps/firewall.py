"""Opens exactly the given rules in the firewall that runs here (firewalld, ufw or nftables), if one does."""

import argparse

from .. import firewall

TIMEOUT_SECONDS = 120


def arguments(parser):
    parser.add_argument(
        "--interface",
        required=True,
        type=lambda text: text.split(","),
        help="the interfaces whose zones of firewalld it is about, a,b,c",
    )
    parser.add_argument(
        "--rules",
        required=True,
        type=_rules,
        help="PROTOCOL PORTS SOURCE, a,b,c, such as 'tcp 5672 any,tcp 35672-35682 10.0.0.2,vrrp - 10.0.0.9'",
    )


def _rules(text):
    rules = [each.split() for each in text.split(",") if each]
    for words in rules:
        if len(words) != 3 or words[0] not in ("tcp", "vrrp"):
            raise argparse.ArgumentTypeError("no rule: {}".format(" ".join(words)))
    return [firewall.Rule(*words) for words in rules]


def run(wanted):
    firewall.let_in(wanted.rules, wanted.interface)
