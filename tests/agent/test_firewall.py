"""What is opened in the host's own firewall, that all of it can be closed, and that silence is no answer."""

import os
import re
import unittest

from agent import files, firewall
from agent.errors import StepError, Stopped

from .support import Ended, Hangs, HostTest

RULES = ["tcp 5672 10.0.0.8", "tcp 15672 any", "tcp 35672-35682 10.0.0.2", "vrrp - 10.0.0.9"]
FIREWALLD = [
    'rule family="ipv4" source address="10.0.0.8" port port="5672" protocol="tcp" accept',
    'rule family="ipv4" port port="15672" protocol="tcp" accept',
    'rule family="ipv4" source address="10.0.0.2" port port="35672-35682" protocol="tcp" accept',
    'rule family="ipv4" source address="10.0.0.9" protocol value="vrrp" accept',
]
UFW = [
    "allow from 10.0.0.8 to any port 5672 proto tcp",
    "allow 15672/tcp",
    "allow from 10.0.0.2 to any port 35672:35682 proto tcp",
    "allow from 10.0.0.9 proto vrrp",
]
NFT = [
    "ip saddr 10.0.0.8 tcp dport 5672",
    "tcp dport 15672",
    "ip saddr 10.0.0.2 tcp dport 35672-35682",
    "ip saddr 10.0.0.9 ip protocol 112",
]
GUARD = "type filter hook input priority filter; policy drop;"
CHANGES = ("-rich-rule=", "ufw allow", "ufw delete", "nft -f")


class FirewallTest(HostTest):
    def words(self, rules=RULES):
        return ("firewall", "--interface", "eth0", "--rules", ",".join(rules))

    def state_of(self, unit, state):
        self.on("systemctl show {} ".format(unit), "ActiveState={}\n".format(state))


