/** The first step on a host: logs in, checks its host key and its system, and installs the program that all other steps run. */
import { remote } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { render } from "../templates/render.ts";
import { programBundle, programFolder, programPath, programVersion } from "./program.ts";
import { mirrorSettings } from "./sources.ts";
import { systems } from "../hosts/systems.ts";
import { readyName } from "../hosts/resource-names.ts";

/**
 * The maximum of dials, and the timeout of each in seconds. The provider pauses 100 ms × 1.5ⁿ, at most 5 s, between two:
 * 14 dials that are refused at once take half a minute, and 14 that are not answered at all 70 s more, at 5 s each.
 */
const dialErrorLimit = 14;
const perDialTimeout = 5;

/** Limit for the whole script, including the installation of python3 if that is missing. */
const timeoutSeconds = 300;

/**
 * @returns a command that runs a script as root: one at a time (a killed `up` may have left one running), with a timeout,
 * and with its standard input passed on. Only this first step is a script; the others are subcommands of the program.
 */
function wrapScript(body: string, { sudo }: Pick<Host, "sudo">): string {
  const limits = { deadline: timeoutSeconds, patience: timeoutSeconds + 30 };
  return render("remote/run.sh", { body: body.trimEnd(), ...limits, sudo });
}

/** @throws at deployment, with the cause, if the host cannot be reached in time or is not the configured one */
export class Ready extends remote.Command {
  constructor(
    host: Pick<Host, "name" | "address" | "os" | "connection" | "identity" | "machine" | "sudo" | "packages">,
    options: pulumi.CustomResourceOptions,
  ) {
    const { name, address, os, connection, identity, machine } = host;
    const { release, installer, folders = [] } = systems[os];
    const values = {
      name,
      address,
      os,
      release,
      installer,
      apt: installer === "apt",
      folders: folders.map((path, id) => ({ id, path })),
      mirror: mirrorSettings(host).mirror,
      proxy: host.packages?.proxy ?? "",
      version: programVersion,
      home: programFolder,
      launcher: programPath,
    };
    super(
      readyName(name),
      {
        connection: { ...connection, dialErrorLimit, perDialTimeout },
        create: wrapScript(render("remote/ready.sh", values), host),
        stdin: programBundle(),
        addPreviousOutputInEnv: false,
        triggers: [identity],
      },
      { deletedWith: machine, ...options },
    );
  }
}
