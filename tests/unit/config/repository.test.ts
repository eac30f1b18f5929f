/** `packages.rabbitmq.repository` and what belongs to it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../config/config.ts";
import { draft, faults, refuses } from "./draft.ts";

const path = "packages.rabbitmq";
const key = { url: "https://example.org/key.asc", fingerprint: "ab".repeat(20) };

function repository(block: object, os = "debian-12"): unknown {
  return parseConfig(draft({ os, [path]: block })).packages.repository;
}

test("Team RabbitMQ's repository, a mirror of it, and a flat one", () => {
  assert.deepEqual(repository({ repository: "team-rabbitmq", series: "4.2" }), {
    isFlat: false,
    series: "4.2",
    isTrusted: false,
  });
  assert.deepEqual(repository({ repository: "https://m.example.org/rmq/", version: "4.2.9-1", key }), {
    url: "https://m.example.org/rmq",
    isFlat: false,
    series: "4.2",
    isTrusted: false,
    key: { ...key, fingerprint: "AB".repeat(20) },
  });
  assert.deepEqual(
    repository({ repository: "file:///srv/rmq", flat: true, trusted: true, series: "4.3" }, "debian-13"),
    { url: "file:///srv/rmq", isFlat: true, series: "4.3", isTrusted: true },
  );
  assert.equal(repository({}), undefined);
});

test("what is missing, contradicts or is of no use is named", () => {
  const cases: [object, string[]][] = [
    [
      { repository: "team-rabbitmq" },
      [`${path}.series: missing; write the series to install, such as "4.2", or packages.rabbitmq.version`],
    ],
    [
      { repository: "team-rabbitmq", series: "4.2", version: "4.3.5-1" },
      [
        `${path}.series = "4.2": packages.rabbitmq.version is 4.3.5-1, of another series; correct one of them`,
      ],
    ],
    [
      { repository: "team-rabbitmq", series: "4.2", trusted: true },
      [`${path}.trusted = true: not used with team-rabbitmq; remove it`],
    ],
    [
      { repository: "http://m.example.org", series: "4.3", flat: true },
      [`${path}.key: missing; write the url and the fingerprint of the key that signs it, or trusted: true`],
    ],
    [
      { repository: "http://m.example.org", series: "4.3", key, trusted: true },
      [`${path}.trusted = true: set, and so is the key; remove one of them`],
    ],
    [
      { series: "4.3" },
      [
        `${path}.series = "4.3": of no use without packages.rabbitmq.repository; write that too, or remove it`,
      ],
    ],
    [
      { repository: "team", series: "4.3" },
      [
        `${path}.repository = "team": not a repository; write team-rabbitmq, or the base URL of one with http, https or file`,
      ],
    ],
    [
      { repository: "team-rabbitmq", series: "4" },
      [`${path}.series = "4": not a series of RabbitMQ; write its first two numbers, such as "4.2"`],
    ],
    [
      { repository: "http://m.example.org", series: "4.3", key: { ...key, fingerprint: "1" } },
      [
        `${path}.key.fingerprint = "1": not a fingerprint; write the key's fingerprint, 40 hexadecimal digits`,
      ],
    ],
  ];
  for (const [block, lines] of cases) refuses({ [path]: block }, lines);
});

test("a system that Team RabbitMQ does not serve takes a repository of one's own", () => {
  const path = "packages.rabbitmq.repository";
  const changes = { os: "ubuntu-26.04", platform: "existing" };
  const rabbitmq = { repository: "team-rabbitmq", series: "4.3" };
  const line = `${path} = "team-rabbitmq": Team RabbitMQ has no packages for ubuntu-26.04; write a URL of yours, and flat: true`;
  assert.ok(faults(draft({ ...changes, "packages.rabbitmq": rabbitmq })).includes(line));
  const own = { ...rabbitmq, repository: "file:///srv/rmq", flat: true, trusted: true };
  const left = faults(draft({ ...changes, "packages.rabbitmq": own }));
  assert.ok(!left.some((each) => each.startsWith("packages.")));
});

test("ram nodes are refused where the repository's series has none", () => {
  refuses({ [path]: { repository: "team-rabbitmq", series: "4.2" }, "brokers.1.type": "ram" }, [
    'brokers[1].type = "ram": not supported by RabbitMQ 4.2 (as packages.rabbitmq states); write disc, or leave the key out',
  ]);
});
