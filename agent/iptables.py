"""Rules of iptables that a service loads at boot from a saved file, as some images and CentOS's iptables-services have.

What is opened is put into the rules in force and into the saved file, each before the rule that refuses the rest. A rule
is written as iptables-save writes it, with a comment.
"""

import os
import re

from . import command, files, host, systemd
from .errors import NoAnswer

# The services that load rules, and the files that they load.
SAVED = {"netfilter-persistent": "/etc/iptables/rules.v4", "iptables": "/etc/sysconfig/iptables"}

# The words of a rule that still leave it for new connections of everybody.
_OF_EVERYBODY = r'-p tcp|-m (tcp|comment|state|conntrack)|--(ct)?state \S*NEW\S*|--comment ("[^"]*"|\S+)|-i ({})'
_REFUSAL = re.compile(r"-A INPUT -j (REJECT|DROP)( |$)")
_COUNTERS = re.compile(r"\[\d+:\d+\] (?=-)")
_POLICY = re.compile(r":INPUT DROP( |$)")


def refuses(interfaces):
    """Whether such rules are in force and refuse what they do not name."""
    if _loaded_file() is None or not host.which("iptables-save"):
        return False
    return _end(_in_force(), interfaces) is not None


def specification(rule, comment):
    source = "" if rule.source == "any" else "-s {} ".format(rule.source if "/" in rule.source else rule.source + "/32")
    what = "-p 112"
    if rule.protocol == "tcp":
        what = "-p tcp -m tcp --dport {}".format(rule.ports.replace("-", ":"))
    return "{}{} -m comment --comment {} -j ACCEPT".format(source, what, comment)


def is_open(rule, interfaces):
    """Whether the rule is open, now and from the next boot on."""
    name = _loaded_file()
    return _is_in_force(rule) and (name is None or _with(files.read_exactly(name), rule, interfaces) is None)


def open_(rule, interfaces):
    if not _is_in_force(rule):
        end = _end(_in_force(), interfaces)
        where = ["-A", "INPUT"] if not end else ["-I", "INPUT", str(end)]
        command.do(["iptables", "-w"] + where + rule.split(), seconds=30)
    name = _loaded_file()
    text = None if name is None else _with(files.read_exactly(name), rule, interfaces)
    if text is not None:
        _rewrite(name, text)


def close(rule):
    """Closes what was opened, also in the file of a service that does not run any more."""
    if host.which("iptables"):
        while _is_in_force(rule):
            command.do(["iptables", "-w", "-D", "INPUT"] + rule.split(), seconds=30)
    for name in SAVED.values():
        if host.exists(name):
            lines = files.read_exactly(name).splitlines(True)
            _rewrite(name, "".join(line for line in lines if not _says(line, rule)))


def _loaded_file():
    """Returns the saved file of the service that runs; None if there is none."""
    for unit, name in SAVED.items():
        if host.exists(name) and systemd.runs(unit):
            return name
    return None


def _in_force():
    """Returns the rules of the table filter. Raises NoAnswer unless they are listed completely."""
    said = command.ask(["iptables-save", "-t", "filter"], seconds=30)
    # Without any rule some versions list nothing.
    name = _loaded_file()
    is_empty = not said.strip() and (name is None or ":INPUT" not in files.read_exactly(name))
    if not is_empty and (not said.endswith("\n") or "\n:INPUT " not in said or "\nCOMMIT\n" not in said):
        raise NoAnswer("{}: iptables-save does not list its rules in full".format(host.name()), log=said)
    return said


def _is_in_force(rule):
    return command.holds(["iptables", "-w", "-C", "INPUT"] + rule.split(), seconds=30)


def _end(text, interfaces):
    """Returns the number of the rule of INPUT that refuses the rest; 0 if its policy does; None if nothing does."""
    number, refuses_by_policy = 0, False
    for line in _filter_lines(text):
        refuses_by_policy = refuses_by_policy or _POLICY.match(line) is not None
        if line.startswith("-A INPUT "):
            number += 1
            if _refuses_the_rest(line, interfaces):
                return number
    return 0 if refuses_by_policy else None


def _filter_lines(text):
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line.strip()
        elif table == "*filter":
            yield _COUNTERS.sub("", line)


def _refuses_the_rest(line, interfaces):
    match, mark, target = _COUNTERS.sub("", line.rstrip()).partition(" -j ")
    bare = re.sub(r" ({})(?= |$)".format(_OF_EVERYBODY.format("|".join(map(re.escape, interfaces)))), "", match)
    return _REFUSAL.match(bare + mark + target) is not None


def _with(text, rule, interfaces):
    """Returns a saved file's text with the rule; None if it has it already, or refuses nothing."""
    if any(_says(line, rule) for line in text.splitlines()) or _end(text, interfaces) is None:
        return None
    new, table, done = [], "", False
    for line in text.splitlines(True):
        table = line.strip() if line.startswith("*") else table
        is_end = line.strip() == "COMMIT" or _refuses_the_rest(line, interfaces)
        if table == "*filter" and is_end and not done:
            new.append("-A INPUT {}\n".format(rule))
            done = True
        new.append(line)
    return "".join(new)


def _says(line, rule):
    """Whether a saved line is the rule, as it was written or as iptables-save writes it."""
    said = _COUNTERS.sub("", line.strip())
    return said.replace('"', "").replace(" -p vrrp ", " -p 112 ") == "-A INPUT " + rule


def _rewrite(name, text):
    found = os.stat(host.path(name))
    files.write(name, text, mode=found.st_mode & 0o7777, owner=(found.st_uid, found.st_gid))
