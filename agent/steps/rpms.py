"""Installs Erlang and RabbitMQ from two RPMs that no repository has any more.

Whatever else they need comes from the system's own repositories. An installed package keeps its version.
"""

from .. import fetch, packages
from ..errors import StepError

TIMEOUT_SECONDS = 900
LOCK = packages.LOCK


def arguments(parser):
    for key, name in (("erlang", "Erlang"), ("rabbitmq", "RabbitMQ")):
        parser.add_argument("--{}-url".format(key), required=True, metavar="URL", help="the RPM of " + name)
        parser.add_argument("--{}-sha256".format(key), required=True, metavar="SHA256", help="its SHA-256")
    packages.arguments(parser)


def run(wanted):
    if wanted.installer == "apt":
        raise StepError("RPMs are installed by yum or dnf")
    downloads = {
        "erlang": fetch.Download("erlang", wanted.erlang_url, wanted.erlang_sha256, "packages.erlang"),
        packages.BROKER: fetch.Download(
            packages.BROKER, wanted.rabbitmq_url, wanted.rabbitmq_sha256, "packages.rabbitmq"
        ),
    }
    packages.manager(wanted).install(list(downloads), downloads)
