/** What the program sends to hosts: the texts of its commands, taken from the program itself. */
import ssh2 from "ssh2";
import { programVersion } from "../../remote/program.ts";
import { account } from "./aws-account.ts";
import { givenVpc, oneSubnet } from "./aws-config.ts";
import { devConfig, type Blocks } from "./dev-stack.ts";
import { plain, runProgram, type Registered, type Run } from "./program.ts";

/**
 * Stacks that together use every setting and every template: `dev` as it is configured; `other`, the same hosts with
 * everything set that changes a text; `newest`, those on the newest system; `existing`, machines that are simply there,
 * and these on other systems: as they are, and `…Source` with HAProxy from source and alarms; `aws…`, in an account, with
 * the virtual address a route, a secondary one, or moved on CentOS 7.
 */
export type Stacks = Readonly<
  Record<
    | "dev"
    | "other"
    | "newest"
    | "existing"
    | "ubuntu"
    | "rocky9"
    | "centos7"
    | "centos7Source"
    | "aws"
    | "awsOneSubnet"
    | "awsCentos7",
    Run
  >
>;

/** In place of what each stack makes for itself, so that the texts are the same at every run. */
const kept = { "erlang-cookie": "COOKIE", "admin-password": "PASSWORD", "lab-id": "dev-0123456789" };

function otherConfig(): Blocks {
  const config = devConfig();
  const [first, second, third] = config["brokers"] as Blocks[];
  return {
    ...config,
    brokers: [first, second, { ...third, type: "ram" }],
    rabbitmq: {
      ...(config["rabbitmq"] as Blocks),
      plugins: ["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_shovel"],
      policy: { name: "two", pattern: "^(?!amq\\.)", definition: { "ha-mode": "exactly", "ha-params": 2 } },
      settings: { "vm_memory_high_watermark.absolute": "512MB", channel_max: 1000, "log.console": true },
    },
    haproxy: {
      ...(config["haproxy"] as Blocks),
      avoidAlarms: true,
      source: { version: "2.8.26", url: "https://example.org/haproxy-2.8.26.tar.gz", sha256: "0".repeat(64) },
    },
    keepalived: { ...(config["keepalived"] as Blocks), preempt: false, interface: "eth1" },
    packages: { rabbitmq: { version: "3.10.8-1.1+deb12u2" } },
    lab: { ...(config["lab"] as Blocks), image: "localhost/own:latest" },
    statsPassword: "STATS-PASSWORD",
  };
}

function newestConfig(): Blocks {
  const config = devConfig();
  const policy = { name: "limits", pattern: "^", definition: { "delivery-limit": 20 } };
  const rabbitmq = { ...(config["rabbitmq"] as Blocks), policy, settings: { default_queue_type: "quorum" } };
  return { ...config, os: "debian-13", rabbitmq };
}

const existingKeys = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });

/** Machines that are simply there, reached as a user that may use sudo, through a bastion. */
export function existingConfig(): Blocks {
  const { brokers, balancers, virtualAddress } = devConfig();
  return {
    platform: "existing",
    brokers,
    balancers,
    virtualAddress,
    existing: {
      user: "operator",
      hostKeys: `192.168.56.120,jump ${existingKeys.public}`,
      bastion: { host: "jump", port: 2222 },
    },
    sshPrivateKey: existingKeys.private,
  };
}

const proxy = "http://proxy.example.org:3128";
const rpm = (digit: string): Blocks => ({ sha256: digit.repeat(64) });

function ubuntuConfig(): Blocks {
  const packages = { proxy, mirror: "http://mirror.example.org/ubuntu" };
  return { ...existingConfig(), os: "ubuntu-24.04", packages };
}

/** Both systems of a family have the same templates; this one has nothing of its own but its version. */
function rocky9Config(): Blocks {
  return { ...existingConfig(), os: "rocky-9", packages: { rabbitmq: { version: "3.13.7-1.el8" } } };
}

export function centos7Config(): Blocks {
  return { ...existingConfig(), os: "centos-7", packages: { erlang: rpm("1"), rabbitmq: rpm("2") } };
}

