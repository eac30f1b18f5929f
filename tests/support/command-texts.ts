/** The texts of the commands that the program sends to hosts, taken from the program itself. */
import ssh2 from "ssh2";
import { endOfFile } from "../../hosts/file-input.ts";
import type { OwnLogin } from "../../remote/own-login.ts";
import { programVersion } from "../../remote/program.ts";
import { accountAnswers } from "./aws-account.ts";
import { givenVpcConfig, oneSubnetConfig } from "./aws-config.ts";
import { devConfig, type ConfigBlocks } from "./dev-stack.ts";
import { unwrapSecrets, runProgram, type RegisteredResource, type ProgramRun } from "./program.ts";

/**
 * Stacks that together use every setting and every template. `dev`: as it is configured. `other`: the same hosts with
 * every setting of the lab that changes a text. `newest`: the same hosts on the newest system. `existing`, and those named after
 * other systems: existing machines; `…Source` has HAProxy from source and `avoidAlarms`, and `ubuntu` the virtual address on another interface. `aws…`: in an AWS account, with
 * the virtual address as a route, as a secondary address, or moved on CentOS 7.
 */
export type StackRuns = Readonly<
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
    ProgramRun
  >
>;

/** Fixed values for what each stack generates, so that the texts are the same in every run. */
const kept = {
  "erlang-cookie": "COOKIE",
  "admin-password": "PASSWORD",
  "lab-id": "dev-0123456789",
  "stack-id": "0123456789abcdef",
};

function otherConfig(): ConfigBlocks {
  const config = devConfig();
  const [first, second, third] = config["brokers"] as ConfigBlocks[];
  return {
    ...config,
    brokers: [first, second, { ...third, type: "ram" }],
    rabbitmq: {
      ...(config["rabbitmq"] as ConfigBlocks),
      plugins: ["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_shovel"],
      policy: { name: "two", pattern: "^(?!amq\\.)", definition: { "ha-mode": "exactly", "ha-params": 2 } },
      settings: { "vm_memory_high_watermark.absolute": "512MB", channel_max: 1000, "log.console": true },
      secretSettings: { "ssl_options.password": "SETTING" },
      advanced: `[
  {rabbit, [
    {consumer_timeout, undefined}, % for ever
    {msg_store_io_batch_size, 4096}]},
  {rabbitmq_auth_backend_ldap, [
    {tag_queries, [{administrator, {in_group, "cn=admins,dc=example,dc=org"}},
                   {management, {constant, true}}]}]},
  {kernel, [{inet_dist_listen_min, 25672}, {inet_dist_listen_max, 25672}]}
].`,
    },
    haproxy: {
      ...(config["haproxy"] as ConfigBlocks),
      maxConnections: { global: 300_000, proxy: 2000 },
      avoidAlarms: true,
      source: { version: "2.8.26", url: "https://example.org/haproxy-2.8.26.tar.gz", sha256: "0".repeat(64) },
    },
    keepalived: { ...(config["keepalived"] as ConfigBlocks), preempt: false },
    packages: { rabbitmq: { version: "3.10.8-1.1+deb12u2" } },
    lab: { ...(config["lab"] as ConfigBlocks), image: "localhost/own:latest" },
    statsPassword: "STATS-PASSWORD",
  };
}

function newestConfig(): ConfigBlocks {
  const config = devConfig();
  const policy = { name: "limits", pattern: "^", definition: { "delivery-limit": 20 } };
  const rabbitmq = {
    ...(config["rabbitmq"] as ConfigBlocks),
    policy,
    plugins: [
      ...["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_mqtt", "rabbitmq_stomp"],
      ...["rabbitmq_web_mqtt", "rabbitmq_web_stomp", "rabbitmq_stream"],
    ],
    ports: { mqtt: 1884 },
  };
  return { ...config, os: "debian-13", rabbitmq };
}

const existingKeys = ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });

