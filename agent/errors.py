"""How a step fails: what was wanted and what is in the way, what to do, and the log that tells more."""

MOST_LINES = 15
LONGEST_LINE = 600


class _Told:
    """message: what was wanted and what is in the way. remedy: what to do. log: the end of what tells more."""

    def __init__(self, message, remedy="", log=""):
        super().__init__(message)  # type: ignore[call-arg]
        self.message = message
        self.remedy = remedy
        self.log = log

    def report(self):
        """At most 15 lines; of the log, its end."""
        lines = [line for part in (self.message, self.remedy) for line in part.splitlines() if line.strip()]
        room = MOST_LINES - len(lines)
        log = [line for line in self.log.splitlines() if line.strip()][-room:] if room > 0 else []
        return "\n".join(line[:LONGEST_LINE] for line in (lines + log)[:MOST_LINES])


class StepError(_Told, Exception):
    """A step cannot be done, or may not be: nothing was destroyed or interrupted on its way."""


class Stopped(_Told, BaseException):
    """This process was told to end, or its time is up. Nobody takes it for the failure of what is just being done."""


class NoAnswer(StepError):
    """A question failed, was not answered in time, or was answered in part: that is no permission for anything."""


class Silence(NoAnswer):
    """The program that asks ran and failed, or hung: who was asked may be dead, or the way there is."""
