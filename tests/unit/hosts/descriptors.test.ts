/** How many descriptors HAProxy's unit gets for its connections. */
import assert from "node:assert/strict";
import test from "node:test";
import { descriptorCheck, descriptorLimit, maxConnectionsPossible } from "../../../hosts/descriptors.ts";

test("as many connections as systemd's own limit allows leave the unit as it is", () => {
  for (const connections of [1, 5120, 200_000, 260_096]) assert.equal(descriptorLimit(connections), 0);
  assert.equal(descriptorLimit(260_097), 524_290);
});

test("more get two descriptors each, and some for everything else, up to the kernel's limit", () => {
  assert.equal(descriptorLimit(300_000), 604_096);
  assert.equal(descriptorLimit(maxConnectionsPossible), 2 ** 20);
});

test("the check tries the limit in a unit of its own", () => {
  assert.equal(
    descriptorCheck(604_096),
    "systemd-run --quiet --wait --pipe --collect --property=LimitNOFILE=604096 prlimit --nofile=604096 true",
  );
});