/** Existing machines, reached through a bastion as a user who may use sudo. */
export function existingConfig(): ConfigBlocks {
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
const rpm = (digit: string): ConfigBlocks => ({ sha256: digit.repeat(64) });

function ubuntuConfig(): ConfigBlocks {
  const rabbitmq = { repository: "team-rabbitmq", series: "4.2" };
  const packages = { proxy, mirror: "http://mirror.example.org/ubuntu", rabbitmq };
  const virtualAddress = "10.7.0.100";
  return {
    ...existingConfig(),
    os: "ubuntu-24.04",
    tls: {},
    packages,
    virtualAddress,
    keepalived: { interface: "eth1" },
  };
}

/** Rocky 8 and 9 share their templates; only the version of RabbitMQ is set here. */
function rocky9Config(): ConfigBlocks {
  return {
    ...existingConfig(),
    os: "rocky-9",
    tls: { only: true },
    rabbitmq: {
      plugins: [
        ...["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_mqtt", "rabbitmq_stomp"],
        ...["rabbitmq_web_mqtt", "rabbitmq_web_stomp", "rabbitmq_stream"],
      ],
    },
    packages: { rabbitmq: { version: "3.13.7-1.el8" } },
  };
}

export function centos7Config(): ConfigBlocks {
  return { ...existingConfig(), os: "centos-7", packages: { erlang: rpm("1"), rabbitmq: rpm("2") } };
}

/** The tutorial's version of HAProxy, and RPMs from a folder on the host. */
export function centos7SourceConfig(): ConfigBlocks {
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
export async function runStacks(): Promise<StackRuns> {
  const dev = await runProgram({ config: devConfig(), stashValues: kept });
  const other = await runProgram({
    config: otherConfig(),
    secrets: ["statsPassword", "rabbitmq"],
    stashValues: kept,
  });
  const newest = await runProgram({ config: newestConfig(), stashValues: kept });
  const existing = await runProgram({
    config: existingConfig(),
    secrets: ["sshPrivateKey"],
    stashValues: kept,
  });
  const secrets = ["sshPrivateKey"];
  const ubuntu = await runProgram({ config: ubuntuConfig(), secrets, stashValues: kept });
  const rocky9 = await runProgram({ config: rocky9Config(), secrets, stashValues: kept });
  const centos7 = await runProgram({ config: centos7Config(), secrets, stashValues: kept });
  const centos7Source = await runProgram({ config: centos7SourceConfig(), secrets, stashValues: kept });
  const answers = accountAnswers();
  const aws = await runProgram({ config: givenVpcConfig(), stashValues: kept, functionAnswers: answers });
  const awsOneSubnet = await runProgram({
    config: oneSubnetConfig(),
    stashValues: kept,
    functionAnswers: answers,
  });
  const { os, packages } = centos7Config();
  const awsCentos7 = await runProgram({
    config: { ...oneSubnetConfig(), os, packages },
    stashValues: kept,
    functionAnswers: answers,
  });
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

/** The text inputs of a command that go to a host. */
const fields = ["create", "update", "delete", "stdin"] as const;
export type CommandInput = (typeof fields)[number] | "userData";

/** @returns one text input of a command, with placeholders for versions and generated keys */
export function commandText({ name, inputs }: RegisteredResource, field: CommandInput): string {
  const text = unwrapSecrets(inputs[field]);
  if (typeof text !== "string") throw new Error(`${name} has no input ${field}`);
  if (field === "stdin" && logsInItself(inputs)) {
    const { command } = JSON.parse(text) as OwnLogin;
    if (!isCleanUp(inputs)) return command.replaceAll(programVersion, "PROGRAM-VERSION");
    const script = /^(?:sudo -n )?sh -c '([^']*)'$/.exec(command)?.[1];
    if (script === undefined) throw new Error(`${name} sends an unexpected command: ${command}`);
    return `${script}\n`;
  }
  return (field === "stdin" ? withoutEnd(text) : text)
    .replaceAll(programVersion, "PROGRAM-VERSION")
    .replaceAll(/(RABBITMQ_HA_WATCH)=\w+/g, "$1=STEP-VERSION")
    .replaceAll(/ssh-ed25519 [A-Za-z0-9+/]+=*/g, "ssh-ed25519 PUBLIC-KEY")
    .replaceAll(/-----BEGIN .*-----END OPENSSH PRIVATE KEY-----/gs, "PRIVATE-KEY");
}

/** @returns the content of a file, without the line behind it that says that it is whole */
export function withoutEnd(stdin: string): string {
  return stdin.endsWith(endOfFile) ? stdin.slice(0, -endOfFile.length) : stdin;
}

/** Whether the resource's `delete` runs the clean-up, which reads its command from standard input. */
function isCleanUp(inputs: RegisteredResource["inputs"]): boolean {
  return inputs["delete"] === "exec node ssh/errand.ts";
}

/** Whether the resource runs a script on this computer that reads a command for the host from standard input. */
function logsInItself(inputs: RegisteredResource["inputs"]): boolean {
  return isCleanUp(inputs) || String(inputs["create"]).startsWith("exec node remote/install-program.ts ");
}

export interface Script {
  /** Such as `cent120-member, create`. */
  readonly title: string;
  /** The outer script: it runs on the host, or for the lab on this computer. */
  readonly outer: string;
  /** The script that the outer one runs in a shell of its own; absent where there is only one script. */
  readonly inner?: string;
}

/** @returns every script of a run: the `create`, `update`, `delete` and clean-up of each command */
export function scriptsOf({ graph }: ProgramRun): Script[] {
  return graph.nodes.flatMap((node) =>
    fields.flatMap((field): Script[] => {
      if (node.inputs[field] === undefined || (field === "stdin" && !logsInItself(node.inputs))) return [];
      const outer = commandText(node, field);
      const inner = /^script=\$\(cat <<'END_OF_SCRIPT'\n(.*?\n)END_OF_SCRIPT$/ms.exec(outer)?.[1];
      return [{ title: `${node.name}, ${field}`, outer, ...(inner === undefined ? {} : { inner }) }];
    }),
  );
}
