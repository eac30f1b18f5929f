/** Which RabbitMQ the brokers get, and what is said of its support. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { rabbitmqVersion, supportNotice, type RabbitmqVersion } from "../../../hosts/rabbitmq-version.ts";

const found = [{ installed: "3.10.8-1", offered: "3.10.9-1" }, { offered: "4.0.5-6" }, {}];

test("a stated version goes before one that is installed, offered or expected", () => {
  const stated = { brokerVersion: "4.2.9-1" };
  assert.deepEqual(rabbitmqVersion("debian-12", stated, found), { version: "4.2.9-1", from: "pinned" });
  assert.deepEqual(rabbitmqVersion("debian-12", {}, found), { version: "3.10.8-1", from: "installed" });
  assert.deepEqual(rabbitmqVersion("debian-12", {}, found.slice(1)), { version: "4.0.5-6", from: "offered" });
  assert.deepEqual(rabbitmqVersion("debian-12", {}, [{}]), { version: "3.10", from: "expected" });
  assert.deepEqual(rabbitmqVersion("debian-13", {}), { version: "4.0", from: "expected" });
});

test("an RPM that the configuration names says its version", () => {
  const file = (url: string) => ({ url, sha256: "" });
  const rpms = { erlang: file("e"), rabbitmq: file("https://x/rabbitmq-server-4.1.8-1.el8.noarch.rpm") };
  assert.deepEqual(rabbitmqVersion("rocky-9", { rpms }), { version: "4.1.8-1.el8", from: "pinned" });
  const unnamed = { ...rpms, rabbitmq: file("https://x/broker.rpm") };
  assert.deepEqual(rabbitmqVersion("rocky-9", { rpms: unnamed }), { version: "3.13", from: "expected" });
});

test("the oldest of several versions counts, whatever the order", () => {
  const several = ["4.2.1", "4.10.0", "3.13.7"].map((offered) => ({ offered }));
  assert.equal(rabbitmqVersion("debian-12", {}, several).version, "3.13.7");
});

function notice(version: string, from: RabbitmqVersion["from"], today: string): string {
  const { text, hasEnded } = supportNotice({ version, from }, "debian-12", today);
  return `${hasEnded ? "ended" : "runs"}: ${text}`;
}

test("one line says until when there is support, and what to take where it has ended", () => {
  assert.equal(
    notice("3.10", "expected", "2026-11-30"),
    "ended: RabbitMQ 3.10 (as debian-12 is known to install): community support ended on 31 July 2023. " +
      "4.3 has it until 30 November 2026: packages.rabbitmq.repository, see docs/systems.md.",
  );
  assert.equal(
    notice("4.0.5-6", "installed", "2026-11-30"),
    "ended: RabbitMQ 4.0.5-6 (installed): community support ended on 30 April 2025. 4.3 has it until 30 November 2026: docs/rolling.md.",
  );
  assert.equal(
    notice("4.3.6", "offered", "2026-11-30"),
    "runs: RabbitMQ 4.3.6 (offered by the machines' package sources): community support until 30 November 2026.",
  );
  assert.equal(
    notice("4.3.6", "pinned", "2026-12-01"),
    "ended: RabbitMQ 4.3.6 (as packages.rabbitmq states): community support ended on 30 November 2026. " +
      "https://www.rabbitmq.com/release-information says which series has it.",
  );
});

test("a series newer than the table is not said to be without support", () => {
  assert.match(notice("4.9.0", "installed", "2030-01-01"), /^runs: RabbitMQ 4\.9\.0 .* newer than 4\.3/);
});
