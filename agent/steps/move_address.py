"""Has the account route the virtual address to this host, once Keepalived has set it here.

With --there it changes nothing: its exit code says whether the account routes the address here.
"""

import contextlib
import os
import re
import sys

from .. import clock, command, files, host, interfaces, lock
from ..arguments import listed
from ..errors import NoAnswer, StepError

# It has a deadline of its own, and after that watches the address as long as it is called again.
TIMEOUT_SECONDS = None
LOCK = None

RUNNING = "move-address"
AGAIN = host.RUN + "/move-address.again"
TAG = "rabbitmq-ha-address"

# The names of a role's keys at the metadata service, and those that the CLI reads.
KEYS = {"AccessKeyId": "AWS_ACCESS_KEY_ID", "SecretAccessKey": "AWS_SECRET_ACCESS_KEY", "Token": "AWS_SESSION_TOKEN"}


def arguments(parser):
    parser.add_argument("--there", action="store_true", help="only say by the exit code whether it is sent here")
    parser.add_argument("--address", required=True, help="the virtual address")
    parser.add_argument("--interface", required=True, help="the interface on which Keepalived sets it")
    parser.add_argument("--region", required=True, help="the account's region")
    parser.add_argument("--network-interface", required=True, metavar="ID", help="this host's own, in the account")
    parser.add_argument(
        "--route-tables",
        default=[],
        type=listed,
        metavar="IDS",
        help="those that have a route to it; without any it is a secondary address",
    )
    parser.add_argument("--old-aws-cli", action="store_true", help="the CLI has to be given its role's keys")
    parser.add_argument("--patience", type=float, default=10, metavar="SECONDS", help="how long a call may take (10)")
    parser.add_argument("--deadline", type=float, default=120, metavar="SECONDS", help="when it is given up (120)")
    parser.add_argument(
        "--settle", type=float, default=5, metavar="SECONDS", help="after which it is looked at again (5)"
    )


def run(wanted):
    account = Account(wanted)
    if wanted.there:
        return 0 if account.sends_here() else 1
    # One at a time: two masters that hear each other would call this with every advertisement. A running one sees the
    # mark. It checks the mark once more after it has released the lock, so that no call is lost.
    files.write(AGAIN, "")
    failure = None
    while host.exists(AGAIN):
        failure = None
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock.held(RUNNING, 0))
            except StepError:
                return 0
            files.remove(AGAIN)
            try:
                _take_and_look_after(account, wanted)
            except StepError as given_up:
                failure = given_up  # unless somebody has called meanwhile
    if failure is not None:
        raise failure
    return 0


def _take_and_look_after(account, wanted):
    started = clock.now()
    if not _take(account, wanted):
        return
    _say(wanted, "here after {:.0f} s, at {}".format(clock.now() - started, wanted.network_interface))
    # A call of the former holder's, or of a host that takes itself for the holder, may have been under way.
    while True:
        files.remove(AGAIN)
        clock.pause(wanted.settle)
        if _holds(wanted) is not False and not _is_there(account) and not _take(account, wanted):
            return
        if not host.exists(AGAIN):
            return


def _is_there(account):
    try:
        return account.sends_here()
    except NoAnswer:
        return False


def _holds(wanted):
    """Whether this host holds the address; None if that is unknown."""
    try:
        return interfaces.holds(wanted.address, wanted.interface)
    except NoAnswer:
        return None


def _take(account, wanted):
    """Returns True once the account routes the address here, False if another host holds it.

    Raises StepError at the deadline.
    """
    started = clock.now()
    while True:
        held = _holds(wanted)
        if held is False:
            clock.pause(1)
            held = _holds(wanted)
        if held is False:
            _say(wanted, "held by another host by now")
            return False
        said = _bring(account) if held else "it is not to be known whether this host holds it"
        if not said:
            return True
        seconds = clock.now() - started
        _say(wanted, "not here after {:.0f} s: {}".format(seconds, said))
        if seconds >= wanted.deadline:
            words = "given up, so nobody reaches it; once the cause is gone, run {}".format(_itself())
            _say(wanted, words)
            raise StepError("{}: {}: {}".format(host.name(), wanted.address, words), log=said)
        clock.pause(1)


