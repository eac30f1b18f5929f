/** The backups that the program makes by itself: when one is due, and what happens without a whole answer. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { backUpBefore, brokersInState, extractWithoutBackup } from "../../../cli/backup/automatic.ts";
import { mayLoseDefinitions, reasonForBackup } from "../../../cli/backup/reason.ts";
import type { PulumiCli } from "../../../cli/run-pulumi.ts";
import { newKey } from "../../engine/ssh-keys.ts";
import { SshServer } from "../../engine/ssh-server.ts";

const folder = mkdtempSync(join(tmpdir(), "rabbitmq-ha-automatic-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const urn = (name: string): string => `urn:pulumi:dev::rabbitmq-ha::command:remote:Command::${name}`;
const brokers = ["b1", "b2", "b3"];
const kinds = ["machine", "service", "restart"];
const resourceNames = [...brokers.flatMap((name) => kinds.map((kind) => `${name}-${kind}`)), "p1-machine"];
const resource = (name: string, create = "true") => ({ urn: urn(name), type: "", inputs: { create } });
const resources = resourceNames.map((name) => resource(name));

const pair = newKey();
const key = pair.private;
/** Nobody listens there. */
const outputs = {
  clusterName: "c1",
  brokers: brokers.map((name) => ({ name, address: "127.0.0.1" })),
  balancers: [{ name: "p1", address: "127.0.0.1" }],
  virtualAddress: "127.0.0.9",
  amqpUri: "amqp://127.0.0.9:5672",
  managementUrl: "http://127.0.0.9:15672",
  managementUrls: brokers.map(() => "http://127.0.0.1:15672"),
  statsUrls: ["http://127.0.0.1:8100"],
  adminUser: "admin",
  adminPassword: "x",
  policy: { name: "ha-all", pattern: "^", definition: {} },
  ssh: brokers.map((name) => ({ name, host: "127.0.0.1", port: 1, user: "root", privateKey: key })),
};

let asked: string[] = [];
beforeEach(() => {
  asked = [];
});

