"""Points the system's own package sources to a mirror; without one, takes back what an earlier one has changed."""

from .. import sources

LOCK = "packages"


def arguments(parser):
    sources.arguments(parser)


def run(wanted):
    sources.point(wanted.installer, wanted.archive, wanted.mirror)
