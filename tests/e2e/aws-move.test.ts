/** What moves the virtual address in an account, by the real AWS CLI, against a server that answers in AWS's place. */
import assert from "node:assert/strict";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { execa } from "execa";
import { ensurePythonTools } from "../../toolchain/python.ts";
import { moveAddress } from "../../platforms/aws/policy.ts";
import { render } from "../../templates/render.ts";
import { AwsServer, region } from "../support/aws-server.ts";
import { scratch } from "../support/bash.ts";
import { root } from "../support/dev-stack.ts";

const folder = await scratch();
const tools = join(folder, "bin");
const held = join(folder, "held");
const journal = join(folder, "journal");
const script = join(folder, "move-address");
let aws: AwsServer;
let bin: string;

interface Mode {
  readonly address: string;
  /** The IDs of the route tables; none where the address is a secondary one. */
  readonly routeTables: readonly string[];
  /** The interfaces of this host and of another one. */
  readonly here: string;
  readonly other: string;
  /** Gives the address to an interface, past the script. */
  readonly give: (networkInterface: string) => Promise<void>;
  /** The interfaces that have the address. */
  readonly holders: () => Promise<string[]>;
}

interface Outcome {
  readonly code: number;
  readonly journal: string;
  /** The actions that were asked for, in their order. */
  readonly actions: readonly string[];
}

/** What a host has, as far as the script asks: an address on an interface, and a journal. */
async function makeTools(): Promise<void> {
  await mkdir(tools);
  const loopback = "1: lo    inet 127.0.0.1/8 scope host lo";
  const scripts = {
    ip: `#!/bin/sh\necho '${loopback}'\n[ ! -e ${held} ] || cat ${held}\n`,
    "systemd-cat": `#!/bin/sh\nexec cat >>${journal}\n`,
  };
  for (const [name, text] of Object.entries(scripts)) {
    await writeFile(join(tools, name), text);
    await chmod(join(tools, name), 0o755);
  }
}

const hold = (address: string): Promise<void> =>
  writeFile(held, `2: ens5    inet ${address}/32 scope global ens5\n`);
const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

interface Changes {
  readonly patience?: number;
  readonly deadline?: number;
  readonly settle?: number;
  readonly oldAwsCli?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const someKeys = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };

async function run(mode: Mode, args: readonly string[] = [], changes: Changes = {}): Promise<Outcome> {
  const { env = someKeys, patience = 30, deadline = 90, settle = 0, oldAwsCli = false } = changes;
  const { address, routeTables, here } = mode;
  const words = ["move-address", "--address", address, "--interface", "ens5", "--region", region];
  words.push("--network-interface", here, "--route-tables", routeTables.join(","));
  for (const [option, value] of Object.entries({ patience, deadline, settle })) {
    words.push(`--${option}`, String(value));
  }
  if (oldAwsCli) words.push("--old-aws-cli");
  const text = render("aws/move-address", { program: root, words: JSON.stringify(words) });
  // Its locks lie in this folder.
  const host = `from agent import host\nhost.ROOT = ${JSON.stringify(folder)}\nstart()\n`;
  await writeFile(script, text.replace(/^start\(\)\n/m, host));
  await writeFile(journal, "");
  aws.calls.length = 0;
  const { exitCode = -1 } = await execa("python3", ["-IS", script, ...args], {
    reject: false,
    extendEnv: false,
    timeout: 240_000,
    env: {
      ...env,
      PATH: `${tools}:${bin}:/usr/bin:/bin`,
      HOME: folder,
      AWS_ENDPOINT_URL: aws.endpoint,
      AWS_EC2_METADATA_DISABLED: "true",
    },
  });
  const actions = aws.calls.map(({ action }) => action);
  return { code: exitCode, journal: await readFile(journal, "utf8"), actions };
}

/** Waits until a script under way says that it has the address. @throws when it ends before, or does not say so */
async function saysHere(running: Promise<Outcome>): Promise<void> {
  let ended = false;
  void running.finally(() => (ended = true));
  while (!(await readFile(journal, "utf8")).includes("here after")) {
    assert.ok(!ended, `it ended without the address:\n${await readFile(journal, "utf8")}`);
    await pause(200);
  }
}

