/**
 * `npm run up`: brings a stack up, verifies it and says how to use it; with `--repair`, mends it; with
 * `--force-boot NAME`, first starts a broker without those that it waits for.
 */
import { say } from "../toolchain/step.ts";
import { UserError } from "../user-error.ts";
import type { System } from "../verify/outputs.ts";
import { forceBoot } from "./force-boot.ts";
import { withMachines } from "./replace.ts";
import type { Pulumi } from "./pulumi.ts";
import { repair } from "./repair.ts";
import { npm, openStack, platformOf, stackArgument, takeOption } from "./stack.ts";
import { systemOf, verify } from "./verify.ts";

/** What `up` is asked for, next to what Pulumi's own `up` knows. */
export interface Wishes {
  readonly repair: boolean;
  /** The broker to start without those that it waits for. */
  readonly forceBoot: string | undefined;
  /** The flags of Pulumi's `up`. */
  readonly flags: readonly string[];
}

/** @throws UserError when the arguments contradict each other, or one lacks its value */
export function wishesOf(args: readonly string[]): Wishes {
  const option = { name: "force-boot", wants: "a broker's name, such as --force-boot cent121" };
  const { value, rest } = takeOption(args, option);
  const flags = rest.filter((flag) => flag !== "--repair");
  const wishes = { repair: flags.length < rest.length, forceBoot: value, flags };
  if (wishes.repair && value !== undefined) {
    throw new UserError("--force-boot and --repair are two runs: first --force-boot, then --repair");
  }
  return wishes;
}

export async function run(pulumi: Pulumi, args: readonly string[]): Promise<number> {
  const { stack, rest } = stackArgument(args);
  const { flags: given, ...wishes } = wishesOf(rest);
  const flags = await withMachines(pulumi, stack, await openStack(pulumi, stack, given));
  if (wishes.forceBoot !== undefined) await forceBoot(await systemOf(pulumi, stack), wishes.forceBoot, stack);
  if (wishes.repair) {
    const ended = await repair(pulumi, stack, flags);
    if (ended !== undefined) return ended;
    say("there is nothing to repair; going on as without --repair");
  }
  const code = await pulumi.run(["up", "--yes", "--skip-preview", "--stack", stack, ...flags]);
  if (code !== 0) return code;
  process.stdout.write("\n");
  const { system, findings, whole } = await verify(pulumi, stack);
  if (!whole) {
    const waits = findings.some(({ standstill }) => standstill !== undefined);
    const mend = waits ? "" : `; mend it: ${npm("up", stack, "--repair")}`;
    process.stderr.write(
      `The stack is up and its system is not whole; the rows that FAILED say what to look at. Ask again: ${npm("verify", stack)}${mend}\n`,
    );
    return 1;
  }
  process.stdout.write(`\n${summary(system, stack, platformOf(stack) === "lab")}\n`);
  return 0;
}

/** @returns what a person needs to use the system, without its password */
export function summary(system: System, stack: string, lab: boolean): string {
  const address = new URL(system.amqpUri);
  const [host] = system.brokers;
  const rows: (readonly [string, string])[] = [
    ["AMQP", `amqp://${address.host}`],
    ["Management", system.managementUrl],
    ...system.brokers.map(({ name, url }) => [`  on ${name}`, url] as const),
    ...system.balancers.map(
      ({ name, url }, index) => [index === 0 ? "Statistics" : "", `${url} (${name})`] as const,
    ),
    ["User", system.adminUser],
    ["Password", `npm run -s pulumi -- stack output adminPassword --show-secrets --stack ${stack}`],
    ["Verify", npm("verify", stack)],
    ["Repair", `${npm("up", stack, "--repair")}   when verify finds it not whole`],
    ["Preview", `${npm("preview", stack)}   after a change to Pulumi.${stack}.yaml`],
    ["Destroy", npm("destroy", stack)],
  ];
  if (lab && host !== undefined) {
    const shell = `CONTAINERS_CONF=/var/lib/rabbitmq-ha-lab/containers.conf podman exec -it ${host.name} bash`;
    rows.push(["Shell", `${shell}   (any of the stack's hosts)`]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`).join("\n");
}
