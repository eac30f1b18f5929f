"""Stand-in for the part that has the machine's own firewall."""

from .errors import StepError


def close_all():
    """Closes all that the program has opened. Returns what could not be closed, a line each."""
    raise StepError("this program cannot close a firewall yet")
