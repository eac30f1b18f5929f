"""The host's own firewall: firewalld, ufw, or nftables or saved rules of iptables that refuse something.

What was opened in firewalld, ufw and iptables is recorded, one line each: the firewall and its own arguments. nftables' rules
have a comment. A firewall that does not say whether it runs counts neither as running nor as stopped.
"""

import collections
import contextlib
import os
import re

from . import command, files, firewalld_zones, host, iptables, systemd
from .errors import NoAnswer, StepError

OPENED = host.STATE + "/firewall"
RULES = "/etc/nftables-rabbitmq-ha.nft"
DROP_IN = "/etc/systemd/system/nftables.service.d/rabbitmq-ha.conf"
COMMENT = "rabbitmq-ha"

# firewall-cmd's exit codes (firewall.errors): the daemon does not run; the zone does not exist.
_NOT_RUNNING = 252
_INVALID_ZONE = 112

# protocol: tcp or vrrp. ports: one, a range, or - for vrrp. source: an address or any.
Rule = collections.namedtuple("Rule", "protocol ports source")


def running(interfaces):
    """Returns firewalld, ufw, nftables, iptables or None. Raises NoAnswer if one does not say whether it runs."""
    if host.which("firewall-cmd") and _firewalld_runs():
        return "firewalld"
    if host.which("ufw") and _ufw_runs():
        return "ufw"
    if host.which("nft") and systemd.runs("nftables") and _guards(_ruleset()):
        return "nftables"
    return "iptables" if iptables.refuses(interfaces) else None


def let_in(rules, interfaces):
    """Opens exactly these rules, permanently, for these interfaces. Closes what was opened and is not wanted any more."""
    firewall = running(interfaces)
    if firewall == "nftables":
        _in_nftables(rules)
    elif firewall is not None:
        _by_words(firewall, rules, interfaces)


def close_all():
    """Closes all that the program has opened. Returns what could not be closed, one line each."""
    left = {}
    for line in _opened():
        try:
            _close(line)
        except StepError as failure:
            left[line] = "{}: {}".format(line, failure.message)
    if left:
        _note(list(left))
    else:
        files.remove(OPENED)
    said = list(left.values())
    if host.exists(RULES) or host.exists(DROP_IN):
        # Without this file, rules that are still in force are gone after the next boot.
        files.remove(RULES)
        try:
            deletions = _deletions(_ruleset())
            if deletions:
                command.do(["nft", "-f", "-"], stdin=deletions, seconds=30)
        except StepError as failure:
            said.append("nftables: {}".format(failure.message))
        # Removed last, so that the next run repeats an interrupted clean-up.
        files.remove(DROP_IN)
        with contextlib.suppress(OSError):  # another's drop-in may be in it
            os.rmdir(host.path(os.path.dirname(DROP_IN)))
    return said


# Which firewall runs


def _firewalld_runs():
    if command.holds(["firewall-cmd", "-q", "--state"], no=_NOT_RUNNING, seconds=30):
        return True
    # It also says so if it cannot reach the daemon.
    if systemd.runs("firewalld"):
        raise NoAnswer(
            "{}: firewall-cmd says that firewalld does not run, and systemd that it does".format(host.name()),
            "see that firewall-cmd --state answers, then run this again",
        )
    return False


def _ufw_runs():
    said = command.ask(["ufw", "status"], seconds=30)
    match = re.match(r"Status: (active|inactive)$", said, re.MULTILINE)
    if match is None:
        raise NoAnswer("{}: ufw does not say whether it is active".format(host.name()), log=said)
    return match.group(1) == "active"


# firewalld, ufw and iptables, which take commands


def _opened():
    return [line for line in files.read(OPENED, "").splitlines() if line]


def _note(lines):
    files.write(OPENED, "".join(line + "\n" for line in lines))


def _by_words(firewall, rules, interfaces):
    if firewall == "firewalld":
        wanted = [_firewalld_line(rule, zone) for zone, rule in firewalld_zones.of_rules(rules, interfaces)]
    elif firewall == "ufw":
        wanted = [_ufw_line(rule) for rule in rules]
    else:
        wanted = ["iptables " + iptables.specification(rule, COMMENT) for rule in rules]
    opened = _opened()
    for line in wanted:
        if _is_open(line, interfaces):
            continue
        # Recorded first, so that every open rule is known to be ours.
        if line not in opened:
            opened.append(line)
            _note(opened)
        _open(line, interfaces)
    for line in [each for each in opened if each not in wanted]:
        _close(line)
        opened.remove(line)
        _note(opened)


def _firewalld_line(rule, zone):
    source = "" if rule.source == "any" else ' source address="{}"'.format(rule.source)
    what = 'protocol value="vrrp"'
    if rule.protocol == "tcp":
        what = 'port port="{}" protocol="tcp"'.format(rule.ports)
    return 'firewalld {} rule family="ipv4"{} {} accept'.format(zone, source, what)


def _ufw_line(rule):
    if rule.protocol == "vrrp":
        return "ufw from {} proto vrrp".format(rule.source)
    ports = rule.ports.replace("-", ":")
    if rule.source == "any":
        return "ufw {}/tcp".format(ports)
    return "ufw from {} to any port {} proto tcp".format(rule.source, ports)


def _firewalld_words(action, zone, rule, permanent, program="firewall-cmd"):
    for_good = ["--permanent"] if permanent else []
    return [program, "-q"] + for_good + ["--zone=" + zone, "--{}-rich-rule={}".format(action, rule)]


