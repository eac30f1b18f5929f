"""What is opened where a service loads saved rules of iptables that refuse the rest, and that all of it goes again."""

import unittest

from agent import firewall

from .support import Ended, Hangs, HostTest

RULES = ["tcp 5672 10.0.0.8", "tcp 8100 10.9.0.0/24", "tcp 15672 any", "tcp 35672-35682 10.0.0.2", "vrrp - 10.0.0.9"]
OURS = [
    "-A INPUT {} -m comment --comment rabbitmq-ha -j ACCEPT".format(each)
    for each in (
        "-s 10.0.0.8/32 -p tcp -m tcp --dport 5672",
        "-s 10.9.0.0/24 -p tcp -m tcp --dport 8100",
        "-p tcp -m tcp --dport 15672",
        "-s 10.0.0.2/32 -p tcp -m tcp --dport 35672:35682",
        "-s 10.0.0.9/32 -p 112",
    )
]
SSH = "-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT"
DENIED = "-A INPUT -s 192.0.2.0/24 -j DROP"
END = "-A INPUT -j REJECT --reject-with icmp-host-prohibited"
THEIRS = [DENIED, SSH, END]
NAT = "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j DNAT\nCOMMIT\n"
V4, SYSCONFIG = "/etc/iptables/rules.v4", "/etc/sysconfig/iptables"


def saved(rules, policy="ACCEPT", head=NAT):
    lines = "".join(each + "\n" for each in rules)
    return head + "*filter\n:INPUT {} [0:0]\n:FORWARD ACCEPT [0:0]\n{}COMMIT\n# Completed\n".format(policy, lines)


class Iptables(HostTest):
    def given(self, rules=THEIRS, policy="ACCEPT", name=V4, unit="netfilter-persistent"):
        self.rules, self.policy = list(rules), policy
        self.put(name, saved(rules, policy), mode=0o600)
        for each in ("netfilter-persistent", "iptables"):
            self.on("systemctl show {} ".format(each), "ActiveState=inactive\n")
        self.on("systemctl show {} ".format(unit), "ActiveState=active\n")
        self.on("iptables -w", self.act)
        self.on("iptables-save -t filter", lambda _call: saved(self.rules, self.policy, head=""))

    def act(self, call):
        words = call.words[2:]
        action, rest = words[0], words[2:]
        number = int(rest.pop(0)) if action == "-I" else len(self.rules) + 1
        rule = " ".join(["-A INPUT"] + rest)
        if action == "-C":
            if rule not in self.rules:
                raise Ended(1, "", "Bad rule")
        elif action == "-D":
            self.rules.remove(rule)
        else:
            self.rules.insert(number - 1, rule)

    def words(self, rules=RULES):
        return ("firewall", "--interface", "eth0", "--rules", ",".join(rules))

    def test_the_rules_come_before_the_one_that_refuses_now_and_at_each_boot_and_go_again(self):
        for name, unit in ((V4, "netfilter-persistent"), (SYSCONFIG, "iptables")):
            self.start()
            self.given(name=name, unit=unit)
            for _ in range(2):
                self.works(*self.words())
                self.assertEqual(self.rules, [DENIED, SSH] + OURS + [END])
                self.assertEqual(self.read(name), saved(self.rules))
            self.assertEqual(len(self.done("iptables -w -I")), len(RULES))
            self.works(*self.words(RULES[1:]))
            self.assertEqual(self.rules, [DENIED, SSH] + OURS[1:] + [END])
            self.assertEqual(firewall.close_all(), [])
            self.assertEqual((self.rules, self.read(name)), (THEIRS, saved(THEIRS)))
            self.assertFalse(self.has(firewall.OPENED))

    def test_under_a_policy_that_drops_the_rules_come_last(self):
        self.given([SSH], policy="DROP")
        self.works(*self.words())
        self.assertEqual(self.rules, [SSH] + OURS)
        self.assertEqual(self.read(V4), saved(self.rules, "DROP"))

    def test_what_refuses_everybody_is_recognised(self):
        for end in (
            "-A INPUT -j DROP",
            "-A INPUT -i eth0 -j DROP",
            "-A INPUT -p tcp -m tcp -j REJECT --reject-with tcp-reset",
            '-A INPUT -m conntrack --ctstate NEW -m comment --comment "the rest" -j DROP',
        ):
            self.start()
            self.given([SSH, end])
            self.works(*self.words(RULES[:1]))
            self.assertEqual(self.rules, [SSH, OURS[0], end])

    def test_rules_that_refuse_only_some_count_as_no_firewall(self):
        for rule in (
            DENIED,
            "-A INPUT -i eth9 -j DROP",
            "-A INPUT -m state --state INVALID -j DROP",
            "-A FORWARD -j DROP",
        ):
            self.start()
            self.given([SSH, rule])
            self.works(*self.words())
            self.assertEqual(self.rules, [SSH, rule])
            self.assertEqual(self.read(V4), saved(self.rules))

    def test_what_was_saved_with_the_rules_in_force_goes_too(self):
        self.given()
        self.works(*self.words())
        self.put(
            V4,
            saved(self.rules).replace("-p 112", "-p vrrp").replace("--comment rabbitmq-ha", '--comment "rabbitmq-ha"'),
        )
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.read(V4), saved(THEIRS))

    def test_a_file_with_counters(self):
        self.given()
        self.put(V4, saved(["[7:9] " + each for each in THEIRS]))
        self.works(*self.words(RULES[:1]))
        self.assertEqual(self.read(V4), saved(["[7:9] " + DENIED, "[7:9] " + SSH, OURS[0], "[7:9] " + END]))

    def test_the_file_is_cleaned_after_the_service_and_its_program_are_gone(self):
        self.given()
        self.works(*self.words())
        self.answers = [(pattern, answer) for pattern, answer in self.answers if "iptables" not in pattern]
        self.assertEqual(firewall.close_all(), [])
        self.assertEqual(self.read(V4), saved(THEIRS))

    def test_an_interrupted_run_is_completed_by_the_next_one(self):
        self.given()
        self.works(*self.words())
        self.put(V4, saved(THEIRS))
        self.works(*self.words())
        self.assertEqual(self.read(V4), saved([DENIED, SSH] + OURS + [END]))
        self.rules = list(THEIRS)
        self.works(*self.words())
        self.assertEqual(self.rules, [DENIED, SSH] + OURS + [END])

    def test_a_service_that_does_not_run_counts_as_no_firewall(self):
        self.given()
        self.on("systemctl show netfilter-persistent ", "ActiveState=inactive\n")
        self.works(*self.words())
        self.assertEqual(self.rules, THEIRS)

    def test_no_rule_is_deleted_without_a_complete_answer(self):
        def scenario():
            old = OURS[0].replace("10.0.0.8", "10.0.0.7")
            self.given([DENIED, SSH, old, END])
            self.put(firewall.OPENED, "iptables {}\n".format(old[len("-A INPUT ") :]))

        self.sweep(scenario, self.words(), ("iptables -w -D",))

    def test_rules_that_are_not_listed_in_full_are_an_error(self):
        whole = saved(THEIRS, head="")
        for answer in (Ended(1), Hangs(), "", whole[:-1], whole[: whole.index("COMMIT")]):
            self.given()
            self.on("iptables-save", answer)
            self.refuses(*self.words())
            self.assertEqual(self.rules, THEIRS)

    def test_a_host_without_any_rule_has_no_firewall(self):
        self.given()
        self.put(V4, "")
        self.on("iptables-save", "")
        self.works(*self.words())
        self.assertEqual(self.done("iptables -w"), [])


if __name__ == "__main__":
    unittest.main()
