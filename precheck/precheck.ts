/** Looks at machines that are simply there before anything is registered, all at once. */
import * as pulumi from "@pulumi/pulumi";
import type { Found } from "../platforms/existing.ts";
import type { OperatingSystem } from "../platforms/host.ts";
import { runOn, type Login } from "../ssh/run.ts";
import { render } from "../templates/render.ts";

export interface Machine {
  readonly name: string;
  readonly address: string;
  readonly role: "broker" | "balancer";
  readonly login: Login;
}

export interface PrecheckArgs {
  readonly stack: string;
  readonly os: OperatingSystem;
  readonly machines: readonly Machine[];
  readonly virtualAddress: string;
  readonly virtualRouterId: number;
  readonly ports: { readonly amqp: number; readonly management: number; readonly prometheus: number };
  readonly statsPort: number;
}

/**
 * @returns by the machine's name what the program has to know of it
 * @throws pulumi.RunError with everything that is wrong in one message
 */
export async function precheck({ machines }: PrecheckArgs): Promise<ReadonlyMap<string, Found>> {
  const seen = await Promise.all(
    machines.map(async ({ name, address, login }) => {
      const script = render("existing/probe.sh", { address });
      const become = login.user === "root" ? "bash -s" : "sudo -n bash -s";
      try {
        return [name, facts(await runOn(login, { command: become, input: script }))] as const;
      } catch (error) {
        throw new pulumi.RunError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }),
  );
  return new Map(seen);
}

function facts(output: string): Found {
  const values = new Map(output.split("\n").map((line) => line.split("=", 2) as [string, string]));
  return {
    interface: values.get("interface") ?? "",
    prefixLength: Number(values.get("prefix")),
    machineId: values.get("machine-id") ?? "",
  };
}
