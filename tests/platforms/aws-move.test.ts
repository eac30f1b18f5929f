/** The script that moves the virtual address in an AWS account, with the real AWS CLI against a fake AWS server. */
import assert from "node:assert/strict";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { execa } from "execa";
import { ensurePythonTools } from "../../toolchain/python.ts";
import { moveAddressPolicy } from "../../platforms/aws/policy.ts";
import { render } from "../../templates/render.ts";
import { FakeAwsServer, region } from "../support/aws-server.ts";
import { makeScratchFolder } from "../support/bash.ts";
import { root } from "../support/dev-stack.ts";

const folder = await makeScratchFolder();
const tools = join(folder, "bin");
const held = join(folder, "held");
const journal = join(folder, "journal");
const script = join(folder, "move-address");
let aws: FakeAwsServer;
let bin: string;

interface Mode {
  readonly address: string;
  /** The IDs of the route tables; none where the address is a secondary one. */
  readonly routeTables: readonly string[];
  /** The interfaces of this host and of another one. */
  readonly here: string;
  readonly other: string;
  /** Assigns the address to an interface without the script. */
  readonly give: (networkInterface: string) => Promise<void>;
  /** The interfaces that have the address. */
  readonly holders: () => Promise<string[]>;
}

interface Outcome {
  readonly code: number;
  readonly journal: string;
  /** The called actions, in order. */
  readonly actions: readonly string[];
}

/** Writes fakes of the host's commands that the script uses: `ip` shows the address, `systemd-cat` writes the journal. */
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
  // The script puts its locks into this folder.
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

/** Waits until a running script reports that it has the address. @throws when it ends without doing so */
async function waitUntilHere(running: Promise<Outcome>): Promise<void> {
  let ended = false;
  void running.finally(() => (ended = true));
  while (!(await readFile(journal, "utf8")).includes("here after")) {
    assert.ok(!ended, `the script ended without the address:\n${await readFile(journal, "utf8")}`);
    await pause(200);
  }
}

async function secondary(): Promise<Mode> {
  const vpc = await aws.create("CreateVpc", "vpcId", { CidrBlock: "10.20.0.0/16" });
  const SubnetId = await aws.create("CreateSubnet", "subnetId", { VpcId: vpc, CidrBlock: "10.20.1.0/24" });
  const make = (PrivateIpAddress: string): Promise<string> =>
    aws.create("CreateNetworkInterface", "networkInterfaceId", { SubnetId, PrivateIpAddress });
  const [here, other] = [await make("10.20.1.21"), await make("10.20.1.22")];
  const address = "10.20.1.100";
  const give = async (networkInterface: string): Promise<void> => {
    for (const each of [here, other]) {
      const parameters = { NetworkInterfaceId: each, "PrivateIpAddress.1": address };
      if (each !== networkInterface && (await holds(each)))
        await aws.callMoto("UnassignPrivateIpAddresses", parameters);
    }
    if (!(await holds(networkInterface))) {
      await aws.callMoto("AssignPrivateIpAddresses", {
        NetworkInterfaceId: networkInterface,
        "PrivateIpAddress.1": address,
        AllowReassignment: "true",
      });
    }
  };
  const holds = async (networkInterface: string): Promise<boolean> => {
    const parameters = { "NetworkInterfaceId.1": networkInterface };
    return (await aws.callMoto("DescribeNetworkInterfaces", parameters)).includes(`>${address}<`);
  };
  const holders = async (): Promise<string[]> => {
    const found = await Promise.all([here, other].map(async (each) => ((await holds(each)) ? [each] : [])));
    return found.flat();
  };
  return { address, routeTables: [], here, other, give, holders };
}

async function route(): Promise<Mode> {
  const { here, other } = await secondary();
  const vpc = await aws.create("CreateVpc", "vpcId", { CidrBlock: "10.30.0.0/16" });
  const address = "10.255.255.100";
  const DestinationCidrBlock = `${address}/32`;
  const table = (): Promise<string> => aws.create("CreateRouteTable", "routeTableId", { VpcId: vpc });
  const routeTables = [await table(), await table()];
  for (const RouteTableId of routeTables) {
    await aws.callMoto("CreateRoute", { RouteTableId, DestinationCidrBlock, NetworkInterfaceId: other });
  }
  const give = async (networkInterface: string): Promise<void> => {
    for (const RouteTableId of routeTables) {
      const parameters = { RouteTableId, DestinationCidrBlock, NetworkInterfaceId: networkInterface };
      await aws.callMoto("ReplaceRoute", parameters);
    }
  };
  const holders = async (): Promise<string[]> => {
    const parameters = Object.fromEntries(
      routeTables.map((id, index) => [`RouteTableId.${String(index + 1)}`, id]),
    );
    const text = await aws.callMoto("DescribeRouteTables", parameters);
    return [...text.matchAll(/<networkInterfaceId>([^<]+)</g)].map(([, id = ""]) => id);
  };
  return { address, routeTables, here, other, give, holders };
}

