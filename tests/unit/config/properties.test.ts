/** Properties that hold for all values of a kind, tested with generated values. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { parseConfig } from "../../../config/config.ts";
import { draft, faults } from "./draft.ts";

const label = fc
  .stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
  .filter((name) => name !== "localhost" && !/^(\d+|0x[0-9a-f]+)$/.test(name));

test("every label in lower case is a valid host name", () => {
  fc.assert(
    fc.property(label, (name) => {
      assert.equal(parseConfig(draft({ "brokers.1.name": name })).brokers[1]?.name, name);
    }),
  );
});

test("no other text is a valid host name, and its fault is the only one", () => {
  const other = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.stringMatching(/^[a-z0-9-]{0,70}$/),
    fc.domain(),
  );
  fc.assert(
    fc.property(
      other.filter((name) => !/^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)),
      (name) => {
        const lines = faults(draft({ "brokers.1.name": name }));
        assert.equal(lines.length, 1);
        assert.ok(lines[0]?.startsWith("brokers[1].name = "));
      },
    ),
  );
});

test("an address is accepted exactly if it is a free one of the subnet", () => {
  const taken = new Set([0, 1, 100, 120, 122, 123, 124, 255]);
  fc.assert(
    fc.property(fc.nat(255), fc.integer({ min: 55, max: 57 }), (last, third) => {
      const raw = draft({ "brokers.1.address": `192.168.${String(third)}.${String(last)}` });
      if (third === 56 && !taken.has(last)) assert.equal(parseConfig(raw).brokers.length, 3);
      else assert.equal(faults(raw).length, 1);
    }),
  );
});

test("no other text is an address", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.ipV6(),
        fc.domain(),
        fc.ipV4().map((ip) => `0${ip}`),
      ),
      (address) => {
        assert.match(faults(draft({ "brokers.1.address": address }))[0] ?? "", /^brokers\[1\]\.address = /);
      },
    ),
  );
});

test("a duration is accepted exactly if it is valid and fits HAProxy's timers", () => {
  const units = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };
  const unit = fc.constantFrom("ms", "s", "m", "h", "d");
  fc.assert(
    fc.property(fc.integer({ min: -2, max: 2 ** 32 }), unit, (amount, name) => {
      const duration = `${String(amount)}${name}`;
      const raw = draft({ "haproxy.timeouts.client": duration });
      const fits = amount >= 1 && amount * units[name] < 2 ** 31;
      if (fits) assert.equal(parseConfig(raw).haproxy.timeouts.client, duration);
      else assert.equal(faults(raw).length, 1);
    }),
  );
});

test("an interval is accepted exactly if it is 1 to 4095 hundredths of a second", () => {
  fc.assert(
    fc.property(fc.integer({ min: -5, max: 41_000 }), (thousandths) => {
      const raw = draft({ "keepalived.advertisementInterval": thousandths / 1000 });
      const fits = thousandths % 10 === 0 && thousandths >= 10 && thousandths <= 40_950;
      if (fits) assert.equal(parseConfig(raw).keepalived.advertisementInterval, thousandths / 1000);
      else assert.equal(faults(raw).length, 1);
    }),
  );
});

test("every value leads to a configuration or to a list of faults without zod's own messages", () => {
  const keys = [
    "platform",
    "os",
    "brokers",
    "balancers",
    "virtualAddress",
    "clusterName",
    "rabbitmq",
    "haproxy",
  ];
  const key = fc.constantFrom(...keys, "keepalived", "lab", "existing", "aws", "adminPassword", "else");
  const inner = fc.constantFrom(
    "ports",
    "policy",
    "settings",
    "timeouts",
    "source",
    "plugins",
    "subnet",
    "0",
    "name",
  );
  const value = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(inner, fc.oneof(fc.jsonValue(), fc.dictionary(inner, fc.jsonValue()))),
  );
  fc.assert(
    fc.property(fc.dictionary(key, value), (changes) => {
      const raw = draft(changes);
      try {
        parseConfig(raw);
      } catch {
        for (const line of faults(raw)) {
          assert.match(line, /^\S.*: .*(write|set|remove|leave|mean|give|add|the keys here)/);
          assert.doesNotMatch(line, /Invalid|expected|Unrecognized|undefined/);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("an invalid secret is never shown", () => {
  const secret = fc.constantFrom("adminPassword", "erlangCookie", "sshPrivateKey", "statsPassword");
  fc.assert(
    fc.property(secret, fc.string({ minLength: 8 }), (key, value) => {
      const raw = draft({ [key]: `hunter2\n ${value}` });
      assert.doesNotMatch(faults(raw).join(), /hunter2/);
    }),
  );
});
