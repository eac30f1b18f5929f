"""Writes a file of the host atomically; its content comes on standard input.

A connection that breaks also ends the input. With --with-end, content that lacks its last line is refused.
Nothing is written if content, owner and mode are already right. If the content is refused, the old file stays as it is.
"""

import grp
import pwd
import sys

from .. import command, files, host, sent, systemd
from ..errors import StepError

TIMEOUT_SECONDS = 60

# hosts/file-input.ts has the same.
END = b"# rabbitmq-ha: end of the file\n"


def _lock(wanted):
    # Files of one host are written at the same time, each by one run.
    return sent.lock_of(wanted.path)


LOCK = _lock


def arguments(parser):
    parser.add_argument("--path", required=True, help="the file's whole path; its folder is made")
    parser.add_argument("--owner", type=_owner, help="USER:GROUP, by default root's")
    parser.add_argument("--mode", type=_octal, default=0o644, help="in octal, by default 0644")
    parser.add_argument("--resource", help="the resource that has the file written, for the note of what it wrote")
    parser.add_argument("--with-end", action="store_true", help="the content ends with a line that only says so")
    parser.add_argument("--check", help="the words of a command that judges the new file, in the place of {}")
    parser.add_argument(
        "--unless-running", metavar="UNIT", help="the cookie's: the service that must not run while the content changes"
    )


def _octal(text):
    return int(text, 8)


def _owner(text):
    """Splits USER:GROUP. The names are looked up later, when the package that creates them is installed for sure."""
    user, group = text.split(":")
    return user, group


def run(wanted):
    content = _read(wanted.path, wanted.with_end)
    owner = None if wanted.owner is None else _numbers(*wanted.owner)

    def judge(candidate):
        if wanted.unless_running is not None and _differs(wanted.path, content):
            _refuse_while_running(wanted.unless_running, wanted.path)
        if wanted.check is not None:
            _ask(wanted.check, candidate, wanted.path)

    try:
        files.write(wanted.path, content, wanted.mode, owner, judge)
        sent.note(wanted.path, content.encode("utf-8", "surrogateescape"), wanted.resource)
    except OSError as failure:
        raise StepError("{}: {} cannot be written: {}".format(host.name(), wanted.path, failure.strerror or failure))


def _read(path, has_end):
    data = sys.stdin.buffer.read()
    if has_end:
        if not data.endswith(END):
            raise StepError(
                "{}: the content for {} did not arrive whole, so nothing is written".format(host.name(), path),
                "Run this again.",
            )
        data = data[: -len(END)]
    if not data:
        # None of the program's files is empty.
        raise StepError("{}: no content for {} came on standard input".format(host.name(), path))
    return data.decode("utf-8", "surrogateescape")


def _numbers(user, group):
    try:
        uid = int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
        gid = int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError as missing:
        raise StepError("{}: {}".format(host.name(), missing.args[0]))
    return uid, gid


def _refused(path):
    return "{}: the new {} was refused, so the old one stays as it is:".format(host.name(), path)


def _ask(check, candidate, path):
    result = command.attempt([word.replace("{}", candidate) for word in check.split()], seconds=45)
    if result.code != 0:
        raise StepError(_refused(path), log=result.log())


def _differs(path, content):
    return files.read(path, "") != content


def _refuse_while_running(unit, path):
    """Refuses the change unless the unit is stopped.

    A broker that starts has its cookie already, and one that stops has it still.
    """
    if not systemd.is_stopped(unit):
        raise StepError(
            _refused(path),
            "a running broker keeps the cookie that it was started with, and talks to no other;\n"
            "stop {} on every broker first, then run this again".format(unit),
        )