class Firewalld(FirewallTest):
    def given(self, zone_of_interface=None, sources=(), permanently=(), target="default"):
        """sources, permanently: what the zone internal is bound to; target: what it does with other packets."""
        self.open = {True: [], False: []}
        self.runs = True
        self.on("firewall-cmd --state", self.said_state)
        self.state_of("firewalld", "active")
        answer = Ended(2, "no zone\n") if zone_of_interface is None else zone_of_interface + "\n"
        self.on("--get-zone-of-interface=eth0", answer)
        self.on("--get-default-zone", "public\n")
        self.on("-rich-rule=", self.rich_rule)
        self.on("--get-zones", "internal public\n")
        self.on("--list-all-zones", self.described(sources, target))
        self.on("--permanent --list-all-zones", self.described(permanently, target))

    @staticmethod
    def described(sources, target):
        zone = "{}\n  target: {}\n  interfaces: {}\n  sources: {}\n  ports: \n  rich rules: \n\trule x accept\n\n"
        return zone.format("internal (active)", target, "", " ".join(sources)) + zone.format(
            "public (default, active)", "default", "eth0", ""
        )

    def said_state(self, _call):
        if not self.runs:
            raise Ended(252, "", "not running")

    def rich_rule(self, call):
        state = self.open["--permanent" in call.words or call.program == "firewall-offline-cmd"]
        zone = next(word for word in call.words if word.startswith("--zone="))[7:]
        action, rule = re.match("--(query|add|remove)-rich-rule=(.*)", call.words[-1]).groups()
        if action == "query":
            if (zone, rule) not in state:
                raise Ended(1)
        elif action == "add":
            state.append((zone, rule))
        else:
            state.remove((zone, rule))

    @staticmethod
    def rules(zone="public"):
        return [(zone, rule) for rule in FIREWALLD]

    def test_exactly_these_rules_are_opened_now_and_permanently_and_closed_again(self):
        self.given()
        for _ in range(2):
            self.works(*self.words())
            self.assertEqual(self.open, {True: self.rules(), False: self.rules()})
        self.works(*self.words(RULES[1:]))
        self.assertEqual(self.open, {True: self.rules()[1:], False: self.rules()[1:]})
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.open, {True: [], False: []})
        self.assertFalse(self.has(firewall.OPENED))

    def test_the_interfaces_zone_is_used_if_it_has_one(self):
        self.given(zone_of_interface="internal")
        self.works(*self.words())
        self.assertEqual(self.open[True], self.rules("internal"))

    def test_the_zones_of_all_interfaces_are_used_each_once(self):
        self.given(zone_of_interface="internal")
        self.on("--get-zone-of-interface=eth1", Ended(2, "no zone\n"))
        self.on("--get-zone-of-interface=eth2", "internal\n")
        self.works("firewall", "--interface", "eth0,eth1,eth2", *self.words()[3:])
        self.assertEqual(self.open[True], self.rules("internal") + self.rules("public"))

    def opened_for_source_zone(self, *sources, **more):
        self.start()
        self.given(sources=sources, **more)
        self.works(*self.words())
        self.assertEqual(self.open[True], self.open[False])
        self.assertEqual([each for each in self.open[True] if each[0] == "public"], self.rules())
        return [rule for zone, rule in self.open[True] if zone == "internal"]

    def test_a_zone_that_is_bound_to_a_source_is_opened_too_as_it_comes_before_the_interfaces(self):
        self.assertEqual(self.opened_for_source_zone("10.0.0.0/24"), FIREWALLD)
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.open, {True: [], False: []})
        # Also one that is bound only from firewalld's next start on.
        self.assertEqual(self.opened_for_source_zone(permanently=["10.0.0.0/255.255.255.0"]), FIREWALLD)

    def test_a_source_zone_gets_the_rules_for_whom_it_holds_and_for_any(self):
        self.assertEqual(
            self.opened_for_source_zone("10.0.0.8/31", "192.168.7.0/24"), [FIREWALLD[i] for i in (0, 1, 3)]
        )
        self.assertEqual(self.opened_for_source_zone("10.0.0.2"), FIREWALLD[1:3])
        self.assertEqual(self.opened_for_source_zone("192.168.7.0/24"), FIREWALLD[1:2])
        for unknown in ("02:00:00:00:00:01", "ipset:office"):
            self.assertEqual(self.opened_for_source_zone(unknown), FIREWALLD)
        self.assertEqual(self.opened_for_source_zone("2001:db8::/32"), [])

    def test_a_source_zone_that_keeps_its_sources_out_gets_the_peers_alone(self):
        for target in ("DROP", "%%REJECT%%"):
            peers = [FIREWALLD[i] for i in (0, 2, 3)]
            self.assertEqual(self.opened_for_source_zone("10.0.0.0/8", target=target), peers)

    def test_zones_that_firewalld_does_not_all_describe_are_an_error(self):
        whole = self.described(["10.0.0.0/24"], "default")
        for answer in (whole[: whole.index("public")], whole[: whole.index("  sources")], "", Ended(1), Hangs()):
            self.given()
            self.on("--list-all-zones", answer)
            self.refuses(*self.words())
            self.assertEqual(self.open, {True: [], False: []})

    def test_rules_of_somebody_else_stay_open(self):
        self.given()
        theirs = self.rules()[1]
        for state in self.open.values():
            state.append(theirs)
        self.works(*self.words())
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.open, {True: [theirs], False: [theirs]})

    def test_a_stopped_firewalld_is_closed_permanently_too(self):
        self.given()
        self.works(*self.words())
        self.runs = False
        self.state_of("firewalld", "inactive")
        self.on("firewall-offline-cmd", self.rich_rule)
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.open[True], [])

    def test_a_removed_zone_has_no_rules_to_close(self):
        self.given()
        self.works(*self.words())
        self.on("query-rich-rule", Ended(112, "", "INVALID_ZONE"))
        self.assertEqual(firewall.close_all(), [])

    def test_rules_that_cannot_be_closed_are_reported_and_stay_recorded(self):
        self.given()
        self.works(*self.words())
        self.on("remove-rich-rule=" + FIREWALLD[1], Ended(1, "", "no"))
        left = firewall.close_all()
        self.assertEqual(len(left), 1)
        self.assertEqual(self.read(firewall.OPENED), "firewalld public {}\n".format(FIREWALLD[1]))
        self.assertEqual(self.open[False], [self.rules()[1]])

    def test_a_stopped_firewalld_counts_as_no_firewall(self):
        self.given()
        self.runs = False
        self.state_of("firewalld", "inactive")
        self.works(*self.words())
        self.assertEqual(self.done(*CHANGES), [])

    def test_an_unreachable_firewalld_that_systemd_reports_as_running_is_an_error(self):
        self.given()
        self.runs = False
        for state in ("active", "activating", "deactivating"):
            self.state_of("firewalld", state)
            self.refuses(*self.words())

    def test_a_firewalld_that_failed_to_set_its_rules_is_an_error(self):
        self.given()
        self.on("--state", Ended(251, "", "failed"))
        self.refuses(*self.words(), because="ended with 251")

    def test_nothing_is_closed_without_a_complete_answer(self):
        def scenario():
            self.given()
            gone = ("public", "rule gone")
            self.open = {True: [gone], False: [gone]}
            self.put(firewall.OPENED, "firewalld public rule gone\n")

        self.sweep(scenario, self.words(), ("remove-rich-rule",))


