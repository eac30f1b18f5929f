/**
 * The command provider's Check, Diff and Read, which run no command.
 *
 * Sources: CMD = pulumi/pulumi-command 1.2.1 provider/pkg/provider, GP = pulumi/pulumi-go-provider
 * infer/resource.go, FACTS = the table and the numbered points on remote.Command.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { usesRealPlugins } from "./plugins.ts";
import { LOCAL, Provider, REMOTE } from "./provider.ts";
import { unwrapSecret, isSecret, secret, UNKNOWN, type Values } from "./values.ts";

let provider: Provider;
before(async () => {
  provider = await Provider.launch();
});
after(async () => {
  await provider.stop();
});

const connection = secret({ host: "broker-1", privateKey: "k" });

describe("check", () => {
  test("fills in the connection's defaults: root, port 22, 10 failed dials, 15 s (CMD connection.go)", async () => {
    const { inputs, failures } = await provider.check(REMOTE, { connection, create: "true" });
    assert.deepEqual(failures, []);
    assert.deepEqual(unwrapSecret(inputs["connection"]), {
      host: "broker-1",
      privateKey: secret("k"),
      user: "root",
      port: 22,
      dialErrorLimit: 10,
      perDialTimeout: 15,
    });
    assert.equal(inputs["addPreviousOutputInEnv"], undefined);
  });

  test("fills in the same defaults for a bastion (CMD proxyConnection.go)", async () => {
    const { inputs } = await provider.check(REMOTE, {
      connection: secret({ host: "broker-1", proxy: { host: "bastion" } }),
    });
    const { proxy } = unwrapSecret(inputs["connection"]) as { proxy: Values };
    assert.deepEqual(proxy, {
      host: "bastion",
      user: "root",
      port: 22,
      dialErrorLimit: 10,
      perDialTimeout: 15,
    });
  });

  test("marks passwords and keys as secret inside the secret connection too (CMD connection.go, GP apply_secrets.go)", async () => {
    const login = { host: "h", password: "p", privateKey: "k", privateKeyPassword: "kp" };
    const { inputs } = await provider.check(REMOTE, {
      connection: secret({ ...login, proxy: { ...login, privateKey: secret("k") } }),
    });
    const { proxy, ...target } = unwrapSecret(inputs["connection"]) as { proxy: Values };
    for (const { password, privateKey, privateKeyPassword } of [target as Values, proxy]) {
      assert.deepEqual([password, privateKey, privateKeyPassword], [secret("p"), secret("k"), secret("kp")]);
    }
  });

  test("makes a plain connection secret (FACTS 9, GP apply_secrets.go)", async () => {
    const { inputs } = await provider.check(REMOTE, { connection: { host: "broker-1" } });
    assert.equal(isSecret(inputs["connection"]), true);
  });

  test("leaves secret and plain inputs as they are (GP ende.go)", async () => {
    const { inputs } = await provider.check(REMOTE, { connection, stdin: secret("s"), create: "c" });
    assert.deepEqual(inputs["stdin"], secret("s"));
    assert.equal(inputs["create"], "c");
  });

  test("accepts unknown inputs (GP ende.go)", async () => {
    const { inputs, failures } = await provider.check(REMOTE, {
      connection: secret({ host: UNKNOWN }),
      create: UNKNOWN,
    });
    assert.deepEqual(failures, []);
    assert.equal(inputs["create"], UNKNOWN);
  });

  test("reports a missing, an unrecognized and a mistyped input (GP, sdk/go/common/util/mapper)", async () => {
    const { failures } = await provider.check(REMOTE, { create: 1, creat: "x" });
    assert.deepEqual([...failures].sort(), [
      "connection: Missing required field 'connection' on 'remote.CommandInputs'",
      "creat: Unrecognized field 'creat' on 'remote.CommandInputs'",
      "create: Field 'create' on 'remote.CommandInputs' must be a 'string'; got 'float64' instead",
    ]);
  });

  test("reports a fault within the connection", async () => {
    const { failures } = await provider.check(REMOTE, { connection: secret({ user: "root" }) });
    assert.equal(failures.length, 1);
    assert.match(failures[0] ?? "", /^connection: .*Missing required field 'host' on 'remote\.Connection'/s);
  });

  test("fails on an unknown resource type", async () => {
    await assert.rejects(
      provider.check("command:remote:Nothing", {}),
      /^Error: Resource 'remote:Nothing' not found$/,
    );
  });
});

describe("diff", () => {
  const inputs: Values = {
    connection: secret({ host: "broker-1", port: 22, user: "root", dialErrorLimit: 10, perDialTimeout: 15 }),
    addPreviousOutputInEnv: true,
    create: "create",
    delete: "delete",
    update: "update",
    stdin: "in",
    logging: "none",
    environment: { A: "1" },
    triggers: ["a", "b"],
  };
  const state: Values = { ...inputs, stdout: "out", stderr: "err" };

  test("reports no change for equal inputs (FACTS table)", async () => {
    assert.deepEqual(await provider.diff(REMOTE, state, inputs), {
      changes: false,
      kinds: {},
      replaces: [],
      deleteBeforeReplace: false,
    });
  });

  const updates: Record<string, [Values, Record<string, string>]> = {
    create: [{ create: "other" }, { create: "update" }],
    update: [{ update: "other" }, { update: "update" }],
    delete: [{ delete: "other" }, { delete: "update" }],
    stdin: [{ stdin: "other" }, { stdin: "update" }],
    "a stdin that became secret": [{ stdin: secret("in") }, { stdin: "update" }],
    logging: [{ logging: "stdout" }, { logging: "update" }],
    addPreviousOutputInEnv: [{ addPreviousOutputInEnv: false }, { addPreviousOutputInEnv: "update" }],
    environment: [
      { environment: { A: "2", "B-C": "3" } },
      { "environment.A": "update", 'environment["B-C"]': "add" },
    ],
    "the secret connection": [{ connection: secret({ host: "broker-2" }) }, { connection: "update" }],
  };
  for (const [name, [change, kinds]] of Object.entries(updates)) {
    test(`updates for ${name} (FACTS table: any input but triggers)`, async () => {
      const difference = await provider.diff(REMOTE, state, { ...inputs, ...change });
      assert.deepEqual(difference.kinds, kinds);
      assert.deepEqual(difference.replaces, []);
      assert.equal(difference.changes, true);
    });
  }

  test(
    "reports no change when a key in the secret connection becomes secret, as it is not in states before 0.2.0",
    // The real provider updates such a resource, once.
    { skip: usesRealPlugins },
    async () => {
      const old = { ...state, connection: secret({ host: "broker-1", privateKey: "k" }) };
      const next = (key: string): Values => ({
        ...inputs,
        connection: secret({ host: "broker-1", privateKey: secret(key) }),
      });
      assert.equal((await provider.diff(REMOTE, old, next("k"))).changes, false);
      assert.deepEqual((await provider.diff(REMOTE, old, next("other"))).kinds, { connection: "update" });
    },
  );

  test("updates for inputs that are added or removed", async () => {
    const { update: _, ...without } = inputs;
    assert.deepEqual((await provider.diff(REMOTE, state, without)).kinds, { update: "delete" });
    const { stdin: __, ...older } = state;
    assert.deepEqual((await provider.diff(REMOTE, older, inputs)).kinds, { stdin: "add" });
  });

  test("replaces for triggers that are added or removed as a whole (FACTS table, CMD common/inputs.go)", async () => {
    const { triggers: _, ...without } = inputs;
    const added = await provider.diff(REMOTE, without, inputs);
    assert.deepEqual(added.kinds, { triggers: "add-replace" });
    assert.deepEqual(added.replaces, ["triggers"]);
    assert.deepEqual((await provider.diff(REMOTE, state, without)).kinds, { triggers: "delete-replace" });
  });

  // The engine turns these into a replacement: the SDK registers replaceOnChanges ["triggers[*]"].
  test("reports the single triggers that changed (GP diff, @pulumi/command remote/command.js)", async () => {
    const changed = await provider.diff(REMOTE, state, { ...inputs, triggers: ["a", "c", "d"] });
    assert.deepEqual(changed.kinds, { "triggers[1]": "update", "triggers[2]": "add" });
  });

  test("does not ask for deletion before replacement: the new create comes first (FACTS table and 3)", async () => {
    const replacement = await provider.diff(REMOTE, state, {
      ...inputs,
      triggers: "x",
    });
    assert.deepEqual(replacement.kinds, { triggers: "update-replace" });
    assert.equal(replacement.deleteBeforeReplace, false);
  });

  test("reports an unknown input as a change (GP diff)", async () => {
    const difference = await provider.diff(REMOTE, state, { ...inputs, stdin: UNKNOWN });
    assert.deepEqual(difference.kinds, { stdin: "update" });
  });

  test("reports no change of an ignored input (GP diff)", async () => {
    const difference = await provider.diff(REMOTE, state, { ...inputs, stdin: "other" }, ["stdin"]);
    assert.equal(difference.changes, false);
  });

  test("treats local commands in the same way", async () => {
    const local = { create: "a", dir: "/x", triggers: [1] };
    const difference = await provider.diff(
      LOCAL,
      { ...local, stdout: "" },
      { ...local, dir: "/y", triggers: [2] },
    );
    assert.deepEqual(difference.kinds, { dir: "update", "triggers[0]": "update" });
  });
});

test("read and refresh return the state, so no drift is detected (FACTS table, CMD#432)", async () => {
  const state = await provider.checkOrThrow(REMOTE, { connection, create: "c" });
  const read = await provider.read(REMOTE, { ...state, stdout: "old", stderr: "" }, state);
  assert.deepEqual(read, {
    id: "thing01234567",
    state: { ...state, stdout: "old", stderr: "" },
    inputs: state,
  });
});

test("reports version 1.2.1, or an empty one as a build without a version does", async () => {
  assert.match(await provider.version(), /^(v?1\.2\.1)?$/);
});
