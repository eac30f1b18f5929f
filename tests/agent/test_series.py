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


if __name__ == "__main__":
    unittest.main()