async function secondary(): Promise<Mode> {
  const vpc = await aws.make("CreateVpc", "vpcId", { CidrBlock: "10.20.0.0/16" });
  const SubnetId = await aws.make("CreateSubnet", "subnetId", { VpcId: vpc, CidrBlock: "10.20.1.0/24" });
  const make = (PrivateIpAddress: string): Promise<string> =>
    aws.make("CreateNetworkInterface", "networkInterfaceId", { SubnetId, PrivateIpAddress });
  const [here, other] = [await make("10.20.1.21"), await make("10.20.1.22")];
  const address = "10.20.1.100";
  const give = async (networkInterface: string): Promise<void> => {
    for (const each of [here, other]) {
      const parameters = { NetworkInterfaceId: each, "PrivateIpAddress.1": address };
      if (each !== networkInterface && (await holds(each)))
        await aws.ask("UnassignPrivateIpAddresses", parameters);
    }
    if (!(await holds(networkInterface))) {
      await aws.ask("AssignPrivateIpAddresses", {
        NetworkInterfaceId: networkInterface,
        "PrivateIpAddress.1": address,
        AllowReassignment: "true",
      });
    }
  };
  const holds = async (networkInterface: string): Promise<boolean> => {
    const parameters = { "NetworkInterfaceId.1": networkInterface };
    return (await aws.ask("DescribeNetworkInterfaces", parameters)).includes(`>${address}<`);
  };
  const holders = async (): Promise<string[]> => {
    const found = await Promise.all([here, other].map(async (each) => ((await holds(each)) ? [each] : [])));
    return found.flat();
  };
  return { address, routeTables: [], here, other, give, holders };
}

async function route(): Promise<Mode> {
  const { here, other } = await secondary();
  const vpc = await aws.make("CreateVpc", "vpcId", { CidrBlock: "10.30.0.0/16" });
  const address = "10.255.255.100";
  const DestinationCidrBlock = `${address}/32`;
  const table = (): Promise<string> => aws.make("CreateRouteTable", "routeTableId", { VpcId: vpc });
  const routeTables = [await table(), await table()];
  for (const RouteTableId of routeTables) {
    await aws.ask("CreateRoute", { RouteTableId, DestinationCidrBlock, NetworkInterfaceId: other });
  }
  const give = async (networkInterface: string): Promise<void> => {
    for (const RouteTableId of routeTables) {
      const parameters = { RouteTableId, DestinationCidrBlock, NetworkInterfaceId: networkInterface };
      await aws.ask("ReplaceRoute", parameters);
    }
  };
  const holders = async (): Promise<string[]> => {
    const parameters = Object.fromEntries(
      routeTables.map((id, index) => [`RouteTableId.${String(index + 1)}`, id]),
    );
    const text = await aws.ask("DescribeRouteTables", parameters);
    return [...text.matchAll(/<networkInterfaceId>([^<]+)</g)].map(([, id = ""]) => id);
  };
  return { address, routeTables, here, other, give, holders };
}

before(async () => {
  ({ bin } = await ensurePythonTools("aws"));
  await makeTools();
  aws = await AwsServer.start(bin);
});
after(() => (aws as AwsServer | undefined)?.stop());

/** @returns a judge that gives these verdicts in turn to the calls of an action, and lets the others pass */
const inTurn = (action: string, ...verdicts: Parameters<typeof Array.of<ReturnType<AwsServer["judge"]>>>) => {
  const left = [...verdicts];
  return (asked: string): ReturnType<AwsServer["judge"]> =>
    asked === action ? (left.shift() ?? "pass") : "pass";
};

const modes = {
  "a secondary address": {
    make: secondary,
    change: "AssignPrivateIpAddresses",
    look: "DescribeNetworkInterfaces",
  },
  "a route in two tables": { make: route, change: "ReplaceRoute", look: "DescribeRouteTables" },
} as const;

