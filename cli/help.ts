/** The help of the npm scripts: a line for each command, and the usage of one command. */

export interface CommandHelp {
  /** What the command does, on one line. */
  readonly summary: string;
  /** Each argument as it is typed, and what it does. */
  readonly flags: readonly (readonly [flag: string, meaning: string])[];
  /** The arguments of an example that runs. */
  readonly example: string;
}

const stackFlag = ["--stack NAME", "the stack to work on (default: dev)"] as const;
const replaceFlag = [
  "--replace HOST",
  "replace the machine of this host, and set the new one up; one host at a time",
] as const;
const takeOverFlag = [
  "--take-over HOST,HOST",
  "take these existing machines over from the stack whose mark they have; that stack loses them",
] as const;
const newHostKeyFlag = [
  "--new-host-key HOST,HOST",
  "pin the SSH host key that these existing machines show now, as after a reinstallation",
] as const;
const withoutBackupFlag = [
  "--without-backup",
  "go on although no backup of the definitions can be made, or without making one",
] as const;
const fullStopFlag = [
  "--full-stop",
  "stop all brokers for about a minute, for another tls.interNode in a running stack",
] as const;
const pulumiFlags = (verb: string) =>
  ["PULUMI-FLAG...", `flags of pulumi ${verb}, which are passed on to it`] as const;
const testFlags = [
  ["FILE...", "run these test files alone"],
  ["NODE-FLAG...", "flags of node --test, such as --test-name-pattern PATTERN"],
] as const;
const resultFlags = [
  ["--json FILE", "write the results to this file as JSON"],
  ["--markdown FILE", "write the results to this file as Markdown"],
] as const;

