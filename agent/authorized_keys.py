"""The keys with which a user of this host logs in by SSH. A key is known by its base 64; all other lines stay to the byte."""

import os
import pwd
import re

from . import command, files, host
from .errors import NoAnswer, StepError

# Behind each line that the program adds.
COMMENT = "rabbitmq-ha"

_KEY = re.compile(r"((?:ssh|ecdsa|sk)-[!-~]+)[ \t]+([A-Za-z0-9+/]+={0,2})(?=[ \t]|$)")


class AuthorizedKeys:
    """What sshd reads for one user. Raises NoAnswer if sshd does not say which files these are."""

    def __init__(self, user):
        self.user = user
        self.files = _files_of(user)

    def file_with(self, key):
        """Returns the first file that has a key; None if no file has it."""
        return next((name for name in self.files if any(_is(line, key) for line in _lines(name))), None)

    def add_beside(self, known, key):
        """Adds a key at the end of the file that has the known one, with the same options, unless a file has it."""
        if self.file_with(key) is not None:
            return
        name = self.file_with(known)
        if name is None:
            raise StepError("{}: the key that is in use is in none of {}".format(host.name(), ", ".join(self.files)))
        lines = _lines(name)
        options = next(_split(line)[0] for line in lines if _is(line, known))
        # The last line of a file that was written by hand may have no end.
        end = "" if lines[-1].endswith("\n") else "\n"
        line = " ".join(([options] if options else []) + [key, COMMENT])
        _write(name, "".join(lines) + end + line + "\n")

    def remove(self, key):
        """Removes every line of a key."""
        for name in self.files:
            lines = _lines(name)
            kept = [line for line in lines if not _is(line, key)]
            if len(kept) < len(lines):
                _write(name, "".join(kept))


def public_key(line):
    """Returns a line that has one key and nothing else. Raises StepError for any other."""
    found = _KEY.match(line.strip())
    if found is None or found.group() != line.strip():
        raise StepError("{}: what came on standard input is no public key".format(host.name()))
    return found.group()


def _files_of(user):
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise StepError("{}: there is no user {}".format(host.name(), user))
    place = "user={},host=localhost,addr=127.0.0.1".format(user)
    for line in command.ask(["sshd", "-T", "-C", place], seconds=20).splitlines(True):
        setting, _, patterns = line.partition(" ")
        # A line without its end may have been cut.
        if setting.lower() == "authorizedkeysfile" and patterns.endswith("\n"):
            return [_expand(each, account) for each in patterns.split() if each != "none"]
    raise NoAnswer("{}: sshd does not say in which files the keys of {} are".format(host.name(), user))


def _expand(pattern, account):
    """The tokens are those of sshd_config(5); a relative path begins at the user's home."""
    tokens = {"%": "%", "h": account.pw_dir, "u": account.pw_name, "U": str(account.pw_uid)}
    path = re.sub("%(.)", lambda match: tokens.get(match.group(1), match.group()), pattern)
    return os.path.join(account.pw_dir, path)


def _lines(name):
    """Returns a file's lines with their ends; none if there is no file."""
    try:
        return re.findall("[^\n]*\n|[^\n]+", files.read_exactly(name))
    except FileNotFoundError:
        return []


def _is(line, key):
    parts = _split(line)
    return parts is not None and parts[1] == key.split()[1]


def _split(line):
    """Returns the options and the base 64 of a line's key; None for a line without one (sshd(8), AUTHORIZED_KEYS)."""
    text = line.strip(" \t\r\n")
    if not text or text.startswith("#"):
        return None
    end = 0 if _KEY.match(text) else _end_of_options(text)
    found = _KEY.match(text[end:].lstrip(" \t"))
    return None if found is None else (text[:end], found.group(2))


def _end_of_options(text):
    quoted = False
    for at, character in enumerate(text):
        if character == '"' and text[at - 1 : at] != "\\":
            quoted = not quoted
        elif character in " \t" and not quoted:
            return at
    return len(text)


def _write(name, text):
    """Writes to where a link leads; the file keeps its owner and its mode."""
    real = os.path.realpath(host.path(name))[len(os.path.realpath(host.ROOT or "/").rstrip("/")) :]
    found = os.stat(host.path(real))
    files.write(real, text, mode=found.st_mode & 0o7777, owner=(found.st_uid, found.st_gid))
