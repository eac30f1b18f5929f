"""Marks this machine as a stack's, before anything else is done on it.

Where the program has not set up the machine yet, the files that it will replace are kept first.
"""

from .. import host, kept, owner
from ..errors import StepError

TIMEOUT_SECONDS = 60


def arguments(parser):
    parser.add_argument("--stack-id", required=True, help="what tells the stack from others of its name")
    parser.add_argument("--stack", required=True, help="the stack's name")
    parser.add_argument("--host", required=True, help="the machine's name in the stack")
    parser.add_argument("--role", required=True, choices=("broker", "balancer"), help="what the machine is for")
    parser.add_argument("--identity", required=True, help="what tells the machine from others of its name")
    parser.add_argument("--take-over", action="store_true", help="also where it is another stack's")


def run(wanted):
    found = owner.read()
    if found is not None and found.stack_id != wanted.stack_id and not wanted.take_over:
        raise StepError(
            "{}: this machine belongs to stack {} as {}".format(host.name(), found.stack, found.host_name),
            "Give another machine, or take it from that stack: npm run up -- --take-over {} --stack {}".format(
                wanted.host, wanted.stack
            ),
        )
    if found is None or found.role != wanted.role:
        kept.keep_all(wanted.role)
    identity = wanted.identity
    if found is not None and found.is_same(wanted.stack_id, wanted.host):
        identity = found.identity
    owner.Owner(wanted.stack_id, wanted.stack, wanted.host, wanted.role, identity).write()
