/** The last words about a virtual address that is held and does not answer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Finding } from "../../../verify/finding.ts";
import { unreachableAddressHint } from "../../../verify/unreachable-address.ts";

const finding = (check: string, ok: boolean, detail = "", subject = "virtual address"): Finding => ({
  ...{ check, subject, ok, detail, resourcesToRerun: [] },
});
const held = finding("holder", true, "held by lb1 alone");
const silences = [
  "no answer in time",
  "no host answers at 10.0.0.100:15672 (EHOSTUNREACH)",
  "no answer at 10.0.0.100:15672 (ETIMEDOUT)",
];

test("a network that drops the address is named if one host holds it and nothing comes back", () => {
  for (const detail of silences) {
    const hint = unreachableAddressHint([held, finding("console", false, detail)]) ?? "";
    for (const words of [/allowed address pairs/, /forged transmits and MAC address changes/]) {
      assert.match(hint, words);
    }
  }
});

test("it is not named if the address answers, if it is not with one host, or if another page fails", () => {
  const [detail] = silences;
  const silent = finding("console", false, detail);
  const refused = finding("console", false, "connection refused at 10.0.0.100:15672 (ECONNREFUSED)");
  assert.equal(unreachableAddressHint([held, finding("console", true)]), undefined);
  assert.equal(unreachableAddressHint([held, refused]), undefined);
  assert.equal(unreachableAddressHint([finding("holder", false), silent]), undefined);
  assert.equal(unreachableAddressHint([held, finding("console", false, detail, "mq1")]), undefined);
});
