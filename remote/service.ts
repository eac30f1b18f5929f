/** One systemd service of the system, kept running with the current content of its files. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { Step } from "./step.ts";

/** The files that a service reads: a change of one means that the service must read them again. */
export interface TrackedFiles {
  /** A change of one of these needs a restart. */
  readonly restart: readonly string[];
  /** A change of one of these needs a reload. */
  readonly reload: readonly string[];
}

export interface ServiceArgs {
  readonly host: Host;
  /** Without `.service`. */
  readonly unit: string;
  readonly trackedFiles: TrackedFiles;
  /** Any text that changes with one of the tracked files, so that this step runs and the service reads the change. */
  readonly changeMarker: pulumi.Input<string>;
  /**
   * The virtual address. The host that holds it skips a restart: a later step with the same options, which runs after
   * this service on all hosts, restarts it. @default no host skips a restart
   */
  readonly heldAddress?: string;
}

/**
 * Starts the service, reloads it if its configuration differs from what it last read, or restarts it if its unit differs
 * from what it was started with. The host knows which of these is needed (the unit's drop-in records what was read under
 * /run/rabbitmq-ha), so a run after a killed one completes it, and a second run does nothing.
 */
export class Service extends Step {
  constructor(
    name: string,
    { host, unit, trackedFiles, changeMarker, heldAddress }: ServiceArgs,
    options: pulumi.CustomResourceOptions,
  ) {
    super(
      name,
      { host, subcommand: "service", options: { unit, ...trackedFiles, heldAddress }, stdin: changeMarker },
      options,
    );
  }
}
