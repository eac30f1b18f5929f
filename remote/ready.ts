/** The first steps on a host: the log-in, with a look at its host key and its system, and the program that all other steps run. */
import { remote } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { render } from "../templates/render.ts";
import { Installation } from "./installation.ts";
import { wrapScript } from "./script.ts";
import { systems } from "../hosts/systems.ts";
import { readyName } from "../hosts/resource-names.ts";

/**
 * The maximum of dials, and the timeout of each in seconds. The provider pauses 100 ms × 1.5ⁿ, at most 5 s, between two:
 * 14 dials that are refused at once take half a minute, and 14 that are not answered at all 70 s more, at 5 s each.
 */
const dialErrorLimit = 14;
const perDialTimeout = 5;

/** Limit for the look at the host. */
const timeoutSeconds = 60;

/** @throws at deployment, with the cause, if the host cannot be reached in time or is not the configured one */
export class Ready extends remote.Command {
  constructor(
    host: Pick<Host, "name" | "address" | "os" | "connection" | "identity" | "machine" | "sudo">,
    options: pulumi.CustomResourceOptions,
  ) {
    const { name, address, os, connection, identity, machine } = host;
    const body = render("remote/ready.sh", { name, address, os, release: systems[os].release });
    super(
      readyName(name),
      {
        connection: { ...connection, dialErrorLimit, perDialTimeout },
        create: wrapScript({ name: "ready", body, timeoutSeconds }, host),
        addPreviousOutputInEnv: false,
        triggers: [identity],
      },
      { deletedWith: machine, ...options },
    );
  }
}

/** @returns the host, once it answers, is the configured one, and has the program */
export function makeReady<T extends Omit<Host, "ready">>(
  host: T,
  options: pulumi.CustomResourceOptions,
): T & Pick<Host, "ready"> {
  const ready = new Ready(host, options);
  const program = new Installation(host, { ...options, dependsOn: ready });
  return { ...host, ready: [ready, program] };
}

/** @returns the host, ready only once a further resource is done */
export function readyAfter<T extends Host>(host: T, last: pulumi.Resource): T {
  return { ...host, ready: [...host.ready, last] };
}
