"""JSON without the module json; and that the program needs no module that Debian's python3-minimal lacks."""

import json
import os
import subprocess
import sys
import unittest

from agent import jsontext

VALUES = [
    {"a": 'b"c\\d', "list": [1, -2, True, False, None, 'true, "null"'], "empty": {}},
    "\x00\x1f\n\t\r\u00e9\u8ba2",
    [],
    None,
]

# Of the standard library what python3-minimal does not have and is easily taken for granted.
LACKING = (
    "json",
    "zipfile",
    "logging",
    "inspect",
    "uuid",
    "pathlib",
    "http",
    "urllib.request",
    "ssl",
)
IMPORT_ALL = """
import os, sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name in {lacking!r}:
            raise ModuleNotFoundError("python3-minimal lacks " + name)
sys.path.insert(0, {root!r})
sys.meta_path.insert(0, Refused())
import importlib
for folder, package in (("agent", "agent."), ("agent/steps", "agent.steps.")):
    for name in sorted(os.listdir(os.path.join({root!r}, folder))):
        if name.endswith(".py") and name != "__init__.py":
            importlib.import_module(package + name[:-3])
"""


class JsonText(unittest.TestCase):
    def test_what_is_written_is_json_and_is_read_again(self):
        for value in VALUES:
            text = jsontext.dumps(value)
            self.assertEqual(json.loads(text), value)
            self.assertEqual(jsontext.loads(text), value)

    def test_what_is_no_whole_json_is_refused(self):
        for text in ("", "{", '{"a": 1', '{"a": b}', "os", "true false", "[1,,2]"):
            with self.assertRaises(ValueError):
                jsontext.loads(text)

    def test_a_set_is_no_json(self):
        with self.assertRaises(TypeError):
            jsontext.dumps({1, 2})


class Modules(unittest.TestCase):
    def test_no_module_needs_more_than_python3_minimal(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        program = IMPORT_ALL.format(lacking=LACKING, root=root)
        done = subprocess.run([sys.executable, "-IS", "-c", program], stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.stderr.decode(), "")


if __name__ == "__main__":
    unittest.main()
