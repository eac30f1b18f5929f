"""Routing the virtual address to this host: one run at a time, until it works, and never away from its holder.

The real CLI is called in tests/e2e/aws-move.test.ts.
"""

import os
import unittest

from agent import lock

from .support import Ended, Hangs, HostTest
from .test_holder import LO, inet

ADDRESS = "10.255.255.100"
COMMON = ("move-address", "--address", ADDRESS, "--interface", "ens5", "--region", "eu-central-1")
COMMON += ("--network-interface", "eni-here", "--patience", "10", "--deadline", "120", "--settle", "5")
ROUTE = COMMON + ("--route-tables", "rtb-1,rtb-2")
HELD = LO + inet("ens5", ADDRESS)
AGAIN = "/run/rabbitmq-ha/move-address.again"


class MoveAddress(HostTest):
    name = "lb1"

    def start(self):
        super().start()
        self.said = []
        # By route table, or for the secondary address: the interface that it is routed to.
        self.tables = {"rtb-1": "eni-other", "rtb-2": "eni-other"}
        self.addresses = HELD
        self.on("ip -o -4 addr show", lambda call: self.addresses)
        self.on("systemd-cat -t rabbitmq-ha-address", lambda call: self.said.append(call.stdin))
        self.on("ec2 replace-route", self.replace)
        self.on("ec2 assign-private-ip-addresses", self.assign)
        self.on("ec2 describe-route-tables", self.tables_said)
        self.on("ec2 describe-network-interfaces", self.interface_said)

    def replace(self, call):
        words = call.words
        self.tables[words[words.index("--route-table-id") + 1]] = words[words.index("--network-interface-id") + 1]

    def assign(self, call):
        self.assertIn("--allow-reassignment", call.words)
        self.tables = {"rtb-1": "eni-here"}

    def tables_said(self, _call):
        return "".join("{}\tactive\n".format(each) for each in self.tables.values())

    def interface_said(self, _call):
        return "10.20.1.21{}\n".format("\t" + ADDRESS if "eni-here" in self.tables.values() else "\t10.255.255.10")

    def actions(self):
        return [call.words[2] for call in self.calls if call.program == "aws"]

    def test_a_route_in_two_tables_comes_here_and_that_is_looked_up_twice(self):
        self.works(*ROUTE)
        self.assertEqual(self.tables, {"rtb-1": "eni-here", "rtb-2": "eni-here"})
        self.assertEqual(self.actions(), ["replace-route"] * 2 + ["describe-route-tables"] * 2)
        self.assertEqual(self.said, ["10.255.255.100: here after 0 s, at eni-here\n"])
        self.assertEqual(self.time, 1005.0)
        environment = self.calls[1].options["extra"]
        self.assertEqual(environment["AWS_DEFAULT_REGION"], "eu-central-1")
        self.assertEqual(environment["AWS_MAX_ATTEMPTS"], "1")
        self.assertEqual(self.calls[1].options["seconds"], 10)

    def test_a_secondary_address_comes_here(self):
        self.works(*COMMON)
        looks = ["describe-network-interfaces"] * 2
        self.assertEqual(self.actions(), ["assign-private-ip-addresses"] + looks)

    def test_there_changes_nothing(self):
        self.assertEqual(self.step(*(ROUTE + ("--there",))), 1)
        self.tables["rtb-1"] = "eni-here"
        self.assertEqual(self.step(*(ROUTE + ("--there",))), 1, "one table of two")
        self.tables["rtb-2"] = "eni-here"
        self.works(*(ROUTE + ("--there",)))
        self.assertEqual(set(self.actions()), {"describe-route-tables"})
        self.assertEqual(self.said, [])

    def test_an_address_with_the_same_beginning_is_a_different_one(self):
        self.assertEqual(self.step(*(COMMON + ("--there",))), 1)

    def test_there_fails_without_an_answer(self):
        self.tables = {"rtb-1": "eni-here", "rtb-2": "eni-here"}
        good = self.tables_said(None)
        for said in (Ended(254, "", "\nAn error occurred\n"), Hangs(), "", good[: len(good) // 2], "None\n"):
            self.on("ec2 describe-route-tables", said)
            self.assertEqual(self.step(*(ROUTE + ("--there",))), 1)

    def test_it_is_tried_again_after_calls_that_fail_hang_or_do_nothing(self):
        verdicts = [
            Ended(254, "", "\nAn error occurred (RequestLimitExceeded) when calling ReplaceRoute\n"),
            Hangs(),
            "",
        ]

        def judged(call):
            if "rtb-1" in call.words and verdicts:
                raise_or_say = verdicts.pop(0)
                if isinstance(raise_or_say, Exception):
                    raise raise_or_say
                return raise_or_say
            return self.replace(call)

        self.on("ec2 replace-route", judged)
        self.works(*ROUTE)
        self.assertEqual(self.tables, {"rtb-1": "eni-here", "rtb-2": "eni-here"})
        words = "10.255.255.100: not here after {} s: {}\n"
        self.assertEqual(
            self.said[:3],
            [
                words.format(0, "replace-route: An error occurred (RequestLimitExceeded) when calling ReplaceRoute"),
                words.format(1, self.said[1].split(" s: ")[1].strip()),
                words.format(2, "the account sends it to another interface"),
            ],
        )
        self.assertIn("was not done after 10 s", self.said[1])

    def test_every_table_is_changed_even_if_one_refuses(self):
        self.on("ec2 replace-route", lambda call: Ended(254, "", "no") if "rtb-1" in call.words else self.replace(call))
        self.refuses(*ROUTE)
        self.assertEqual(self.tables, {"rtb-1": "eni-other", "rtb-2": "eni-here"})

    def test_at_the_deadline_it_gives_up_with_the_accounts_message_and_a_remedy(self):
        self.on("ec2 replace-route", Ended(254, "", "\nAn error occurred (UnauthorizedOperation)\n"))
        self.refuses(*ROUTE, because="given up, so nobody reaches it; once the cause is gone, run")
        self.assertEqual(self.time, 1120.0)
        self.assertIn("(UnauthorizedOperation)", self.said[-2])
        self.assertIn("10.255.255.100: given up, so nobody reaches it; once the cause is gone, run ", self.said[-1])

    def test_the_address_is_left_to_its_current_holder(self):
        self.addresses = LO
        self.works(*ROUTE)
        self.assertEqual(self.actions(), [])
        self.assertEqual(self.said, ["10.255.255.100: held by another host by now\n"])
        self.assertEqual(self.time, 1001.0)

    def test_an_address_that_is_set_only_now_is_waited_for_a_second(self):
        looks = [LO, HELD]
        self.on("ip -o -4 addr show", lambda call: looks.pop(0) if len(looks) > 1 else looks[0])
        self.works(*ROUTE)
        self.assertIn("here after", self.said[-1])

    def test_without_an_answer_of_this_host_itself_nothing_is_taken_from_another_one(self):
        for said in (Ended(1), Hangs(), "", HELD[:-30]):
            self.start()
            self.addresses = said
            self.refuses(*ROUTE, because="given up")
            self.assertEqual(self.actions(), [])
            self.assertIn("it is not to be known whether this host holds it", self.said[0])

    def test_it_is_taken_back_from_a_late_call_of_its_former_holder(self):
        def late(seconds):
            if seconds == 5 and not self.stolen:
                self.stolen = True
                self.tables = {"rtb-1": "eni-other", "rtb-2": "eni-here"}
            self.time += seconds

        self.stolen = False
        self.waiting = late
        self.works(*ROUTE)
        self.assertEqual(self.tables, {"rtb-1": "eni-here", "rtb-2": "eni-here"})

    def wait(self, seconds):
        getattr(self, "waiting", super().wait)(seconds)

    def test_one_runs_at_a_time_and_a_second_call_makes_it_check_once_more(self):
        codes = []

        def second(seconds):
            self.time += seconds
            if seconds == 5 and not codes:
                before = len(self.calls)
                codes.append(self.step(*ROUTE))
                self.assertEqual(self.calls[before:], [], "the second one did something itself")
                self.assertTrue(self.has(AGAIN))

        self.waiting = second
        self.works(*ROUTE)
        self.assertEqual(codes, [0])
        self.assertEqual(self.actions()[-3:], ["describe-route-tables"] * 3)
        self.assertFalse(self.has(AGAIN))

    def test_a_call_that_comes_as_the_first_one_ends_is_not_lost(self):
        held = lock.held

        def last_moment(step, seconds):
            """The second call comes when the first one has checked for it, and still has the lock."""
            manager = held(step, seconds)

            class Held:
                def __enter__(_self):
                    return manager.__enter__()

                def __exit__(_self, *why):
                    if not self.came:
                        self.came = True
                        self.put(AGAIN)
                    return manager.__exit__(*why)

            return Held()

        self.came = False
        self._stack.callback(setattr, lock, "held", held)
        lock.held = last_moment
        self.works(*ROUTE)
        self.assertEqual(len(self.said), 2)
        self.assertFalse(self.has(AGAIN))

    def test_a_call_that_comes_as_the_first_one_gives_up_is_not_lost(self):
        codes = []

        def second(seconds):
            self.time += seconds
            if self.time >= 1119 and not codes:
                codes.append(self.step(*ROUTE))

        self.waiting = second
        # The account accepts calls again only once the first call is over.
        self.on("ec2 replace-route", lambda call: self.replace(call) if self.time > 1120 else Ended(254, "", "no"))
        self.works(*ROUTE)
        self.assertEqual(codes, [0])
        self.assertEqual(self.tables, {"rtb-1": "eni-here", "rtb-2": "eni-here"})
        self.assertFalse(self.has(AGAIN))

    def test_an_old_cli_is_given_its_roles_keys(self):
        service = "http://169.254.169.254/latest"
        keys = (
            '{\n  "Code" : "Success",\n  "AccessKeyId" : "ASIA",\n  "SecretAccessKey" : "s/e+c",\n  "Token" : "t=="\n}'
        )
        self.on("curl -sf -m 2 -X PUT", "session\n")
        self.on("security-credentials/", lambda call: keys if call.words[-1].endswith("/the-role") else "the-role")
        self.works(*(ROUTE + ("--old-aws-cli",)))
        call = next(call for call in self.calls if call.program == "aws")
        extra = call.options["extra"]
        found = [extra[key] for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
        self.assertEqual(found, ["ASIA", "s/e+c", "t=="])
        asked = [call for call in self.calls if call.program == "curl"]
        self.assertIn(service + "/api/token", asked[0].words)
        self.assertEqual(asked[1].stdin, 'header = "X-aws-ec2-metadata-token: session"\n')
        self.assertFalse(any("session" in " ".join(call.words) for call in asked))

    def test_an_old_cli_without_keys_is_called_all_the_same(self):
        self.on("curl", Hangs())
        self.works(*(ROUTE + ("--old-aws-cli",)))

    def test_settings_for_the_cli_are_passed_on(self):
        os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
        self.addCleanup(os.environ.pop, "AWS_ENDPOINT_URL")
        self.works(*ROUTE)
        self.assertEqual(self.calls[1].options["extra"]["AWS_ENDPOINT_URL"], "http://127.0.0.1:1")

    def test_a_failing_journal_does_not_stop_the_move(self):
        for mode in (Ended(1), Hangs()):
            self.start()
            self.on("systemd-cat", mode)
            self.works(*ROUTE)
            self.assertEqual(self.tables, {"rtb-1": "eni-here", "rtb-2": "eni-here"})


if __name__ == "__main__":
    unittest.main()
