"""Installs the packages that are missing, without starting any of their services.

An installed package keeps its version, even if another one is stated: NAME=VERSION.
"""

from .. import packages
from ..arguments import listed

TIMEOUT_SECONDS = 900
LOCK = packages.LOCK


def arguments(parser):
    parser.add_argument(
        "--names", required=True, type=listed, help="the packages, a,b,c; NAME=VERSION states a version"
    )
    packages.arguments(parser)


def run(wanted):
    packages.manager(wanted).install(wanted.names)
