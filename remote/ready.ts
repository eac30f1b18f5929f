/** That a host answers, lets us in, shows its pinned key, runs the stated system, and has the program of all other steps. */
import { remote } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { render } from "../templates/render.ts";
import { programBundle, programFolder, programPath, programVersion } from "./program.ts";
import { repositories } from "./sources.ts";
import { systems } from "../hosts/systems.ts";
import { readyName } from "../hosts/resource-names.ts";

/**
 * How often a dial is tried. The provider pauses 100 ms × 1.5ⁿ, at most 5 s, between two: 14 dials that are refused
 * at once take half a minute, and 14 that are not answered at all 70 s more, at 5 s each.
 */
const dialErrorLimit = 14;
const perDialTimeout = 5;

/** Seconds for all of it, python3's installation included where that is missing. */
const deadline = 300;

/**
 * @returns the text that runs the one script on a host that is no subcommand of the program, as root: at most once at a
 * time (a killed `up` may have left one running), for a limited time, and with its standard input passed on
 */
function runnable(body: string, { sudo }: Pick<Host, "sudo">): string {
  return render("remote/run.sh", { body: body.trimEnd(), deadline, patience: deadline + 30, sudo });
}

/** @throws at deployment when the host cannot be reached in time, or is not the one that was stated: with the cause */
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
      mirror: repositories(host).mirror,
      proxy: host.packages?.proxy ?? "",
      version: programVersion,
      home: programFolder,
      launcher: programPath,
    };
    super(
      readyName(name),
      {
        connection: { ...connection, dialErrorLimit, perDialTimeout },
        create: runnable(render("remote/ready.sh", values), host),
        stdin: programBundle,
        addPreviousOutputInEnv: false,
        triggers: [identity],
      },
      { deletedWith: machine, ...options },
    );
  }
}
