/** The judgement on what an endpoint with TLS shows, and the whole check at a real server. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { after, before, test } from "node:test";
import { issueCertificate, makeAuthority, type Identity } from "../../../certificates/issue.ts";
import { examineTls, judgeCertificate, type ShownCertificate } from "../../../verify/checks/tls.ts";
import type { System } from "../../../verify/outputs.ts";

const now = new Date("2026-11-27T12:00:00Z");
const good: ShownCertificate = { missingNames: [], end: new Date("2027-11-27"), protocol: "TLSv1.3" };
const own = { resources: ["cent120-certificates"], renewedFrom: "2027-01-01" };
const judge = (change: Partial<ShownCertificate>, advice: Parameters<typeof judgeCertificate>[1] = own) =>
  judgeCertificate({ ...good, ...change }, advice, now);

test("a trusted certificate of the right names passes", () => {
  assert.deepEqual(judge({}), {
    ok: true,
    detail: "TLSv1.3, trusted, until 2027-11-27",
    resourcesToRerun: [],
  });
});

test("what another certificate on the host mends is re-run", () => {
  for (const [change, detail] of [
    [{ distrust: "SELF_SIGNED_CERT_IN_CHAIN" }, "its certificate is not trusted: SELF_SIGNED_CERT_IN_CHAIN"],
    [{ missingNames: ["192.168.56.100"] }, "its certificate is not for 192.168.56.100"],
    [{ protocol: "TLSv1.1" }, "it speaks TLSv1.1"],
  ] as const) {
    assert.deepEqual(judge(change), { ok: false, detail, resourcesToRerun: ["cent120-certificates"] });
  }
});

test("the end is told 30 days ahead, with what to do", () => {
  assert.ok(judge({ end: new Date("2026-12-27T13:00:00Z") }).ok);
  const soon = judge({ end: new Date("2026-12-27T11:00:00Z") });
  assert.equal(soon.detail, "its certificate ends in 29 days, on 2026-12-27");
  assert.equal(soon.advice, "run up, which renews it");
  const ended = judge({ end: new Date("2026-11-26"), distrust: "CERT_HAS_EXPIRED" });
  assert.equal(ended.detail, "its certificate ended on 2026-11-26");
  assert.equal(
    judge({ end: new Date("2026-12-01") }, { resources: [] }).advice,
    "give a new tls.certificate",
  );
});

let authority: Identity;
let broker: Identity;
before(async () => {
  authority = await makeAuthority("test", new Date());
  const request = { name: "b", sanNames: ["b"], sanAddresses: ["127.0.0.1"], now: new Date() };
  broker = await issueCertificate({ ...request, issuer: authority });
});
const servers: ReturnType<typeof createServer>[] = [];
after(() => servers.forEach((server) => server.close()));

async function systemWith(
  caCertificate: string,
  virtualAddress: string,
  protocol = "management",
): Promise<System> {
  const server = createServer({ cert: broker.certificate, key: broker.key }, (socket) => socket.destroy());
  servers.push(server);
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    virtualAddress,
    caCertificate,
    brokers: [{ name: "b", address: "127.0.0.1", url: "" }],
    balancers: [],
    expected: { tls: { ports: { [protocol]: port }, names: [], validUntil: "", renewedFrom: "2027-01-01" } },
  } as unknown as System;
}

test("a broker and the virtual address that show the right certificate pass", async () => {
  const findings = await examineTls(await systemWith(authority.certificate, "127.0.0.1"));
  assert.deepEqual(
    findings.map(({ subject, ok }) => [subject, ok]),
    [
      ["virtual address", true],
      ["b", true],
    ],
  );
});

test("a port that the firewalls keep from operators is looked at behind the balancers alone", async () => {
  for (const protocol of ["amqp", "mqtt", "stream"]) {
    const findings = await examineTls(await systemWith(authority.certificate, "127.0.0.1", protocol));
    assert.deepEqual(
      findings.map(({ subject, ok }) => [subject, ok]),
      [["virtual address", true]],
    );
  }
});

test("one of another authority, for another address, or none at all fails", async () => {
  const other = await makeAuthority("other", new Date());
  const [, distrusted] = await examineTls(await systemWith(other.certificate, "127.0.0.1"));
  assert.match(distrusted?.detail ?? "", /^its certificate is not trusted: /);
  const system = await systemWith(authority.certificate, "127.0.0.2");
  const [unreached, unnamed] = await examineTls(system);
  assert.equal(unreached?.ok, false);
  assert.equal(unnamed?.detail, "its certificate is not for 127.0.0.2");
});

test("a stack without TLS has nothing to check", async () => {
  assert.deepEqual(await examineTls({ expected: undefined } as unknown as System), []);
});
