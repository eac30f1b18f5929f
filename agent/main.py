"""The command line: one subcommand for each step, one run of it at a time, with a time limit and a short report."""

import argparse
import importlib
import io
import os
import signal
import sys

from . import clock, command, host, lock
from .errors import StepError, Stopped

# Each is the module of its name in agent/steps. The order is that of the help.
SUBCOMMANDS = (
    ("status", "findings")
    + ("owner", "names", "file", "check-advanced", "check-tls-only")
    + ("packages", "rpms", "sources", "repository-key", "firewall")
    + ("service", "note", "cookie", "ssh-key")
    + ("start", "member", "restart", "leave", "members", "plugin-files", "plugins", "certificates")
    + ("inter-node", "full-stop")
    + ("admin", "cluster-name", "policy", "definition-users", "definitions")
    + ("may-start", "watch", "agent-check", "waiting", "force-boot")
    + ("build-haproxy", "selinux", "log-socket", "serving", "check-haproxy", "revive-haproxy")
    + ("proxy-lines", "proxy-protocol")
    + ("holder", "may-go", "vrrp", "vrrp-watch", "move-address", "interface", "mount", "clean-up")
)

FAULTS = "/var/log/rabbitmq-ha-faults.log"


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Has a fixed width, because asking the terminal for its width takes a tenth of each step's start-up time."""

    def __init__(self, prog):
        super().__init__(prog, width=110)


def module_of(name):
    return importlib.import_module("agent.steps." + name.replace("-", "_"))


def parser_for(name):
    """Returns the parser of one subcommand; without a name, of all of them with their help."""
    parser = argparse.ArgumentParser(
        prog="rabbitmq-ha",
        description="What rabbitmq-ha does on a host: one subcommand for each of its steps.",
        formatter_class=HelpFormatter,
    )
    commands = parser.add_subparsers(prog="rabbitmq-ha", dest="subcommand", metavar="SUBCOMMAND")
    for each in SUBCOMMANDS if name is None else [name]:
        module = module_of(each)
        description = (module.__doc__ or "").strip()
        sub = commands.add_parser(
            each,
            help=description.splitlines()[0] if description else "",
            description=description,
            formatter_class=HelpFormatter,
        )
        module.arguments(sub)
        sub.set_defaults(module=module)
    return parser


def main(words=None):
    """Runs one subcommand. Returns the exit code: 0 for success, 1 for a failure, 2 for a wrong command line."""
    words = list(sys.argv[1:] if words is None else words)
    os.umask(0o022)
    known = words[0] if words and words[0] in SUBCOMMANDS else None
    parser = parser_for(known)
    arguments = parser.parse_args(words)
    if not getattr(arguments, "module", None):
        parser.print_help()
        return 2
    return run(arguments.subcommand, arguments)


def run(name, arguments):
    module = arguments.module
    seconds = getattr(module, "TIMEOUT_SECONDS", 300)
    key = getattr(module, "LOCK", name)
    if callable(key):
        key = key(arguments)
    try:
        if key is None:
            _limit(name, seconds)
            return _code(module.run(arguments))
        with lock.held(key, 0 if seconds is None else seconds + 30):
            _limit(name, seconds)
            return _code(module.run(arguments))
    except (StepError, Stopped) as failure:
        print(failure.report(), file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except Exception as fault:
        import traceback  # only a fault needs it

        _note_fault(fault)
        where = traceback.extract_tb(fault.__traceback__)[-1]
        print(
            "{}: rabbitmq-ha {} failed by a fault of its own: {}: {} ({}:{}); {} on this host has the rest".format(
                host.name(), name, type(fault).__name__, fault, os.path.basename(where.filename), where.lineno, FAULTS
            ),
            file=sys.stderr,
        )
        return 1
    finally:
        _limit(name, None)
        clock.limit(None)


def _code(result):
    return 0 if result is None else int(result)


def _limit(name, seconds):
    """Ends this process after the given seconds, whatever it waits for."""

    def late(_number, _frame):
        # The clean-up at a run's end has its own time limit.
        more = clock.left(seconds)
        if more > 1:
            signal.setitimer(signal.ITIMER_REAL, more + 2)
            return
        raise Stopped("{}: rabbitmq-ha {} was not done after {} s and was stopped".format(host.name(), name, seconds))

    clock.limit(seconds)
    try:
        signal.signal(signal.SIGALRM, late if seconds else signal.SIG_DFL)
    except ValueError:
        return  # tests call this from another thread
    signal.setitimer(signal.ITIMER_REAL, seconds + 2 if seconds else 0)


def _note_fault(fault):
    import traceback

    try:
        with open(host.path(FAULTS), "a", encoding="utf-8") as file:
            traceback.print_exception(type(fault), fault, fault.__traceback__, file=file)
    except OSError:
        pass


def _stop(_number, _frame):
    raise Stopped("{}: was told to stop".format(host.name()))


def start():
    """The launcher's entry point."""
    os.environ["PATH"] = command.complete_path(os.environ.get("PATH", ""))
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        # The terminal was closed.
        signal.signal(signal.SIGHUP, _stop)
    for stream in (sys.stdout, sys.stderr):
        # Names can be in any script, whatever the caller's locale.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)
    if sys.stdin is not None:
        # What is read is exactly what was sent.
        sys.stdin = io.TextIOWrapper(sys.stdin.buffer, "utf-8", newline="")
    if sys.version_info < (3, 7):
        sys.stdout = io.TextIOWrapper(sys.stdout.buffer, "utf-8", "replace", line_buffering=True)
        sys.stderr = io.TextIOWrapper(sys.stderr.buffer, "utf-8", "replace", line_buffering=True)
    sys.exit(main())
