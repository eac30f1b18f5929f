/** Patterns of policies match as RabbitMQ's, or are not read at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { matcherOf } from "../../../hosts/policy-pattern.ts";

test("what both kinds of expressions have is matched", () => {
  for (const [pattern, name, matches] of [
    ["^", "orders", true],
    ["^orders\\.", "orders.new", true],
    ["^orders\\.", "ordersxnew", false],
    ["(?i)^Orders", "oRDERS", true],
    ["^a\\-b\\_c\\#\\/$", "a-b_c#/", true],
    ["^[\\w\\-\\.]+$", "a-b.c", true],
    ["^(?!amq\\.).*", "amq.gen", false],
    ["^\\{x\\}$", "{x}", true],
    ["^订单", "订单.new", true],
  ] as const)
    assert.equal(matcherOf(pattern)?.(name), matches, pattern);
});

test("a pattern that JavaScript would read in another way than RabbitMQ is not read", () => {
  for (const pattern of [
    ...[
      "^[[:digit:]]+",
      "^[][a]",
      "^[^][a]",
      "^[[:alnum:]_-]",
      "^(?>a|b)",
      "^a++",
      "^(?P<n>a)",
      "^a(?#note)",
      "^\\Qa.b\\E",
    ],
    ...["^[]a]", "^\\x{61}", "^\\h", "(?x) a", "^(?(?=a)a|b)", "("],
  ])
    assert.equal(matcherOf(pattern), undefined, pattern);
});
