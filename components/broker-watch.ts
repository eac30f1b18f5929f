/** The watch service on a broker's host, which restarts a broker that does not serve: see docs/failures.md. */
import { createHash } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { File } from "../remote/file.ts";
import { programPath, stepVersion } from "../remote/program.ts";
import { Service, type TrackedFiles } from "../remote/service.ts";
import { systemdValues } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";
import { brokerAgentName, brokerWatchName } from "../hosts/resource-names.ts";

export interface WatchArgs {
  readonly host: Host;
  /** The names of all brokers. */
  readonly brokers: readonly string[];
  /** The brokers that this one asks for an existing cluster when it has no data. */
  readonly discoveryPeers: readonly string[];
  /** AMQP's TCP port. */
  readonly port: number;
  /** The TCP port of the metrics page, which shows alarms; 0 if HAProxy does not check for alarms. */
  readonly metricsPort: number;
  /** Whether a broker with Khepri pauses while it is cut off from the majority, as `pause_minority` has it with Mnesia. */
  readonly pausesMinority: boolean;
}

const brokerConf = "/etc/rabbitmq-ha/broker.conf";
const watchUnit = "/etc/systemd/system/rabbitmq-ha-watch.service";
const agentSocket = "/etc/systemd/system/rabbitmq-ha-agent.socket";
const agentUnit = "/etc/systemd/system/rabbitmq-ha-agent@.service";

/** The files that the watch service needs. */
export interface WatchFiles {
  /** broker.conf, without which the broker does not start. Its resource is called a script because it was one once. */
  readonly conf: File;
  readonly unit: File;
  /** A hash of both files. */
  readonly configurationHash: string;
}

/** The files that the watch service reads when it starts. */
const trackedFiles: TrackedFiles = { restart: [brokerConf, watchUnit], reload: [] };

export function writeWatchFiles(args: WatchArgs, options: pulumi.CustomResourceOptions): WatchFiles {
  const { host, discoveryPeers, ...values } = args;
  const prefix = `${host.name}-watch`;
  const conf = render("rabbitmq-ha/broker.conf", { ...values, asked: discoveryPeers });
  const unit = render("rabbitmq/rabbitmq-ha-watch.service", {
    unit: "rabbitmq-ha-watch",
    watched: trackedFiles,
    neededAddress: "",
    ...systemdValues(host.os),
    program: programPath,
    version: stepVersion("watch"),
  });
  return {
    conf: new File(`${prefix}-script`, { host, path: brokerConf, content: conf }, options),
    unit: new File(`${prefix}-unit`, { host, path: watchUnit, content: unit }, options),
    configurationHash: createHash("sha256").update([conf, unit].join("\0")).digest("hex"),
  };
}

/** Starts the watch service, which depends on the broker's own service. */
export function installWatch(host: Host, content: string, options: pulumi.CustomResourceOptions): Service {
  return new Service(
    brokerWatchName(host.name),
    { host, unit: "rabbitmq-ha-watch", trackedFiles, changeMarker: content },
    options,
  );
}

/** Installs a socket that answers HAProxy's agent check from the broker's own metrics. */
export function installAgentCheck(host: Host, port: number, options: pulumi.CustomResourceOptions): void {
  const prefix = `${host.name}-agent`;
  const name = "rabbitmq-ha-agent.socket";
  const socketFiles: TrackedFiles = { restart: [agentSocket], reload: [] };
  const socket = render("rabbitmq/rabbitmq-ha-agent.socket", {
    unit: name,
    watched: socketFiles,
    neededAddress: "",
    port,
  });
  const unit = render("rabbitmq/rabbitmq-ha-agent@.service", {
    program: programPath,
    ...systemdValues(host.os),
  });
  const files = [
    new File(`${prefix}-socket`, { host, path: agentSocket, content: socket }, options),
    new File(`${prefix}-unit`, { host, path: agentUnit, content: unit }, options),
  ];
  new Service(
    brokerAgentName(host.name),
    { host, unit: name, trackedFiles: socketFiles, changeMarker: socket },
    { ...options, dependsOn: files },
  );
}
