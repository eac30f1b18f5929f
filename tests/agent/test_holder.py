"""The virtual address: exactly one host holds and serves it, as far as this host can tell."""

import unittest

from agent import services
from agent.errors import StepError

from .support import Ended, Hangs, HostTest

ADDRESS = "192.168.56.100"
HOLDER = ("holder", "--unit", "keepalived", "--restart", "/unit", "--reload", "/conf,/check", "--address", ADDRESS)
HOLDER += ("--interface", "eth0", "--port", "5672", "--patience", "45")
MOVED = HOLDER + ("--moved", "/usr/local/lib/rabbitmq-ha/move-address")

LO = "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n"


def inet(interface, address):
    return "2: {}    inet {}/24 scope global {}\\       valid_lft forever preferred_lft forever\n".format(
        interface, address, interface
    )


OWN = LO + inet("eth0", "192.168.56.123")
HELD = OWN + inet("eth0", ADDRESS)
REPLY = "Unicast reply from 192.168.56.100 [{}]  0.571ms\n"


def answers(*macs):
    """Returns arping's end: it is interrupted after half a second."""
    return Ended(124, "ARPING 192.168.56.100 from 0.0.0.0 eth0\n" + "".join(REPLY.format(mac) for mac in macs))


class Base(HostTest):
    name = "lb1"

    def start(self):
        super().start()
        self.due = []
        self.serving = {ADDRESS}
        self._stack.callback(setattr, services, "do_what_is_due", services.do_what_is_due)
        services.do_what_is_due = lambda *words: self.due.append(words)
        self.on("journalctl -u keepalived", "Entering BACKUP STATE\n")
        self.on("journalctl -t rabbitmq-ha-address", "not here after 3 s\n")


