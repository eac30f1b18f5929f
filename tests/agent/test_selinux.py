"""SELinux stays on, and allows HAProxy to do its work where it enforces."""

from .support import Ended, HostTest

SET = "setsebool -P haproxy_connect_any 1"


class Selinux(HostTest):
    def enforcing(self, boolean="off"):
        self.on("getenforce", "Enforcing\n")
        self.on("getsebool", "haproxy_connect_any --> {}\n".format(boolean))
        self.on("setsebool")

    def test_where_it_enforces_haproxy_is_let_through(self):
        self.enforcing()
        self.works("selinux")
        self.assertEqual(self.done("setsebool"), [SET])

    def test_a_boolean_that_is_on_is_not_set_again(self):
        self.enforcing("on")
        self.works("selinux")
        self.assertEqual(self.done("setsebool"), [])

    def test_where_it_does_not_enforce_nothing_is_done(self):
        self.works("selinux")
        for state in ("Permissive", "Disabled"):
            self.on("getenforce", state + "\n")
            self.works("selinux")
        self.assertEqual(self.done("sebool"), [])

    def test_nothing_is_set_without_an_answer(self):
        self.sweep(self.enforcing, ("selinux",), ("setsebool",))

    def test_an_unknown_boolean_is_reported(self):
        self.enforcing()
        self.on("getsebool", Ended(1, "", "Error getting active value for haproxy_connect_any\n"))
        self.refuses("selinux", because="Error getting active value")
