/** What RabbitMQ asks of a broker's machine in production: it is said, and refuses nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseProbeOutput } from "../../../platforms/existing/precheck/probe.ts";
import type { ProbeTarget } from "../../../platforms/existing/precheck/probe-target.ts";
import { productionNotice } from "../../../platforms/existing/precheck/production.ts";

const login = { host: "10.0.0.1", port: 22, user: "root", privateKey: "", hostKey: undefined };

function look(name: string, lines: readonly string[], role: ProbeTarget["role"] = "broker") {
  const outcome = parseProbeOutput(["clock=1.0", "files=done", ...lines].join("\n"), 1);
  return { machine: { name, address: "10.0.0.1", role, login }, outcome };
}

const enough = ["cores=4", "memory=3900000"];
const limits = { "disk_free_limit.absolute": "2GB" };

test("small brokers are named with what they have", () => {
  const results = [look("mq1", enough), look("mq2", ["cores=2", "memory=3900000"])];
  assert.equal(
    productionNotice(results, limits),
    "mq2 (10.0.0.1) (2 cores, 3.7 GiB): for production RabbitMQ recommends 4 cores and 4 GiB of memory for each broker.",
  );
  assert.match(
    productionNotice([look("mq1", ["cores=8", "memory=2000000"])], limits) ?? "",
    /8 cores, 1\.9 GiB/,
  );
});

test("brokers that are large enough, balancers and machines that do not say are not named", () => {
  assert.equal(productionNotice([look("mq1", enough)], limits), undefined);
  assert.equal(productionNotice([look("lb1", ["cores=1", "memory=500000"], "balancer")], limits), undefined);
  assert.equal(productionNotice([look("mq1", ["memory=3900000"])], limits), undefined);
  assert.equal(productionNotice([], {}), undefined);
});

test("a disk limit far below the memory's watermark is said, unless one of both is configured", () => {
  const large = [look("mq1", ["cores=8", "memory=6553600"])];
  assert.match(productionNotice(large, {}) ?? "", /here 2\.5 GiB: set disk_free_limit\.relative to 0\.4/);
  for (const settings of [limits, { "vm_memory_high_watermark.relative": 0.5 }])
    assert.equal(productionNotice(large, settings), undefined);
  assert.doesNotMatch(productionNotice([look("mq1", ["cores=1", "memory=2000000"])], {}) ?? "", /disk/);
});
