/** One systemd service that root starts, kept running with the files that it should have read. */
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { Step } from "./step.ts";

/** The files whose content tells whether a service runs with what it should, for its drop-in and its `Service`. */
export interface Watched {
  /** A change of one of these needs a restart. */
  readonly restart: readonly string[];
  /** A change of one of these needs a reload. */
  readonly reload: readonly string[];
}

export interface ServiceArgs {
  readonly host: Host;
  /** Without `.service`. */
  readonly unit: string;
  readonly watched: Watched;
  /** Any text that changes when one of the watched files does, so that the change comes to be read. */
  readonly content: pulumi.Input<string>;
  /**
   * The address whose holder leaves a restart that is due to a step of its own, which comes after this service of all
   * hosts and takes the same options. @default no host is restarted later
   */
  readonly address?: string;
}

/**
 * Starts the service, or reloads it when its configuration is not what it last read, or restarts it when its unit is
 * not what it was started with. Which of these is needed is read from the host (the unit's drop-in notes what it read
 * under /run/rabbitmq-ha), so a run that was killed half-way is made good and a second run does nothing.
 */
export class Service extends Step {
  constructor(
    name: string,
    { host, unit, watched, content, address: heldAddress }: ServiceArgs,
    options: pulumi.CustomResourceOptions,
  ) {
    super(
      name,
      { host, subcommand: "service", options: { unit, ...watched, heldAddress }, stdin: content },
      options,
    );
  }
}
