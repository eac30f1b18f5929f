/** Whether NEW can serve OLD's clients behind OLD's balancers. */
import assert from "node:assert/strict";
import test from "node:test";
import { addressFindings } from "../../../cli/migrate/address-findings.ts";

type Side = Parameters<typeof addressFindings>[0];

const lines = (...sides: Parameters<typeof addressFindings>): string[] =>
  addressFindings(...sides).map(
    ({ isBlocking, what, remedy }) => `${String(isBlocking)} ${what}: ${String(remedy)}`,
  );

const side = (changes: Partial<Side> = {}): Side => ({
  amqpUri: "amqp://admin:x@10.0.0.9:5672",
  managementUrl: "http://10.0.0.9:15672",
  virtualAddress: "10.0.0.9",
  ...changes,
});
const expected = { plugins: [], netTickTime: 5, partitionHandling: "pause_minority", agentCheck: false };

test("two stacks of the same ports are fine", () => {
  assert.deepEqual(lines(side(), side({ amqpUri: "amqp://admin:y@10.1.0.9:5672" })), []);
});

test("another port, and a protocol that NEW lacks", () => {
  const faults = lines(
    side({ endpoints: { mqtt: "10.0.0.9:1883" } }),
    side({ amqpUri: "amqp://admin:y@10.1.0.9:5673" }),
  );
  assert.deepEqual(
    faults.map((fault) => fault.split(":")[0]),
    [
      "true the balancers' port of amqp is 5672, and NEW's brokers have 5673",
      "true the balancers' port of mqtt is 1883, and NEW's brokers have none",
    ],
  );
});

test("alarms that nobody reports, and AMQP that is had by TLS alone", () => {
  assert.match(String(lines(side({ expected: { ...expected, agentCheck: true } }), side())), /avoidAlarms/);
  assert.match(String(lines(side({ amqpUri: "amqps://a:b@10.0.0.9:5671" }), side())), /tls.only/);
});

test("brokers that expect a header from everybody", () => {
  const [plain, header] = [side(), side({ expected: { ...expected, proxyProtocol: true } })];
  assert.match(String(lines(plain, header)), /proxyProtocol to false/);
  assert.match(String(lines(header, plain)), /proxyProtocol to false/);
});

test("certificates that OLD's clients would refuse", () => {
  const tls = (names: string[]) => ({
    ...expected,
    tls: { ports: { amqp: 5671 }, names, validUntil: "2027-01-01" },
  });
  const old = side({ expected: tls([]), caCertificate: "one\n" });
  assert.deepEqual(lines(old, side({ expected: tls(["10.0.0.9"]), caCertificate: "one\n" })), []);
  const faults = lines(old, side({ expected: tls([]), caCertificate: "other\n" }));
  assert.match(String(faults), /add it to NEW's tls.names/);
  assert.match(String(faults), /tls.ca and tlsCaKey/);
});
