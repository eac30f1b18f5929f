/** What tells that a step of the program on the hosts behaves differently from the release before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { importsOf, stripComments } from "../../../remote/program.ts";

const module = `"""What it does.

More of it.
"""

import os

# Why.
QUESTION = """
#{a => 1}

# not a comment
"""


def run(wanted):
    """Runs it."""
    return QUESTION  # trailing


class Step:
    """A step.

    In two lines.
    """

    seconds = 5
`;

test("comments, docstrings and empty lines are left out, and nothing else", () => {
  assert.equal(
    stripComments(module),
    [
      "import os",
      'QUESTION = """',
      "#{a => 1}",
      "",
      "# not a comment",
      '"""',
      "def run(wanted):",
      "    return QUESTION  # trailing",
      "class Step:",
      "    seconds = 5",
      "",
    ]
      .join("\n")
      .trimEnd(),
  );
});

test("a change of code after a constant in triple quotes is a change", () => {
  assert.notEqual(stripComments(module), stripComments(module.replace("seconds = 5", "seconds = 6")));
  assert.notEqual(stripComments(module), stripComments(module.replace("return QUESTION", "return None")));
  assert.equal(stripComments(module), stripComments(module.replace("Runs it.", "Does it.")));
});

test("a step's modules are found in every form in which Python imports them", () => {
  const found = ["agent/clock.py", "agent/host.py"];
  for (const text of [
    "from .. import clock, host\n",
    "from .. import (\n    clock,\n    host,\n)\n",
    "from .. import (clock, host)\n",
    "import os\n\nfrom ..clock import now\nfrom ..host import (\n    name,\n)\n",
  ])
    assert.deepEqual([...new Set(importsOf("agent/steps/watch.py", text))], found, text);
});
