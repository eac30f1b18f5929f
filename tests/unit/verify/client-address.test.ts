/** The judgement on the address from which the brokers see a client. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeClientAddress } from "../../../verify/checks/client-address.ts";
import { proxyHeader } from "../../../verify/checks/tls.ts";

const system = {
  brokers: [{ name: "cent120", address: "192.168.56.120", url: "" }],
  balancers: [{ name: "cent123", address: "192.168.56.123", url: "" }],
  virtualAddress: "192.168.56.100",
};
const resourcesToRerun = ["cent120-proxy-protocol", "haproxy-cent123-service"];

test("a client's own address passes", () => {
  assert.deepEqual(judgeClientAddress("10.1.2.3", system), {
    ok: true,
    detail: "seen as 10.1.2.3",
    resourcesToRerun: [],
  });
});

test("a balancer's address, the virtual one, and no answer fail, with what sets it anew", () => {
  for (const [seen, detail] of [
    ["192.168.56.123", "the brokers see 192.168.56.123, a balancer, and not the client's own address"],
    ["192.168.56.100", "the brokers see 192.168.56.100, a balancer, and not the client's own address"],
    [undefined, "the brokers do not list the connection"],
  ] as const)
    assert.deepEqual(judgeClientAddress(seen, system), { ok: false, detail, resourcesToRerun });
});

test("the header names the connection's own ends", () => {
  const ends = { localAddress: "10.0.0.1", remoteAddress: "10.0.0.2", localPort: 40_000, remotePort: 5671 };
  assert.equal(proxyHeader(ends), "PROXY TCP4 10.0.0.1 10.0.0.2 40000 5671\r\n");
});