/** The tutorial's own version of HAProxy, and RPMs from a folder of the host's. */
export function centos7SourceConfig(): Blocks {
  const source = {
    version: "1.6.5",
    url: "https://example.org/haproxy-1.6.5.tar.gz",
    sha256: "0".repeat(64),
  };
  const [erlang, rabbitmq] = ["erlang", "rabbitmq"].map((name, index) => ({
    ...rpm(String(index + 1)),
    url: `file:///srv/${name}.rpm`,
  }));
  const stated = { ...rabbitmq, version: "3.9.16-1.el7" };
  const packages = { proxy, mirror: "http://mirror.example.org/centos/7", erlang, rabbitmq: stated };
  return { ...centos7Config(), packages, haproxy: { avoidAlarms: true, source } };
}

/** Runs the program for each of the stacks. */
export async function runStacks(): Promise<Stacks> {
  const dev = await runProgram({ config: devConfig(), kept });
  const other = await runProgram({ config: otherConfig(), secrets: ["statsPassword"], kept });
  const newest = await runProgram({ config: newestConfig(), kept });
  const existing = await runProgram({ config: existingConfig(), secrets: ["sshPrivateKey"], kept });
  const secrets = ["sshPrivateKey"];
  const ubuntu = await runProgram({ config: ubuntuConfig(), secrets, kept });
  const rocky9 = await runProgram({ config: rocky9Config(), secrets, kept });
  const centos7 = await runProgram({ config: centos7Config(), secrets, kept });
  const centos7Source = await runProgram({ config: centos7SourceConfig(), secrets, kept });
  const answers = account();
  const aws = await runProgram({ config: givenVpc(), kept, answers });
  const awsOneSubnet = await runProgram({ config: oneSubnet(), kept, answers });
  const { os, packages } = centos7Config();
  const awsCentos7 = await runProgram({ config: { ...oneSubnet(), os, packages }, kept, answers });
  return {
    dev,
    other,
    newest,
    existing,
    ubuntu,
    rocky9,
    centos7,
    centos7Source,
    aws,
    awsOneSubnet,
    awsCentos7,
  };
}

/** The inputs of a command that are text and go to a host. */
const fields = ["create", "update", "delete", "stdin"] as const;
export type Field = (typeof fields)[number] | "userData";

/** @returns one text of a command; the keys that every stack makes anew are left out of it */
export function textOf({ name, inputs }: Registered, field: Field): string {
  const text = plain(inputs[field]);
  if (typeof text !== "string") throw new Error(`${name} has no ${field}`);
  if (field === "stdin" && isErrand(inputs)) {
    const { command } = JSON.parse(text) as { readonly command: string };
    const script = /^(?:sudo -n )?sh -c '([^']*)'$/.exec(command)?.[1];
    if (script === undefined) throw new Error(`${name} sends another command: ${command}`);
    return `${script}\n`;
  }
  return text
    .replaceAll(programVersion, "PROGRAM-VERSION")
    .replaceAll(/(RABBITMQ_HA_WATCH)=\w+/g, "$1=STEP-VERSION")
    .replaceAll(/ssh-ed25519 [A-Za-z0-9+/]+=*/g, "ssh-ed25519 PUBLIC-KEY")
    .replaceAll(/-----BEGIN .*-----END OPENSSH PRIVATE KEY-----/gs, "PRIVATE-KEY");
}

/** Whether a resource's delete takes its command from standard input. */
function isErrand(inputs: Registered["inputs"]): boolean {
  return inputs["delete"] === "exec node ssh/errand.ts";
}

export interface Script {
  /** Such as `cent120-member, create`. */
  readonly title: string;
  /** What runs outermost: on the host, or for the lab on this computer. */
  readonly outer: string;
  /** What the outer one runs in a shell of its own; absent where it is one script. */
  readonly inner?: string;
}

/** @returns every script of a run: each command's `create`, `update` and `delete` */
export function scriptsOf({ graph }: Run): Script[] {
  return graph.nodes.flatMap((node) =>
    fields.flatMap((field): Script[] => {
      if (node.inputs[field] === undefined || (field === "stdin" && !isErrand(node.inputs))) return [];
      const outer = textOf(node, field);
      const inner = /^script=\$\(cat <<'END_OF_SCRIPT'\n(.*?\n)END_OF_SCRIPT$/ms.exec(outer)?.[1];
      return [{ title: `${node.name}, ${field}`, outer, ...(inner === undefined ? {} : { inner }) }];
    }),
  );
}