export const commandHelp = {
  up: {
    summary: "set the stack up or update it, verify it and print how to use it",
    flags: [
      stackFlag,
      ["--repair", "also re-run the resources behind failed checks"],
      replaceFlag,
      takeOverFlag,
      newHostKeyFlag,
      [
        "--force-boot BROKER",
        "first start this broker without those that it waits for; what only those have is lost",
      ],
      fullStopFlag,
      withoutBackupFlag,
      pulumiFlags("up"),
    ],
    example: "--repair",
  },
  preview: {
    summary: "show what up would change",
    flags: [stackFlag, replaceFlag, takeOverFlag, newHostKeyFlag, fullStopFlag, pulumiFlags("preview")],
    example: "--diff",
  },
  destroy: {
    summary: "remove the stack's resources; a stack that does not exist is no error",
    flags: [stackFlag, withoutBackupFlag, pulumiFlags("destroy")],
    example: "--stack dev",
  },
  verify: {
    summary: "check the running system; the exit code is 0 only if every check passes",
    flags: [stackFlag],
    example: "--stack dev",
  },
  backup: {
    summary: "write the definitions of all virtual hosts to an encrypted file; messages are not in it",
    flags: [stackFlag, ["--to FOLDER", "the folder of the file (default: backups)"]],
    example: "--to /mnt/backups",
  },
  restore: {
    summary: "show what a backup would make and change in the cluster; with --yes, do it",
    flags: [
      ["FILE", "the backup"],
      stackFlag,
      ["--yes", "make and change it; what is not in the file stays as it is"],
    ],
    example: "backups/dev-2026-11-27T093012Z-3.10.8.backup",
  },
  migrate: {
    summary: "move clients and messages from one stack's cluster to another's, behind the same address",
    flags: [
      ["--from STACK", "the stack whose cluster is left"],
      ["--to STACK", "the stack whose cluster is taken"],
      ["--dry-run", "only look; nothing is changed"],
      ["--max-gap SECONDS", "for how long clients may wait in the end (default: 5)"],
      ["--leave-streams", "what streams hold stays where it is"],
      ["--back", "go back to the old cluster, with what the new one has"],
      ["--finish", "stop the old brokers, which keep their data; there is no way back then"],
      ["--json", "write what was found as JSON"],
    ],
    example: "--from old --to new --dry-run",
  },
  rotate: {
    summary: "change a secret while clients go on with the old one and with the new one",
    flags: [
      ["administrator", "a second administrator with a password of its own; both are valid"],
      ["cookie", "another Erlang cookie, without a stop of the brokers"],
      ["ssh-key", "another SSH key for the stack to log in with; both are valid"],
      ["user NAME", "the same for a user of the definitions: same rights, another password"],
      stackFlag,
      ["--name NEW", "the new user's name (default: the user's with the quarter, such as admin-2026q4)"],
      ["--key FILE", "the new private key, for machines of your own (default: one is made)"],
      ["--preview", "show what would change, and end"],
      ["--finish", "remove the former user, if nobody is connected as it, or the former SSH key"],
      ["--close-connections", "remove it although somebody is, which ends these connections"],
    ],
    example: "user orders --preview",
  },
  pulumi: {
    summary: "run the Pulumi CLI with this project's toolchain and backend",
    flags: [["ARGUMENT...", "arguments of the Pulumi CLI"]],
    example: "stack output --stack dev",
  },
  check: {
    summary: "run everything that needs no hosts: format, lint, types, unit, graph and engine tests",
    flags: testFlags,
    example: "tests/unit/cli/help.test.ts",
  },
  chaos: {
    summary: "inject faults into a lab of its own under load; the exit code is 0 only if every goal holds",
    flags: [
      ["--rabbitmq VERSION", "the lab's RabbitMQ: 3.10.8, 4.0.5 or 4.3.6 (default: 3.10.8)"],
      ["--queues KIND", "mirrored or quorum (default: mirrored with 3.x, quorum with 4.x)"],
      ["--tls", "close the plain ports; clients and brokers speak TLS alone (default: without TLS)"],
      ["--only FAULT,FAULT", "inject these faults alone (default: all)"],
      ["--times N", "inject each fault N times (default: 1)"],
      ["--list", "list the faults and end"],
      ["--report", "write chaos.md, versions.md and the table of migrate.md, in docs, from what is recorded"],
      ["--keep", "leave the lab running at the end"],
      ...resultFlags,
    ],
    example: "--list",
  },
  test: {
    summary: "run the checks, then the end-to-end tests on lab hosts",
    flags: testFlags,
    example: "tests/e2e/killed.test.ts",
  },
  "test:platforms": {
    summary: "run the end-to-end tests on further systems, which test leaves out",
    flags: testFlags,
    example: "tests/platforms/rocky-9.test.ts",
  },
  "test:operations": {
    summary: "run the end-to-end tests of long operations, which test leaves out",
    flags: testFlags,
    example: "tests/operations/scale.test.ts",
  },
  bench: {
    summary: "compare the program with a shell script and an Ansible playbook, and measure its system",
    flags: [
      ["--only PART,PART", "cold, nochange, setting, rolling, grow, failover or throughput (default: all)"],
      ["--rounds N", "measure each set-up and each change N times (default: 5)"],
      ["--trials N", "measure each failover N times (default: 10)"],
      ["--quick", "everything once and briefly: shows that the bench works, its figures mean nothing"],
      ...resultFlags,
      ["--chart DIR", "write the charts to this folder"],
    ],
    example: "--quick --only failover",
  },
} as const satisfies Readonly<Record<string, CommandHelp>>;

export type CommandName = keyof typeof commandHelp;

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commandHelp, name);
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

/** @returns each command with its summary, and how to get its flags */
export function formatCommands(): string {
  const rows = Object.entries(commandHelp).map(
    ([name, { summary }]) => [`npm run ${name}`, summary] as const,
  );
  return `${table(rows)}\nThe flags of a command: npm run COMMAND -- --help\n`;
}

/** @returns the usage of one command: its flags, each on a line, and an example */
export function formatUsage(name: CommandName): string {
  const { summary, flags, example }: CommandHelp = commandHelp[name];
  const usage = ["npm run", name, "--", ...flags.map(([flag]) => `[${flag}]`)].join(" ");
  return `${usage}\n\n  ${summary}\n\n${table(flags)}\nExample: npm run ${name} -- ${example}\n`;
}