class Ufw(FirewallTest):
    def given(self, *before):
        self.added = list(before)
        self.on("ufw status", "Status: active\n")
        self.on("ufw show added", self.shown)
        self.on("ufw allow", self.allow)
        self.on("ufw delete allow", self.delete)

    def shown(self, _call):
        head = "Added user rules (see 'ufw status' for running firewall):\n"
        return head + "".join("ufw {}\n".format(each) for each in self.added)

    def allow(self, call):
        words = call.words[1:]
        self.assertEqual(words[-2:], ["comment", "rabbitmq-ha"])
        self.added.append(" ".join(words[:-1]) + " 'rabbitmq-ha'")

    def delete(self, call):
        rule = " ".join(call.words[2:])
        self.added = [each for each in self.added if each.split(" comment ")[0] != rule]

    def test_exactly_these_rules_are_opened_once_and_closed_again(self):
        self.given()
        ours = [each + " comment 'rabbitmq-ha'" for each in UFW]
        for _ in range(2):
            self.works(*self.words())
            self.assertEqual(self.added, ours)
        self.works(*self.words(RULES[1:]))
        self.assertEqual(self.added, ours[1:])
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.added, [])

    def test_rules_of_somebody_else_stay_open(self):
        self.given(UFW[1])
        self.works(*self.words())
        self.assertEqual(len(self.added), len(RULES))
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.added, [UFW[1]])

    def test_an_inactive_ufw_counts_as_no_firewall(self):
        self.given()
        self.on("ufw status", "Status: inactive\n")
        self.works(*self.words())
        self.assertEqual(self.added, [])

    def test_nothing_is_closed_without_a_complete_answer(self):
        def scenario():
            self.given("allow from 10.0.0.7 comment 'rabbitmq-ha'")
            self.put(firewall.OPENED, "ufw from 10.0.0.7\n")

        # With half of the list of added rules, a rule is at most added once more, which ufw skips.
        self.sweep(scenario, self.words(), ("ufw delete",), except_for=("ufw show added",))

    def test_nothing_is_closed_where_ufw_does_not_say_what_it_lets_in(self):
        for answer in (Ended(1), Hangs(), "", "Added user ru"):
            self.given("allow from 10.0.0.7 comment 'rabbitmq-ha'")
            self.put(firewall.OPENED, "ufw from 10.0.0.7\n")
            self.on("ufw show added", answer)
            self.refuses(*self.words())
        self.assertEqual(self.done("ufw delete"), [])


