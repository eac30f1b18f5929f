"""Points the system's package sources to a mirror; without one, undoes the changes of an earlier one."""

from .. import sources

LOCK = "packages"


def arguments(parser):
    sources.arguments(parser)


def run(wanted):
    sources.point(wanted.installer, wanted.archive, wanted.mirror)
