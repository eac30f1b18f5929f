/** The installation of the program on a host, with python3 if the host has none. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { programName } from "../hosts/resource-names.ts";
import { systems } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";
import { OwnLoginCommand } from "./own-login.ts";
import { programFolder, programPath, programVersion } from "./program.ts";
import { wrapScript } from "./script.ts";
import { mirrorSettings } from "./sources.ts";

/** Limit for the script on the host, including the installation of python3. */
const timeoutSeconds = 300;

/** Limit for the log-in, the wait for a script that a killed `up` has left, and the script. */
const patienceSeconds = 2 * timeoutSeconds + 60;

/**
 * The program's files are read and sent by a script on this computer. A remote command would have them in its input,
 * which the state has twice for each host, and Pulumi writes the whole state twice for each step.
 */
export class Installation extends OwnLoginCommand {
  constructor(host: Omit<Host, "ready">, options: pulumi.CustomResourceOptions) {
    const { name, os, machine } = host;
    const { installer, folders = [] } = systems[os];
    const body = render("remote/program.sh", {
      installer,
      apt: installer === "apt",
      folders: folders.map((path, id) => ({ id, path })),
      mirror: mirrorSettings(host).mirror,
      proxy: host.packages?.proxy ?? "",
      version: programVersion,
      home: programFolder,
      launcher: programPath,
    });
    const command = wrapScript({ name: "program", body, timeoutSeconds }, host);
    const create = `exec node remote/install-program.ts # ${programVersion}`;
    super(
      programName(name),
      { host, patience: patienceSeconds, command, create },
      { deletedWith: machine, ...options },
    );
  }
}