class Holder(Base):
    def host(self, addresses, said):
        self.on("ip -o -4 addr show", addresses)
        self.on("arping", said)

    def test_this_host_as_the_only_holder_passes(self):
        self.host(HELD, answers())
        self.works(*HOLDER)
        self.assertEqual(self.due, [("keepalived", ["/unit"], ["/conf", "/check"])])
        words = "timeout --signal=INT 0.5 arping -D -c 2 -w 1 -I eth0 192.168.56.100"
        self.assertEqual(self.done("arping"), [words])

    def test_one_other_holder_passes(self):
        self.host(OWN, answers("8E:55:F6:39:50:4A", "8e:55:f6:39:50:4a"))
        self.works(*HOLDER)
        self.assertNotIn("-D", self.done("arping")[0])

    def test_a_restart_that_fails_fails_the_step(self):
        def fails(*_words):
            raise StepError("lb1: keepalived did not restart")

        services.do_what_is_due = fails
        self.refuses(*HOLDER, because="did not restart")

    def test_two_holders_are_refused_and_named(self):
        self.host(HELD, answers("8E:55:F6:39:50:4A"))
        self.refuses(*HOLDER, because="after 45 s the virtual address 192.168.56.100 is not with exactly one host")
        self.assertIn("this host holds it, others that answer for it: 8E:55:F6:39:50:4A;", self.errors)
        self.assertNotIn("allowed address pairs", self.errors)
        self.assertIn("Entering BACKUP STATE", self.errors)

    def test_two_other_holders_are_refused(self):
        self.host(OWN, answers("8E:55:F6:39:50:4A", "8E:55:F6:39:50:4B"))
        self.refuses(*HOLDER, because="8E:55:F6:39:50:4A, 8E:55:F6:39:50:4B")

    def test_no_holder_is_refused(self):
        self.host(OWN, answers())
        self.refuses(*HOLDER, because="this host does not hold it, others that answer for it: none")
        self.assertIn("allowed address pairs, or accept forged transmits", self.errors)

    def test_a_holder_that_does_not_serve_is_refused(self):
        self.host(HELD, answers())
        self.serving = set()
        self.refuses(*HOLDER, because="not with exactly one host that serves it")

    def test_an_address_with_the_same_beginning_is_a_different_one(self):
        self.host(OWN + inet("eth0", ADDRESS + "1"), answers())
        self.refuses(*HOLDER, because="this host does not hold it")

    def test_the_address_on_another_interface_is_not_held(self):
        self.host(OWN + inet("eth1", ADDRESS), answers())
        self.refuses(*HOLDER, because="this host does not hold it")

    def test_it_waits_for_the_move(self):
        looks = [OWN, OWN, HELD]
        self.host(lambda call: looks.pop(0) if len(looks) > 1 else looks[0], answers())
        self.works(*HOLDER)

    def test_no_answer_from_arping_does_not_mean_no_holder(self):
        for said in (Ended(2, "", "arping: Device eth0 not available."), Ended(127), Ended(124, ""), "", Hangs()):
            self.start()
            self.host(HELD, said)
            self.refuses(*HOLDER, because="not with exactly one host")

    def test_without_the_hosts_own_addresses_the_step_fails(self):
        for said in (Ended(1), Hangs(), "", HELD[: len(OWN) // 2], "something else\n"):
            self.start()
            # A host that does not hold the address would accept this answer.
            self.host(said, answers("8E:55:F6:39:50:4A"))
            self.refuses(*HOLDER, because="not with exactly one host")
            self.assertEqual(self.done("arping"), [])


class Moved(Base):
    def host(self, addresses, there):
        self.on("ip -o -4 addr show", addresses)
        self.on("move-address there", there)

    def test_held_here_and_routed_here_passes(self):
        self.host(HELD, "")
        self.works(*MOVED)
        self.assertEqual(self.done("arping"), [])

    def test_served_by_another_host_passes(self):
        self.host(OWN, Ended(1))
        self.works(*MOVED)
        self.assertEqual(self.done("move-address"), [])

    def test_held_here_and_routed_elsewhere_or_unknown_fails(self):
        for there in (Ended(1), Ended(2), Ended(127), Hangs()):
            self.start()
            self.host(HELD, there)
            self.refuses(*MOVED, because="after 45 s the virtual address 192.168.56.100 is not with exactly one host")

    def test_a_failure_comes_with_both_journals(self):
        self.host(HELD, Ended(1))
        self.refuses(*MOVED, because="this host holds it; the end of the journal of keepalived, and of what moves")
        self.assertIn("Entering BACKUP STATE", self.errors)
        self.assertIn("not here after 3 s", self.errors)

    def test_served_by_no_host_fails(self):
        self.host(OWN, "")
        self.serving = set()
        self.refuses(*MOVED, because="this host does not hold it")


class Interface(HostTest):
    name = "lb1"
    words = ("interface", "--address", "10.20.1.1", "--interface", "ens5")

    def test_the_right_interface_passes(self):
        self.on("ip -o -4 addr show", LO + inet("ens5", "10.20.1.1") + inet("ens6", "10.20.1.11"))
        self.works(*self.words)

    def test_another_interface_is_named(self):
        self.on("ip -o -4 addr show", LO + inet("ens5", "10.20.1.11") + inet("eth0", "10.20.1.1"))
        self.refuses(*self.words, because="lb1: 10.20.1.1 is not on the interface ens5 but on eth0")
        self.assertIn("write keepalived.interface: eth0", self.errors)

    def test_an_address_on_no_interface_is_an_error(self):
        self.on("ip -o -4 addr show", LO)
        self.refuses(*self.words, because="but on none")
        self.assertIn("write keepalived.interface: the name of the one it is on", self.errors)

    def test_without_an_answer_the_step_fails(self):
        for said in (Ended(1), Hangs(), "", "Cannot open netlink socket\n"):
            self.start()
            self.on("ip -o -4 addr show", said)
            self.refuses(*self.words)


if __name__ == "__main__":
    unittest.main()