def _bring(account):
    """Has the account route the address here, and checks that. Returns what prevents it, or an empty text."""
    try:
        account.send_here()
        return "" if account.sends_here() else "the account sends it to another interface"
    except NoAnswer as failure:
        return failure.message


def _itself():
    """Returns what is to be run again: the file that Keepalived calls."""
    return sys.argv[0] if "move-address" in os.path.basename(sys.argv[0]) else "this again"


def _say(wanted, words):
    text = "{}: {}\n".format(wanted.address, words)
    try:
        command.execute(["systemd-cat", "-t", TAG], stdin=text, seconds=10)
    except (command.Timeout, OSError):
        print(text, end="", file=sys.stderr)


class Account:
    """Questions and commands to the account, by AWS's CLI."""

    def __init__(self, wanted):
        self._wanted = wanted

    def send_here(self):
        """Has the account route the address here.

        Raises NoAnswer if one of the calls fails; the others are made all the same.
        """
        address, here = self._wanted.address, self._wanted.network_interface
        if not self._wanted.route_tables:
            words = ["--allow-reassignment", "--network-interface-id", here, "--private-ip-addresses", address]
            self._call("assign-private-ip-addresses", *words)
            return
        failure = None
        for table in self._wanted.route_tables:
            words = ["--route-table-id", table, "--destination-cidr-block", address + "/32"]
            try:
                self._call("replace-route", *(words + ["--network-interface-id", here]))
            except NoAnswer as refused:
                failure = refused
        if failure is not None:
            raise failure

    def sends_here(self):
        """Whether the address is routed here. Raises NoAnswer if the account does not answer."""
        address, here, tables = self._wanted.address, self._wanted.network_interface, self._wanted.route_tables
        if not tables:
            query = "NetworkInterfaces[].PrivateIpAddresses[].PrivateIpAddress"
            said = self._call("describe-network-interfaces", "--network-interface-ids", here, "--query", query)
            return address in said.split()
        query = "RouteTables[].Routes[?DestinationCidrBlock=='{}/32'][].[NetworkInterfaceId,State]".format(address)
        said = self._call("describe-route-tables", "--route-table-ids", *(tables + ["--query", query]))
        return said.splitlines().count(here + "\tactive") == len(tables)

    def _call(self, action, *words):
        """Returns EC2's answer to one call."""
        seconds = self._wanted.patience
        try:
            result = command.execute(["aws", "ec2", action] + list(words), seconds=seconds, extra=self._environment())
        except (command.Timeout, OSError) as failure:
            raise NoAnswer("{}: {}".format(action, failure))
        if result.code != 0:
            said = [line for line in (result.output + result.errors).splitlines() if line.strip()]
            raise NoAnswer("{}: {}".format(action, said[-1] if said else "it ended with {}".format(result.code)))
        return result.output

    def _environment(self):
        values = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
        values.update(
            {
                "AWS_DEFAULT_REGION": self._wanted.region,
                "AWS_DEFAULT_OUTPUT": "text",
                "AWS_PAGER": "",
                "AWS_MAX_ATTEMPTS": "1",
                "AWS_METADATA_SERVICE_TIMEOUT": "2",
            }
        )
        if self._wanted.old_aws_cli:
            values.update(_keys_of_the_role())
        return values


def _keys_of_the_role():
    """Returns the keys of this machine's role.

    An old CLI does not know the second version of the metadata service, and the first is off.
    """
    service = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254") + "/latest"
    credentials = service + "/meta-data/iam/security-credentials/"
    curl = ["curl", "-sf", "-m", "2"]

    def ask(path):
        # On standard input, so that nobody else sees the token.
        header = 'header = "X-aws-ec2-metadata-token: {}"\n'.format(token)
        return command.ask(curl + ["-K", "-", credentials + path], stdin=header, seconds=5)

    try:
        lifetime = "X-aws-ec2-metadata-token-ttl-seconds: 60"
        token = command.ask(curl + ["-X", "PUT", "-H", lifetime, service + "/api/token"], seconds=5).strip()
        found = ask(ask("").strip())
    except NoAnswer:
        return {}
    fields = dict(re.findall(r'"(\w+)"\s*:\s*"([^"]*)"', found))
    return {name: fields[field] for field, name in KEYS.items() if field in fields}
