"""The system's services that the program sets up, by role, with the files of each that it writes."""

from . import rabbitmq

# The text at the head of the files that the program writes.
OWN = "Written by rabbitmq-ha"
UNITS = "/etc/systemd/system"

FILES = {
    "broker": {rabbitmq.UNIT: [rabbitmq.CONFIGURATION, rabbitmq.ADVANCED]},
    "balancer": {
        "keepalived": ["/etc/keepalived/keepalived.conf"],
        "haproxy": ["/etc/haproxy/haproxy.cfg", "/etc/haproxy/stats.cfg", UNITS + "/haproxy.service"],
    },
}


def drop_in(unit):
    """Returns the path of the program's drop-in, which shows that it has set the service up."""
    return "{}/{}.service.d/rabbitmq-ha.conf".format(UNITS, unit)
