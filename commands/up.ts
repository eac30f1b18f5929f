/** `npm run up`: brings a stack up, verifies it and says how to use it; with `--repair`, mends it. */
import { say } from "../lab/setup/step.ts";
import type { System } from "../verify/outputs.ts";
import { withMachines } from "./machines.ts";
import type { Pulumi } from "./pulumi.ts";
import { repair } from "./repair.ts";
import { defaultStack, openStack, platformOf, stackArgument } from "./stack.ts";
import { verify } from "./verify.ts";

export async function run(pulumi: Pulumi, args: readonly string[]): Promise<number> {
  const { stack, rest } = stackArgument(args);
  await openStack(pulumi, stack);
  const flags = await withMachines(
    pulumi,
    stack,
    rest.filter((flag) => flag !== "--repair"),
  );
  if (flags.length < rest.length) {
    const ended = await repair(pulumi, stack, flags);
    if (ended !== undefined) return ended;
    say("there is nothing to repair; going on as without --repair");
  }
  const code = await pulumi.run(["up", "--yes", "--skip-preview", "--stack", stack, ...flags]);
  if (code !== 0) return code;
  process.stdout.write("\n");
  const { system, whole } = await verify(pulumi, stack);
  if (!whole) {
    process.stderr.write(
      `The stack is up and its system is not whole; the rows that FAILED say what to look at. Ask again: ${npm("verify", stack)}; mend it: ${npm("up", stack, "--repair")}\n`,
    );
    return 1;
  }
  process.stdout.write(`\n${summary(system, stack, platformOf(stack) === "lab")}\n`);
  return 0;
}

/** @returns the npm script as it has to be typed for this stack */
function npm(script: string, stack: string, ...flags: readonly string[]): string {
  const args = [...flags, ...(stack === defaultStack ? [] : ["--stack", stack])];
  return `npm run ${script}${args.length === 0 ? "" : ` -- ${args.join(" ")}`}`;
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
