"""The last answer of this host's broker about its health, which the watch notes, so that asking for it is quick."""

from . import files, host, jsontext, rabbitmq, systemd
from .errors import StepError

NOTE = host.RUN + "/health"


def note(condition, started):
    """Records an answer. started: when the broker was started that gave it, as systemd says."""
    said = {
        "started": started,
        "passedOver": condition.passed_over,
        "partitionHandling": condition.partition_handling,
        "hasMajority": condition.has_majority,
    }
    files.write(NOTE, jsontext.dumps(said) + "\n", labelled=False)


def last():
    """Returns the last answer of the broker that runs now; an empty one if it has not been asked yet."""
    try:
        said = jsontext.loads(files.read(NOTE, ""))
        started = systemd.properties(rabbitmq.UNIT, "ExecMainStartTimestampMonotonic", "ActiveState")
    except (ValueError, OSError, StepError):
        return {}
    is_of_now = started["ActiveState"] == "active" and isinstance(said, dict)
    if not is_of_now or said.get("started") != started["ExecMainStartTimestampMonotonic"]:
        return {}
    return {key: said.get(key) for key in ("passedOver", "partitionHandling", "hasMajority")}