interface Stack {
  readonly resources?: readonly ReturnType<typeof resource>[];
  readonly outputs?: object;
  readonly provider?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function cli(stack: Stack): PulumiCli {
  const answer = (args: readonly string[]): unknown => {
    asked.push(args.slice(0, 2).join(" "));
    return args[1] === "output"
      ? (stack.outputs ?? outputs)
      : {
          deployment: {
            resources: stack.resources ?? resources,
            secrets_providers: { type: stack.provider ?? "passphrase" },
          },
        };
  };
  return {
    env: { PULUMI_BACKEND_URL: "https://x", RABBITMQ_HA_BACKUP_FOLDER: folder, ...stack.env },
    run: () => Promise.reject(new Error("not run")),
    capture: (args) => Promise.resolve({ failed: false, stdout: JSON.stringify(answer(args)), stderr: "" }),
    captureOrThrow: () => Promise.reject(new Error("not asked")),
  };
}
const passphrase = { PULUMI_CONFIG_PASSPHRASE: "p" };

/** A stack of real machines: its file is Pulumi.aws.example.yaml. */
const real = "aws.example";

test("no answer is no permission: nothing is done, each broker is named, and so is the flag to go on", async () => {
  await assert.rejects(backUpBefore(cli({ env: passphrase }), real, "destroy"), (error: Error) => {
    assert.match(
      error.message,
      /^nothing was done, because no backup .* can be made: no broker answers whole:\n/,
    );
    for (const name of brokers) assert.match(error.message, new RegExp(`^ {2}${name}: .*ECONNREFUSED`, "m"));
    assert.match(error.message, /go on without a backup: --without-backup$/);
    return true;
  });
  assert.deepEqual(readdirSync(folder), []);
});

test("a lab whose brokers do not answer is no reason to stop", async () => {
  await backUpBefore(cli({ env: passphrase }), "dev", "destroy");
});

test("without a passphrase nothing is done, and no broker is asked", async () => {
  await assert.rejects(
    backUpBefore(cli({ provider: "service" }), real, "destroy"),
    /nothing was done, .*export RABBITMQ_HA_BACKUP_PASSPHRASE_FILE=.*\n.*--without-backup$/,
  );
});

test("Ctrl-C while a broker is asked stops, also in a lab: what follows is not begun", async () => {
  const server = await SshServer.start({ keys: [pair.public], forcedCommand: "kill -INT $PPID; sleep 30" });
  try {
    const { public: hostKey } = server.hostKey;
    const ssh = outputs.ssh.map((login) => ({ ...login, port: server.port, hostKey }));
    const started = performance.now();
    await assert.rejects(
      backUpBefore(cli({ env: passphrase, outputs: { ...outputs, ssh } }), "dev", "destroy"),
      {
        message: "interrupted before anything was done",
      },
    );
    assert.ok(performance.now() - started < 8000);
  } finally {
    await server.stop();
  }
});

test("a stack that has nothing to back up is not asked: none, never up, or taken down already", async () => {
  await backUpBefore(cli({ resources: [] }), real, "destroy");
  assert.deepEqual(asked, ["stack export"]);
  await backUpBefore(cli({ outputs: {} }), real, "destroy");
  const machines = resources.filter((each) => each.urn.endsWith("-machine"));
  await backUpBefore(cli({ resources: machines }), real, "destroy");
  assert.deepEqual(brokersInState(outputs as never, machines), []);
  const one = [...machines, resource("b2-service")];
  assert.deepEqual(brokersInState(outputs as never, one), ["b2"]);
});

test("a replaced machine of a broker is a reason, in each form of the flag; that of a balancer is none", () => {
  const of = (...flags: string[]) => reasonForBackup(flags, "", resources);
  assert.equal(of("--replace", urn("b2-machine")), "replace");
  assert.equal(of("--diff", `--replace=${urn("b3-machine")}`), "replace");
  assert.equal(of("--target-replace", urn("b3-machine")), "replace");
  assert.equal(of("--replace", urn("p1-machine")), undefined);
  assert.equal(of("--replace", urn("b1-service")), undefined);
  assert.equal(of("--diff"), undefined);
});

test("another version of the package is a reason until every broker has it", () => {
  const file = (text: string): string => `config:\n  rabbitmq-ha:packages: ${text}\n`;
  const turns = (...versions: string[]) => [
    ...resources.filter(({ urn: each }) => !each.endsWith("-restart")),
    ...brokers.map((name, index) =>
      resource(`${name}-restart`, `rabbitmq-ha restart --package-version ${versions[index] ?? ""} # 1`),
    ),
  ];
  const of = (text: string, ...versions: string[]) => reasonForBackup([], file(text), turns(...versions));
  const wanted = "{ rabbitmq: { version: 3.10.8-1.1 } }";
  assert.equal(of(wanted, "3.10.8-1.1", "3.10.8-1.1", "'3.10.8-1.1'"), undefined);
  assert.equal(of(wanted, "3.10.8-1.1", "3.10.8-1", "3.10.8-1"), "upgrade");
  assert.equal(of(wanted, "3.10.8-1.1+next1", "3.10.8-1.1", "3.10.8-1.1"), "upgrade");
  assert.equal(of("{ rabbitmq: { url: http://a, sha256: ab12 } }", "x", "x", "x"), "upgrade");
  assert.equal(of("{ proxy: http://p }", "x", "x", "x"), undefined);
  assert.equal(reasonForBackup([], file(wanted), []), undefined);
  assert.equal(reasonForBackup([], "", turns("x", "x", "x")), undefined);
});

test("only an up that names a resource or a version of the package has the state read", () => {
  const versioned = "config:\n  rabbitmq-ha:packages: { rabbitmq: { version: 3.10.8-1.1 } }\n";
  assert.equal(mayLoseDefinitions(["--diff"], ""), false);
  assert.equal(mayLoseDefinitions([`--replace=${urn("b3-machine")}`], ""), true);
  assert.equal(mayLoseDefinitions([], versioned), true);
});

test("--without-backup is taken out of the flags", () => {
  assert.deepEqual(extractWithoutBackup(["--diff", "--without-backup"]), {
    withoutBackup: true,
    rest: ["--diff"],
  });
  assert.deepEqual(extractWithoutBackup(["--diff"]), { withoutBackup: false, rest: ["--diff"] });
});
