/** Certificates as OpenSSL, behind node:crypto, reads and verifies them. */
import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { connect, createServer, type TLSSocket } from "node:tls";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { before, describe, test } from "node:test";
import {
  certificatesIn,
  endOf,
  issueCertificate,
  makeAuthority,
  type Identity,
} from "../../../certificates/issue.ts";

const now = new Date("2026-03-27T12:00:00Z");
const request = {
  name: "cent120",
  sanNames: ["cent120", "rabbit.example.org"],
  sanAddresses: ["192.168.56.120", "192.168.56.100", "127.0.0.1"],
  now,
};

let authority: Identity;
let broker: Identity;
before(async () => {
  authority = await makeAuthority("test authority 1", now);
  broker = await issueCertificate({ ...request, issuer: authority });
});

describe("an authority", () => {
  test("signs itself, and may sign certificates of hosts alone, for ten years", () => {
    const read = new X509Certificate(authority.certificate);
    assert.ok(read.ca);
    assert.ok(read.checkIssued(read));
    assert.ok(read.verify(read.publicKey));
    assert.equal(read.validFromDate.toISOString(), "2026-03-27T11:00:00.000Z");
    assert.equal(read.validToDate.toISOString(), "2036-03-27T12:00:00.000Z");
    assert.ok(read.checkPrivateKey(createPrivateKey(authority.key)));
  });
});

describe("a broker's certificate", () => {
  test("is signed by the authority, and has the key beside it", () => {
    const [read, issuer] = [
      new X509Certificate(broker.certificate),
      new X509Certificate(authority.certificate),
    ];
    assert.ok(!read.ca);
    assert.ok(read.checkIssued(issuer));
    assert.ok(read.verify(issuer.publicKey));
    assert.ok(read.checkPrivateKey(createPrivateKey(broker.key)));
    assert.match(broker.key, /^-----BEGIN PRIVATE KEY-----\n/);
    assert.equal(read.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  });

  test("is for every name and address, and for no other", () => {
    const read = new X509Certificate(broker.certificate);
    for (const name of request.sanNames) assert.equal(read.checkHost(name), name);
    for (const address of request.sanAddresses) assert.equal(read.checkIP(address), address);
    assert.equal(read.checkHost("cent121"), undefined);
    assert.equal(read.checkIP("192.168.56.121"), undefined);
  });

  test("begins an hour ago, since clocks differ, and ends after a year", () => {
    const read = new X509Certificate(broker.certificate);
    assert.equal(read.validFromDate.toISOString(), "2026-03-27T11:00:00.000Z");
    assert.equal(endOf(authority.certificate + broker.certificate).toISOString(), "2027-03-27T12:00:00.000Z");
  });

  test("serves both sides of a connection by TLS", { timeout: 10_000 }, async () => {
    const today = await issueCertificate({ ...request, issuer: authority, now: new Date() });
    const [ca, identity] = [authority.certificate, { cert: today.certificate, key: today.key }];
    const server = createServer({ ...identity, ca, requestCert: true, rejectUnauthorized: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = connect({ port, host: "127.0.0.1", ca, ...identity });
    const [[accepted]] = (await Promise.all([
      once(server, "secureConnection"),
      once(client, "secureConnect"),
    ])) as [[TLSSocket], unknown];
    assert.ok(accepted.authorized);
    assert.ok(client.authorized);
    for (const socket of [client, accepted]) socket.destroy();
    server.close();
  });
});

test("an authority of RSA, or of another curve, issues too", async () => {
  const given = [
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
    generateKeyPairSync("ec", { namedCurve: "secp384r1" }),
  ];
  for (const { privateKey, publicKey } of given) {
    const key = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    // Only its name and its key count for what it issues.
    const made = await issueCertificate({ ...request, issuer: { certificate: authority.certificate, key } });
    assert.ok(new X509Certificate(made.certificate).verify(publicKey));
  }
});

test("the certificates of a text are found in their order", () => {
  const text = `before\n${broker.certificate}${broker.key}${authority.certificate}`;
  assert.deepEqual(
    certificatesIn(text).map((each) => `${each}\n`),
    [broker.certificate, authority.certificate],
  );
});