before(async () => {
  ({ bin } = await ensurePythonTools("aws"));
  await makeTools();
  aws = await FakeAwsServer.start(bin);
});
after(() => (aws as FakeAwsServer | undefined)?.stop());

/** @returns a function that handles the calls of an action in these ways in turn, and passes all other calls */
const inTurn = (
  action: string,
  ...verdicts: Parameters<typeof Array.of<ReturnType<FakeAwsServer["handlingOf"]>>>
) => {
  const left = [...verdicts];
  return (asked: string): ReturnType<FakeAwsServer["handlingOf"]> =>
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
      aws.handlingOf = () => "pass";
      // Two of the tests wait for text in the journal.
      await writeFile(journal, "");
      await mode.give(mode.other);
      await hold(mode.address);
    });
    const isHere = async (): Promise<void> => {
      const found = await mode.holders();
      assert.ok(found.includes(mode.here) && found.length >= changes, found.join());
      if (mode.routeTables.length > 0) assert.deepEqual([...new Set(found)], [mode.here]);
    };

    test("is moved to this host, and the move is confirmed by two look-ups", async () => {
      const { code, journal: text, actions } = await run(mode);
      assert.equal(code, 0, text);
      await isHere();
      assert.match(text, new RegExp(`^${mode.address}: here after \\d+ s, at ${mode.here}\n$`));
      assert.deepEqual(actions, [...Array<string>(changes).fill(change), look, look]);
    });

    test("stays if it is here already, and the script calls no more than the host's role permits", async () => {
      await mode.give(mode.here);
      const { code, actions } = await run(mode);
      assert.equal(code, 0);
      await isHere();
      const policy = moveAddressPolicy({ region, networkInterface: "arn", routeTables: mode.routeTables });
      const permitted = [...policy.matchAll(/"Action":"ec2:(\w+)"/g)].map(([, action]) => action);
      assert.deepEqual([...new Set(actions)].sort(), permitted.sort());
    });

    test("is only looked up by the argument `there`", async () => {
      const elsewhere = await run(mode, ["there"]);
      assert.deepEqual([elsewhere.code, elsewhere.actions], [1, [look]]);
      await mode.give(mode.here);
      const here = await run(mode, ["there"]);
      assert.deepEqual([here.code, here.actions, here.journal], [0, [look], ""]);
    });

    test("is moved although calls are throttled, and although one call reports success without effect", async () => {
      aws.handlingOf = inTurn(change, "throttle", "swallow");
      const { code, journal: text } = await run(mode);
      assert.equal(code, 0, text);
      await isHere();
      assert.match(text, /: not here after \d+ s: /);
    });

    test("is moved although a call is never answered", async () => {
      aws.handlingOf = inTurn(change, "hang");
      const { code, journal: text } = await run(mode, [], { patience: 12 });
      assert.equal(code, 0, text);
      await isHere();
    });

    test("is given up at the deadline, with AWS's error and what to do", async () => {
      aws.handlingOf = (action) => (action === change ? "forbid" : "pass");
      const { code, journal: text } = await run(mode, [], { deadline: 6 });
      assert.equal(code, 1);
      assert.deepEqual([...new Set(await mode.holders())], [mode.other]);
      assert.match(text, /UnauthorizedOperation/);
      assert.match(
        text,
        /: given up, so nobody reaches it; once the cause is gone, run \S+\/move-address\n$/,
      );
    });

    test("is not moved if another host holds it by now", async () => {
      await rm(held);
      const { code, journal: text, actions } = await run(mode);
      assert.deepEqual([code, actions], [0, []]);
      assert.equal(text, `${mode.address}: held by another host by now\n`);
      assert.deepEqual([...new Set(await mode.holders())], [mode.other]);
    });

    test("is moved back after a late call of its former holder", async () => {
      const running = run(mode, [], { settle: 6 });
      let code: number;
      try {
        await waitUntilHere(running);
        await mode.give(mode.other);
      } finally {
        ({ code } = await running);
      }
      assert.equal(code, 0);
      await isHere();
    });

    test("is moved by one script at a time, even if the script is called again", async () => {
      const running = run(mode, [], { settle: 4 });
      let outcome: Outcome;
      try {
        await waitUntilHere(running);
        const again = await execa("python3", ["-IS", script], { reject: false });
        assert.equal(again.exitCode, 0);
      } finally {
        outcome = await running;
      }
      const { code, actions } = outcome;
      assert.equal(code, 0);
      // The second script does nothing itself but makes the first one look the address up once more.
      assert.deepEqual(actions.slice(-3), [look, look, look]);
    });
  });
}

test("an AWS CLI without IMDSv2 gets the keys of the role, read from the metadata service by the script", async () => {
  const mode = await secondary();
  await hold(mode.address);
  aws.handlingOf = () => "pass";
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
