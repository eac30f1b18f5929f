/** How verify judges what the stack defines. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { type DefinitionAnswer, isPasswordOf, judgeDefinitions } from "../../../verify/checks/definitions.ts";
import type { Verdict } from "../../../verify/finding.ts";

const lines = [
  'vhost {"metadata":{"description":"beer","tags":["a","b"]},"name":"shop"}',
  'user {"name":"app","tags":["management"]}',
  'permission {"configure":"","read":".*","user":"app","vhost":"shop","write":".*"}',
  'policy {"apply-to":"all","definition":{"max-length":5},"name":"short","pattern":"^s","priority":1,"vhost":"shop"}',
  'queue {"arguments":{"x-queue-type":"quorum"},"auto_delete":false,"durable":true,"name":"orders","type":"quorum","vhost":"shop"}',
  'binding {"arguments":{},"destination":"orders","destination_type":"queue","routing_key":"k","source":"x","vhost":"shop"}',
];

function hashOf(password: string): string {
  const salt = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([salt, createHash("sha256").update(salt).update(password).digest()]).toString(
    "base64",
  );
}

const algorithm = "rabbit_password_hashing_sha256";
const found: DefinitionAnswer = {
  vhosts: [
    { name: "/", description: "", tags: [] },
    { name: "shop", metadata: { description: "beer", tags: ["b", "a"] }, messages: 5 },
  ],
  users: [
    {
      name: "app",
      tags: ["management"],
      password_hash: hashOf("ö"),
      hashing_algorithm: algorithm,
      limits: {},
    },
  ],
  permissions: [{ user: "app", vhost: "shop", configure: "", read: ".*", write: ".*" }],
  policies: [
    {
      vhost: "shop",
      name: "short",
      pattern: "^s",
      "apply-to": "all",
      priority: 1,
      definition: { "max-length": 5 },
    },
  ],
  queues: [
    {
      vhost: "shop",
      name: "orders",
      type: "quorum",
      durable: true,
      auto_delete: false,
      arguments: { "x-queue-type": "quorum" },
    },
  ],
  bindings: [
    {
      vhost: "shop",
      source: "x",
      destination: "orders",
      destination_type: "queue",
      routing_key: "k",
      arguments: {},
    },
  ],
};

function judge(over: DefinitionAnswer = {}, more: readonly string[] = []): Verdict {
  const definitions = { lines: [...lines, ...more], hashes: {} };
  return judgeDefinitions({ definitions, userPasswords: { app: "ö" } }, { ...found, ...over });
}

test("a user that is not the stack's is not judged, whatever its name is", () => {
  const users = [...(found["users"] ?? []), { name: "constructor", tags: [], password_hash: hashOf("x") }];
  assert.equal(judge({ users }).ok, true);
});

test("what is as defined passes, and what is not stated may be anything", () => {
  const { ok, detail } = judge();
  assert.equal(detail, "6 objects as defined");
  assert.equal(ok, true);
});

test("a missing object is named, with the steps that make it", () => {
  const { detail, resourcesToRerun, advice } = judge({ policies: [] });
  assert.equal(detail, "the policy short of shop is missing");
  assert.deepEqual(resourcesToRerun, ["definitions-set"]);
  assert.equal(advice, undefined);
  assert.deepEqual(judge({ users: [] }).resourcesToRerun, ["definitions-users", "definitions-set"]);
});

test("a changed object is named with both values", () => {
  const policies = [{ ...found["policies"]?.[0], priority: 7 }];
  const { detail, resourcesToRerun } = judge({ policies });
  assert.equal(detail, "the policy short of shop has priority 7 instead of 1");
  assert.deepEqual(resourcesToRerun, ["definitions-set"]);
  const users = [{ ...found["users"]?.[0], tags: "administrator,management" }];
  assert.equal(
    judge({ users }).detail,
    'the user app has tags ["administrator","management"] instead of ["management"]',
  );
});

test("a queue with other properties is for a person, since nothing changes it in place", () => {
  const queues = [{ ...found["queues"]?.[0], type: "classic", arguments: { "x-max-length": 5 } }];
  const { detail, resourcesToRerun, advice } = judge({ queues });
  assert.match(detail, /^the queue orders of shop has arguments \{"x-max-length":5\} instead of \{\}, type/);
  assert.deepEqual(resourcesToRerun, []);
  assert.equal(advice, "state what the queue orders of shop has, or delete it when it is empty");
});

test("another password is found by its hash, and no secret is shown", () => {
  assert.equal(isPasswordOf("ö", hashOf("ö"), algorithm), true);
  assert.equal(isPasswordOf("ö", "", algorithm), false);
  const users = [{ ...found["users"]?.[0], password_hash: hashOf("other") }];
  const { detail, resourcesToRerun } = judge({ users });
  assert.equal(detail, "the password of app is another one");
  assert.deepEqual(resourcesToRerun, ["definitions-users"]);
  const hashes = { app: { password_hash: hashOf("ö"), hashing_algorithm: algorithm } };
  const stated = { definitions: { lines, hashes }, userPasswords: {} };
  assert.equal(judgeDefinitions(stated, found).ok, true);
  assert.equal(judgeDefinitions(stated, { ...found, users }).ok, false);
});

test("at most ten objects are named", () => {
  const more = Array.from({ length: 20 }, (_, index) => `vhost {"metadata":{},"name":"v${index}"}`);
  const { detail } = judge({}, more);
  assert.match(detail, /the virtual host v9 is missing; and 10 more$/);
});

test("the limit by which a migration keeps everybody out is no user's own", () => {
  const users = [{ ...found["users"]?.[0], limits: { "max-channels": 9, "max-connections": 0 } }];
  const isAsDefined = (limits: object, own?: number): boolean => {
    const fence = { name: "rabbitmq_ha_fence", value: JSON.stringify({ app: own }) };
    const wanted = `user ${JSON.stringify({ name: "app", tags: ["management"], limits })}`;
    return judge({ users, global_parameters: own === undefined ? [] : [fence] }, [wanted]).ok;
  };
  assert.equal(isAsDefined({ "max-channels": 9 }, -1), true);
  assert.equal(isAsDefined({ "max-channels": 9, "max-connections": 5 }, 5), true);
  assert.equal(isAsDefined({ "max-channels": 9, "max-connections": 0 }, 0), true);
  assert.equal(isAsDefined({ "max-channels": 9, "max-connections": 6 }, 5), false);
  assert.equal(isAsDefined({ "max-channels": 9 }), false);
});