def _is_open(line, interfaces):
    """Whether the rule is open, now and permanently, whoever has opened it."""
    firewall, words = line.split(" ", 1)
    if firewall == "iptables":
        return iptables.is_open(words, interfaces)
    if firewall == "ufw":
        said = command.ask(["ufw", "show", "added"], seconds=30)
        if not said.startswith("Added user rules") or not said.endswith("\n"):
            raise NoAnswer("{}: ufw does not say what it lets in".format(host.name()), log=said)
        allowed = "ufw allow " + words
        return any(each == allowed or each.startswith(allowed + " comment ") for each in said.splitlines())
    zone, rule = words.split(" ", 1)
    return all(
        command.holds(_firewalld_words("query", zone, rule, permanent), seconds=30) for permanent in (True, False)
    )


def _open(line, interfaces):
    firewall, words = line.split(" ", 1)
    if firewall == "iptables":
        iptables.open_(words, interfaces)
        return
    if firewall == "ufw":
        command.do(["ufw", "allow"] + words.split() + ["comment", COMMENT], seconds=60)
        return
    zone, rule = words.split(" ", 1)
    # Adding an existing rule is no error.
    for permanent in (True, False):
        command.do(_firewalld_words("add", zone, rule, permanent), seconds=60)


def _close(line):
    """Closes what was opened, also in a firewall that does not run any more. One that is not installed has no rules."""
    firewall, words = line.split(" ", 1)
    if firewall == "iptables":
        iptables.close(words)
        return
    if firewall == "ufw":
        if host.which("ufw"):
            command.do(["ufw", "delete", "allow"] + words.split(), seconds=60)
        return
    zone, rule = words.split(" ", 1)
    if not host.which("firewall-cmd"):
        return
    places = [("firewall-cmd", True), ("firewall-cmd", False)]
    if not _firewalld_runs():
        places = [("firewall-offline-cmd", False)]
    for program, permanent in places:
        # A removed zone has no rules any more.
        question = _firewalld_words("query", zone, rule, permanent, program)
        if command.holds(question, no=(1, _INVALID_ZONE), seconds=30):
            command.do(_firewalld_words("remove", zone, rule, permanent, program), seconds=60)


# nftables, which takes rule sets


def _ruleset():
    """Returns all rules, each with its handle. Raises NoAnswer unless nft lists them completely."""
    said = command.ask(["nft", "-a", "list", "ruleset"], seconds=30)
    bare = _bare(said)
    if bare.count("{") != bare.count("}") or (said and not said.endswith("\n")):
        raise NoAnswer("{}: nft does not list its rules in full".format(host.name()))
    return said


def _bare(text):
    """Returns rules without the contents of their comments."""
    return re.sub(r'"[^"\n]*"', '""', text)


def _lines_of_chains(ruleset):
    """Yields each line of each chain, with the chain's family, table and name."""
    table, chain = (), None
    for line in ruleset.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "table":
            table = words[1:3]
        elif words[0] == "chain":
            chain = words[1]
        elif words[0] == "}":
            chain = None
        elif chain is not None:
            yield (*table, chain), line


# A list of banned addresses, as fail2ban, CrowdSec and sshguard have it in tables of their own, which come only after the
# firewall's. They shall stay banned.
_BANS = re.compile(r"\bip6? saddr @")


def _guards(ruleset):
    """Returns the input chains that refuse something, and not only what is banned."""
    inputs, refusing = [], set()
    for chain, line in _lines_of_chains(ruleset):
        bare = _bare(line)
        if "type filter hook input" in bare:
            inputs.append(chain)
            if "policy drop" in bare:
                refusing.add(chain)
        elif re.search(r"(^|\s)(drop|reject)(\s|$)", bare) and not _BANS.search(bare):
            refusing.add(chain)
    return [chain for chain in inputs if chain in refusing and chain[0] in ("inet", "ip")]


def _deletions(ruleset):
    """Returns the commands that delete the program's own rules in force, one line each."""
    return "".join(
        "delete rule {} {} {} handle {}\n".format(*chain, line.split()[-1])
        for chain, line in _lines_of_chains(ruleset)
        if 'comment "{}"'.format(COMMENT) in line
    )


def _insertion(chain, rule):
    match = "" if rule.source == "any" else "ip saddr {} ".format(rule.source)
    match += "tcp dport {}".format(rule.ports) if rule.protocol == "tcp" else "ip protocol 112"
    return 'insert rule {} {} {} {} accept comment "{}"\n'.format(*chain, match, COMMENT)


def _in_nftables(rules):
    ruleset = _ruleset()
    new = "".join(_insertion(chain, rule) for chain in _guards(ruleset) for rule in rules)
    deletions = _deletions(ruleset)
    # The user's own file stays as it is. If its chains change one day, our rules fail to load (`-` ignores that), and
    # the user's rules are loaded all the same.
    load = "-{} -f {}".format(_nft(), RULES)
    drop_in = "# Written by rabbitmq-ha.\n[Service]\nExecStartPost={0}\nExecReload={0}\n".format(load)
    are_in_force = files.read(RULES, "") == new and deletions.count("\n") == new.count("\n")
    if not new or (are_in_force and files.read(DROP_IN, "") == drop_in):
        return
    if not are_in_force:
        # In one transaction, so that the rules are in force at every moment.
        command.do(["nft", "-f", "-"], stdin=deletions + new, seconds=30)
        files.write(RULES, new)
    files.write(DROP_IN, drop_in)
    try:
        systemd.reload_units()
    except BaseException:
        # Removed so that the next run sees that the reload is still to be done.
        files.remove(DROP_IN)
        raise


def _nft():
    folders = ("/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin")
    return next((folder + "/nft" for folder in folders if host.exists(folder + "/nft")), "/usr/sbin/nft")
