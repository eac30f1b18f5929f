"""The errors of a step: what was wanted and what prevents it, what to do, and the log with details."""

MOST_LINES = 15
LONGEST_LINE = 600


class _Told:
    """message: what was wanted and what prevents it. remedy: what to do. log: text whose end has the details."""

    def __init__(self, message, remedy="", log=""):
        super().__init__(message)  # type: ignore[call-arg]
        self.message = message
        self.remedy = remedy
        self.log = log

    def report(self):
        """Returns at most 15 lines; the log is cut to its last ones."""
        lines = [line for part in (self.message, self.remedy) for line in part.splitlines() if line.strip()]
        room = MOST_LINES - len(lines)
        log = [line for line in self.log.splitlines() if line.strip()][-room:] if room > 0 else []
        return "\n".join(line[:LONGEST_LINE] for line in (lines + log)[:MOST_LINES])


class StepError(_Told, Exception):
    """A step cannot or must not be done. What it has interrupted on the way is given back, or its message says so."""


class Stopped(_Told, BaseException):
    """This process was told to end, or its time is up.

    It is no StepError, so that no handler takes it for the failure of the current action.
    """


class NoAnswer(StepError):
    """A question failed, was not answered in time, or was answered incompletely. It permits nothing."""


class Silence(NoAnswer):
    """The program that asks has failed or hung: the broker may be down, or the way to it may be broken."""
