"""What the installation of packages by apt and by yum has in common."""

import collections

from . import files, host
from .errors import NoAnswer, StepError

LOG = "/var/log/rabbitmq-ha-packages.log"
LOG_LINES = 12
INSTALLING_SECONDS = 900

# What is installed of a package, and since when. After an interrupted upgrade an RPM can be installed in two versions.
Found = collections.namedtuple("Found", "is_whole versions since")
ABSENT = Found(False, (), "")


def bare(name):
    """Returns a package's name without a version behind it: NAME=VERSION."""
    return name.split("=", 1)[0]


def end_of_log():
    return files.tail(LOG, LOG_LINES)


def nobody_tells(asker, silent, remedy):
    return NoAnswer(
        "{}: {} does not tell what is installed: {}".format(host.name(), asker, silent.message), remedy, silent.log
    )


def not_done(doing, package, version, offered=""):
    return StepError(
        "{}: {} {} (packages.rabbitmq.version) could not be {}; {}{} end of {}:".format(
            host.name(), package, version, doing, offered, "The" if offered else "the", LOG
        ),
        log=end_of_log(),
    )
