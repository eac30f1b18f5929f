"""The table of RabbitMQ's series, as the program on the hosts reads it."""

import os
import re
import unittest

from agent import series
from agent.errors import NoAnswer


class SeriesTest(unittest.TestCase):
    def test_a_version_has_the_abilities_of_its_series(self):
        for version, mirrors in (("3.8.2", True), ("3.13.7", True), ("4.0.5", False), ("4.3.6", False)):
            self.assertIs(series.can(version, "hasMirrors"), mirrors, version)
        for version, locks in (("3.10.8", False), ("3.11.0", True), ("3.9.16", False), ("4.0.5", True)):
            self.assertIs(series.can(version, "locksFeatureFlags"), locks, version)

    def test_a_version_outside_the_table_is_like_the_nearest_series(self):
        self.assertIs(series.can("3.7.28", "hasMirrors"), True)
        self.assertIs(series.can("4.9.0-rc.1", "hasMnesia"), False)
        self.assertIs(series.can("5.0.0", "hasMnesia"), False)

    def test_what_is_no_version_is_no_answer(self):
        for version in ("", "four", "4", "x3.10.8"):
            with self.assertRaises(NoAnswer):
                series.can(version, "hasMirrors")

    def test_an_expression_compares_with_the_series_that_brought_the_change(self):
        self.assertTrue(series.expression("hasMirrors").endswith(" < [4, 0])"))
        self.assertTrue(series.expression("locksFeatureFlags").endswith(" >= [3, 11])"))

    def test_no_question_names_a_function_in_a_way_that_rabbitmqctl_eval_cannot_call(self):
        # It evaluates by erl_eval:exprs/2, for which `fun name/1` is undefined, unlike `fun module:name/1`.
        for folder, _, names in os.walk(os.path.dirname(series.__file__)):
            for name in names:
                if name.endswith(".py"):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        self.assertIsNone(re.search(r"\bfun [a-z_]+/[0-9]", file.read()), name)


class UpgradeTest(unittest.TestCase):
    """https://www.rabbitmq.com/docs/upgrade#rabbitmq-version-upgradability, once more and by hand."""

    SERIES = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "4.0", "4.1", "4.2", "4.3")
    OFFICIAL = {
        "3.8": ("3.9",),
        "3.9": ("3.10",),
        "3.10": ("3.11",),
        "3.11": ("3.12",),
        "3.12": ("3.13",),
        "3.13": ("4.0", "4.1", "4.2"),
        "4.0": ("4.1", "4.2"),
        "4.1": ("4.2",),
        "4.2": ("4.3",),
        "4.3": (),
    }

    def test_of_all_pairs_of_series_exactly_the_official_upgrades_are_possible(self):
        for at, old in enumerate(self.SERIES):
            for to, new in enumerate(self.SERIES):
                fault = series.path(old + ".20", new + ".20")
                if at == to or new in self.OFFICIAL[old]:
                    self.assertEqual(fault, "", (old, new))
                elif to < at:
                    self.assertIn("does not go back", fault, (old, new))
                else:
                    self._follow(old, new, fault)

    def _follow(self, old, new, fault):
        steps = [".".join(step.split(".")[:2]) for step in fault.split("first ")[1].split(", then ")]
        last = old
        for step in steps:
            self.assertIn(step, self.OFFICIAL[last], fault)
            last = step
        self.assertEqual(last, new, fault)

    def test_the_words_name_the_way_with_the_patch_release_that_a_step_requires(self):
        for old, new, words in (
            ("3.10.8-1.1+deb12u1", "1:4.0.5-6", "from 3.10.8 to 4.0 the way is: first 3.11.18, then 3.12, then 3.13, then 4.0"),
            ("4.0.5-6", "4.3.6-1", "from 4.0.5 to 4.3 the way is: first 4.2, then 4.3"),
            ("3.11.17", "3.12.1", "from 3.11.17 to 3.12 the way is: first 3.11.18, then 3.12"),
            ("3.11.18", "3.12.1", ""),
            ("3.10.8-1", "3.10.8-1.1+deb12u1+next1", ""),
            ("1:4.0.5-6", "4.0.4", "a broker does not go back to an earlier version: give 4.0.5 or a later one"),
        ):  # fmt: skip
            self.assertEqual(series.path(old, new), words)

    def test_what_the_table_does_not_know_is_no_permission(self):
        for old, new in (("3.7.28", "3.8.2"), ("4.3.6", "4.4.0")):
            self.assertIn("knows no upgrade from or to", series.path(old, new))
        with self.assertRaises(NoAnswer):
            series.path("3.10.8", "newest")

    def test_the_erlang_of_a_version_depends_on_its_patch_release(self):
        for version, releases in (
            ("3.8.2", (21, 22)),
            ("3.10.8-1.1", (24, 25)),
            ("4.0.3", (26, 26)),
            ("1:4.0.5-6", (26, 27)),
            ("4.2.8", (26, 27)),
            ("4.2.9", (27, 27)),
            ("4.3.6", (27, 27)),
        ):
            self.assertEqual(series.erlang(version), releases, version)

    def test_what_is_denied_and_removed_on_the_way_is_told(self):
        self.assertEqual(series.denied("3.10.8", "3.11.28"), ([], []))
        self.assertEqual(series.denied("3.13.7", "4.2.9"), ([], ["classic_queue_mirroring"]))
        denies, removes = series.denied("4.2.9", "4.3.6")
        self.assertIn("transient_nonexcl_queues", denies)
        self.assertEqual(removes, ["ram_node_type"])


if __name__ == "__main__":
    unittest.main()
