/** What a broker's host looks after by itself, next to the broker: see docs/failures.md. */
import { createHash } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { File } from "../remote/file.ts";
import { programPath, stepVersion } from "../remote/program.ts";
import { Service, type Watched } from "../remote/service.ts";
import { oldSystemd } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";
import { brokerWatchName } from "../hosts/resource-names.ts";

export interface WatchArgs {
  readonly host: Host;
  /** The names of all brokers. */
  readonly brokers: readonly string[];
  /** Those that this one asks for the cluster when it has no data. */
  readonly asked: readonly string[];
  /** AMQP's TCP port. */
  readonly port: number;
  /** The TCP port of the page that tells of alarms; 0 where nobody asks for them. */
  readonly metricsPort: number;
}

const brokerConf = "/etc/rabbitmq-ha/broker.conf";
const watchUnit = "/etc/systemd/system/rabbitmq-ha-watch.service";
const agentSocket = "/etc/systemd/system/rabbitmq-ha-agent.socket";
const agentUnit = "/etc/systemd/system/rabbitmq-ha-agent@.service";

/** The files of the watch, and what is in them. */
export interface WatchFiles {
  /** What the program knows of the broker: without this one the broker does not start. Once it was a script. */
  readonly script: File;
  readonly unit: File;
  /** A text that changes with either. */
  readonly content: string;
}

/** What the service that watches was started with. */
const watched: Watched = { restart: [brokerConf, watchUnit], reload: [] };

export function watchFiles(args: WatchArgs, options: pulumi.CustomResourceOptions): WatchFiles {
  const { host, ...values } = args;
  const prefix = `${host.name}-watch`;
  const conf = render("rabbitmq-ha/broker.conf", values);
  const unit = render("rabbitmq/rabbitmq-ha-watch.service", {
    unit: "rabbitmq-ha-watch",
    watched,
    oldSystemd: oldSystemd(host.os),
    program: programPath,
    version: stepVersion("watch"),
  });
  return {
    script: new File(`${prefix}-script`, { host, path: brokerConf, content: conf }, options),
    unit: new File(`${prefix}-unit`, { host, path: watchUnit, content: unit }, options),
    content: createHash("sha256").update([conf, unit].join("\0")).digest("hex"),
  };
}

/** The service that watches, which comes after the broker's own. */
export function keepWatch(host: Host, content: string, options: pulumi.CustomResourceOptions): Service {
  return new Service(
    brokerWatchName(host.name),
    { host, unit: "rabbitmq-ha-watch", watched, content },
    options,
  );
}

/** A socket that answers HAProxy from the broker's own metrics. */
export function answerAgent(host: Host, port: number, options: pulumi.CustomResourceOptions): void {
  const prefix = `${host.name}-agent`;
  const name = "rabbitmq-ha-agent.socket";
  const listening: Watched = { restart: [agentSocket], reload: [] };
  const socket = render("rabbitmq/rabbitmq-ha-agent.socket", { unit: name, watched: listening, port });
  const unit = render("rabbitmq/rabbitmq-ha-agent@.service", {
    program: programPath,
    oldSystemd: oldSystemd(host.os),
  });
  const files = [
    new File(`${prefix}-socket`, { host, path: agentSocket, content: socket }, options),
    new File(`${prefix}-unit`, { host, path: agentUnit, content: unit }, options),
  ];
  new Service(
    `${prefix}-service`,
    { host, unit: name, watched: listening, content: socket },
    { ...options, dependsOn: files },
  );
}