class Nftables(FirewallTest):
    def given(self, guard=GUARD, rules=()):
        self.guard = guard
        self.rules = list(rules)
        self.put("/usr/sbin/nft")
        self.state_of("nftables", "active")
        self.on("nft -a list ruleset", self.listed)
        self.on("nft -f -", self.load)
        self.on("systemctl daemon-reload")

    def listed(self, _call):
        chain = ["\t\t{} # handle {}\n".format(rule, number) for number, rule in enumerate(self.rules, 7)]
        return "table inet filter {{ # handle 1\n\tchain input {{ # handle 2\n\t\t{}\n{}\t}}\n}}\n".format(
            self.guard, "".join(chain)
        )

    def load(self, call):
        before, first = list(self.rules), []
        for line in call.stdin.splitlines():
            if line.startswith("delete"):
                before.remove(self.rules[int(line.split()[-1]) - 7])
            else:
                first.append(line.replace("insert rule inet filter input ", ""))
        self.rules = first + before

    OURS = [each + ' accept comment "rabbitmq-ha"' for each in NFT]

    def test_the_rules_come_first_in_the_chain_that_refuses_and_are_loaded_at_each_start(self):
        self.given(rules=["ct state established accept"])
        for _ in range(2):
            self.works(*self.words())
            self.assertEqual(self.rules, self.OURS + ["ct state established accept"])
        self.assertEqual(len(self.done("nft -f")), 1)
        self.assertEqual(
            self.read(firewall.RULES), "".join("insert rule inet filter input {}\n".format(rule) for rule in self.OURS)
        )
        self.assertIn("\nExecStartPost=-/usr/sbin/nft -f {}\n".format(firewall.RULES), self.read(firewall.DROP_IN))
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.rules, ["ct state established accept"])
        self.assertFalse(self.has(os.path.dirname(firewall.DROP_IN)) or self.has(firewall.RULES))

    def test_an_interrupted_run_is_completed_by_the_next_one(self):
        # Otherwise the rules would be gone after the next boot.
        for cut_off in (firewall.RULES, firewall.DROP_IN, "daemon-reload"):
            self.start()
            self.given()
            write = files.write

            def killed(name, *words, cut_off=cut_off, write=write, **options):
                if name == cut_off:
                    raise StepError("killed")
                return write(name, *words, **options)

            files.write = killed
            self.on("systemctl daemon-reload", Ended(1) if cut_off == "daemon-reload" else "")
            try:
                self.assertEqual(self.step(*self.words()), 1)
            finally:
                files.write = write
            self.on("systemctl daemon-reload")
            before = len(self.done("daemon-reload"))
            self.works(*self.words())
            self.assertEqual(self.rules, self.OURS)
            self.assertTrue(self.has(firewall.RULES) and self.has(firewall.DROP_IN), cut_off)
            self.assertEqual(len(self.done("daemon-reload")), before + 1, cut_off)

    def test_a_chain_with_a_refusing_rule_counts_as_refusing(self):
        self.given("type filter hook input priority 0; policy accept;", ["tcp dport 1-1024 reject with tcp reset"])
        self.works(*self.words())
        self.assertEqual(self.rules[:4], self.OURS)

    def test_a_chain_that_refuses_nothing_counts_as_no_firewall(self):
        rules = ['tcp dport 22 accept comment "never drop this"']
        self.given("type filter hook input priority 0; policy accept;", rules)
        self.works(*self.words())
        self.assertEqual(self.done(*CHANGES), [])

    def test_a_chain_of_bans_alone_is_no_firewall(self):
        # fail2ban's and CrowdSec's: their tables come after the firewall's, and who is banned stays so.
        for rule in ("tcp dport 22 ip saddr @addr-set-sshd reject", "ip saddr @crowdsec-blacklists counter drop"):
            self.start()
            self.given("type filter hook input priority -10; policy accept;", [rule])
            self.works(*self.words())
            self.assertEqual(self.done(*CHANGES), [], rule)

    def test_a_drop_in_of_somebody_else_stays(self):
        self.given()
        self.works(*self.words())
        theirs = os.path.dirname(firewall.DROP_IN) + "/theirs.conf"
        self.put(theirs)
        firewall.close_all()
        self.assertTrue(self.has(theirs))

    def test_rules_that_cannot_be_listed_are_reported_and_not_loaded_again(self):
        self.given()
        self.works(*self.words())
        self.on("nft -a list ruleset", Ended(1))
        self.assertEqual(len(firewall.close_all()), 1)
        self.assertFalse(self.has(firewall.RULES) or self.has(firewall.DROP_IN))

    def test_rules_left_by_a_killed_run_are_closed_by_the_next_one(self):
        self.given()
        self.works(*self.words())
        self.on("nft -f -", Stopped("killed"))
        with self.assertRaises(Stopped):
            firewall.close_all()
        self.on("nft -f -", self.load)
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.rules, [])
        self.assertFalse(self.has(firewall.RULES) or self.has(firewall.DROP_IN))

    def test_a_stopped_nftables_service_counts_as_no_firewall(self):
        self.given()
        self.state_of("nftables", "inactive")
        self.works(*self.words())
        self.assertEqual(self.done(*CHANGES), [])

    def test_no_rule_is_deleted_without_a_complete_answer(self):
        def scenario():
            self.given(rules=['tcp dport 1 accept comment "rabbitmq-ha"'])
            self.put(firewall.RULES, "insert rule inet filter input tcp dport 1\n")

        self.sweep(scenario, self.words(), ("nft -f",), except_for=("nft -a list ruleset",))

        def cut(end):
            return lambda call: self.listed(call)[:end]

        for answer in (Ended(1), Hangs(), cut(60), cut(-1), cut(-2)):
            self.start()
            scenario()
            self.on("nft -a list ruleset", answer)
            self.refuses(*self.words())
            self.assertEqual(self.done("nft -f"), [])


class Firewall(FirewallTest):
    def test_without_an_installed_firewall_nothing_is_done(self):
        self.works(*self.words())
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.calls, [])

    def test_a_firewall_that_does_not_say_whether_it_runs_is_an_error(self):
        for question in ("firewall-cmd --state", "ufw status", "systemctl show nftables "):
            for answer in (Ended(3, "", "broken"), Hangs(), "" if "ufw" in question else Ended(1)):
                self.start()
                self.on("nft -a list ruleset")
                self.on(question, answer)
                self.refuses(*self.words())
                self.assertEqual(self.done(*CHANGES), [])

    def test_an_invalid_rule_is_a_wrong_command_line(self):
        self.assertEqual(self.step(*self.words(["udp 53 any"])), 2)
        self.assertEqual(self.step(*self.words(["tcp 53"])), 2)


if __name__ == "__main__":
    unittest.main()
