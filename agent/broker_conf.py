"""/etc/rabbitmq-ha/broker.conf: what the program must know of this host's broker while no `up` runs."""

import configparser

from . import files, host
from .errors import StepError

FILE = "/etc/rabbitmq-ha/broker.conf"
_SECTION = "broker"


class BrokerConf:
    """The contents of the file.

    brokers: the names of all brokers, in the order in which they take turns to restart.
    discovery_peers: the brokers that this one asks for the cluster when it has no data.
    port: the AMQP port.
    metrics_port: the port of the metrics page, which lists alarms; 0 if nobody reads it.
    pauses_minority: whether the broker pauses while it is cut off from the majority of its cluster.
    """

    def __init__(self, brokers, discovery_peers, port, metrics_port, pauses_minority):
        self.brokers = brokers
        self.discovery_peers = discovery_peers
        self.port = port
        self.metrics_port = metrics_port
        self.pauses_minority = pauses_minority


def read():
    """Reads the file. Raises StepError if it is missing or invalid."""
    try:
        text = files.read(FILE)
    except OSError as missing:
        raise _broken("cannot be read ({})".format(missing.strerror))
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
        values = dict(parser.items(_SECTION))
    except configparser.Error as wrong:
        raise _broken("is broken ({})".format(str(wrong).splitlines()[0]))
    return BrokerConf(
        _names(values, "brokers"),
        _names(values, "discovery_peers"),
        _port(values, "port"),
        _port(dict({"metrics_port": "0"}, **values), "metrics_port"),
        values.get("pauses_minority") == "true",
    )


def _names(values, key):
    if key not in values:
        raise _broken("has no {}".format(key))
    return [name.strip() for name in values[key].split(",") if name.strip()]


def _port(values, key):
    text = values.get(key, "")
    if not text.isdigit() or int(text) > 65535:
        raise _broken("has no {} that is a TCP port".format(key))
    return int(text)


def _broken(what):
    return StepError("{}: {} {}".format(host.name(), FILE, what), "npm run up -- --repair writes it anew")
