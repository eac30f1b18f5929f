"""The mark of a full stop on a broker's host: as long as it is there, the broker does not start.

A full stop changes something that all brokers must have alike. So it is changed nowhere before every broker is stopped
and marked, and no broker starts before most have the change. A reboot, systemd or a person then cannot start one that
has another value than the rest.
"""

from . import files, host, rabbitmq, starting, systemd
from .errors import StepError

MARK = host.STATE + "/full-stop"

REMEDY = "complete it: npm run up -- --full-stop"


def is_marked():
    """Whether this broker must not start. Raises NoAnswer if that cannot be seen."""
    return starting.is_there(MARK)


def check_not_marked():
    """Raises StepError while a full stop is under way, in which no other step starts the broker."""
    if is_marked():
        raise StepError("{}: its broker does not start, since a full stop is under way".format(host.name()), REMEDY)


def stop():
    """Marks the host, then stops its broker. Raises StepError unless it is stopped for sure."""
    files.write(MARK, "")
    end()


def end():
    """Stops the broker of a marked host, also one whose start waits. Raises StepError unless it is stopped for sure."""
    if not is_marked():
        raise StepError("{}: no full stop has begun here, so nothing is changed".format(host.name()), REMEDY)
    if not systemd.is_stopped(rabbitmq.UNIT):
        rabbitmq.stop()
    if not systemd.is_stopped(rabbitmq.UNIT):
        raise StepError("{}: rabbitmq-server does not stop".format(host.name()))


def release():
    files.remove(MARK)