for (const [title, { make, change, look }] of Object.entries(modes)) {
  describe(title, () => {
    let mode: Mode;
    let changes: number;
    before(async () => {
      mode = await make();
      changes = Math.max(1, mode.routeTables.length);
    });
    beforeEach(async () => {
      aws.judge = () => "pass";
      // Two of the tests wait for what the journal says.
      await writeFile(journal, "");
      await mode.give(mode.other);
      await hold(mode.address);
    });
    const isHere = async (): Promise<void> => {
      const found = await mode.holders();
      assert.ok(found.includes(mode.here) && found.length >= changes, found.join());
      if (mode.routeTables.length > 0) assert.deepEqual([...new Set(found)], [mode.here]);
    };

    test("comes here, and that is looked up", async () => {
      const { code, journal: text, actions } = await run(mode);
      assert.equal(code, 0, text);
      await isHere();
      assert.match(text, new RegExp(`^${mode.address}: here after \\d+ s, at ${mode.here}\n$`));
      assert.deepEqual(actions, [...Array<string>(changes).fill(change), look, look]);
    });

    test("stays where it is already, and what is asked is no more than the role of the host permits", async () => {
      await mode.give(mode.here);
      const { code, actions } = await run(mode);
      assert.equal(code, 0);
      await isHere();
      const policy = moveAddress({ region, networkInterface: "arn", routeTables: mode.routeTables });
      const permitted = [...policy.matchAll(/"Action":"ec2:(\w+)"/g)].map(([, action]) => action);
      assert.deepEqual([...new Set(actions)].sort(), permitted.sort());
    });

    test("is only looked up when somebody asks whether it is here", async () => {
      const elsewhere = await run(mode, ["there"]);
      assert.deepEqual([elsewhere.code, elsewhere.actions], [1, [look]]);
      await mode.give(mode.here);
      const here = await run(mode, ["there"]);
      assert.deepEqual([here.code, here.actions, here.journal], [0, [look], ""]);
    });

    test("comes here though calls are throttled, and though one is said to be done that is not", async () => {
      aws.judge = inTurn(change, "throttle", "swallow");
      const { code, journal: text } = await run(mode);
      assert.equal(code, 0, text);
      await isHere();
      assert.match(text, /: not here after \d+ s: /);
    });

    test("comes here though a call is never answered", async () => {
      aws.judge = inTurn(change, "hang");
      const { code, journal: text } = await run(mode, [], { patience: 12 });
      assert.equal(code, 0, text);
      await isHere();
    });

    test("is given up at the deadline, with the account's own words and what to do", async () => {
      aws.judge = (action) => (action === change ? "forbid" : "pass");
      const { code, journal: text } = await run(mode, [], { deadline: 6 });
      assert.equal(code, 1);
      assert.deepEqual([...new Set(await mode.holders())], [mode.other]);
      assert.match(text, /UnauthorizedOperation/);
      assert.match(
        text,
        /: given up, so nobody reaches it; once the cause is gone, run \S+\/move-address\n$/,
      );
    });

    test("is left to the host that holds it by now", async () => {
      await rm(held);
      const { code, journal: text, actions } = await run(mode);
      assert.deepEqual([code, actions], [0, []]);
      assert.equal(text, `${mode.address}: held by another host by now\n`);
      assert.deepEqual([...new Set(await mode.holders())], [mode.other]);
    });

    test("is taken back from a late call of its former holder's", async () => {
      const running = run(mode, [], { settle: 6 });
      let code: number;
      try {
        await saysHere(running);
        await mode.give(mode.other);
      } finally {
        ({ code } = await running);
      }
      assert.equal(code, 0);
      await isHere();
    });

    test("is moved by one script at a time, however often it is called", async () => {
      const running = run(mode, [], { settle: 4 });
      let outcome: Outcome;
      try {
        await saysHere(running);
        const again = await execa("python3", ["-IS", script], { reject: false });
        assert.equal(again.exitCode, 0);
      } finally {
        outcome = await running;
      }
      const { code, actions } = outcome;
      assert.equal(code, 0);
      // The call that was not let through has the address looked after once more.
      assert.deepEqual(actions.slice(-3), [look, look, look]);
    });
  });
}

test("a CLI of before the metadata service's second version is given its role's keys from there", async () => {
  const mode = await secondary();
  await hold(mode.address);
  aws.judge = () => "pass";
  const keys = { AccessKeyId: "ASIAFROMTHEROLE", SecretAccessKey: "secret/of+it", Token: "its==token" };
  const service = createServer(({ method, url, headers }, answer) => {
    const token = headers["x-aws-ec2-metadata-token"];
    const path = "/latest/meta-data/iam/security-credentials/";
    if (method === "PUT" && url === "/latest/api/token") answer.end("session");
    else if (token !== "session") answer.writeHead(401).end();
    else if (url === path) answer.end("the-role");
    else if (url === `${path}the-role`) answer.end(JSON.stringify(keys, undefined, 2));
    else answer.writeHead(404).end();
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  const { port } = service.address() as AddressInfo;
  const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${String(port)}` };
  const { code, journal: text } = await run(mode, [], { oldAwsCli: true, env }).finally(() =>
    service.close(),
  );
  assert.equal(code, 0, text);
  for (const { authorization, token } of aws.calls) {
    assert.match(authorization, /Credential=ASIAFROMTHEROLE\//);
    assert.equal(token, keys.Token);
  }
  assert.deepEqual((await mode.holders()).includes(mode.here), true);
});
