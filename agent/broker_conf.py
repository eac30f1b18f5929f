"""What the broker's host knows of the stack: who the brokers are, and at which ports (/etc/rabbitmq-ha/broker.conf)."""

import configparser

from . import files
from .errors import StepError

PATH = "/etc/rabbitmq-ha/broker.conf"


class BrokerConf:
    """The section [broker] of the file."""

    def __init__(self, section):
        self.brokers = _names(section["brokers"])
        # Whom this broker asks for the cluster when it has no data.
        self.discovery_peers = _names(section["discovery_peers"])
        self.port = int(section["port"])
        # 0 where nobody asks for alarms.
        self.metrics_port = int(section.get("metrics_port", "0") or 0)


def _names(text):
    return [name for name in text.replace(",", " ").split() if name]


def read():
    """Raises StepError where the file is not there or not whole."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(files.read(PATH))
        return BrokerConf(parser["broker"])
    except (OSError, configparser.Error, KeyError, ValueError) as broken:
        raise StepError("{} cannot be read: {}".format(PATH, broken), "npm run up writes it anew")
