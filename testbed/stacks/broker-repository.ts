/**
 * An image of the lab's Debian 13 with a repository of RabbitMQ 4.3 in it, which stands in for the vendor's. The packages
 * are those of the next Debian release.
 */
import { createHash } from "node:crypto";
import { baseImageOf } from "../../platforms/lab/image.ts";
import { render } from "../../templates/render.ts";
import { runLogged } from "./run-script.ts";

/** The system of the image. */
const os = "debian-13";
const series = "4.3";
const folder = "/opt/rabbitmq-repository";
/** The Debian release that has this series. */
const later = "forky";
/** What stays the system's own: a later systemd does not start where the kernel offers control groups of version 1. */
const kept = ["systemd*", "libsystemd*", "udev", "libudev1", "haproxy", "keepalived"];

export interface BrokerRepositoryImage {
  readonly image: string;
  /** The hash of its recipe. */
  readonly recipe: string;
  /** The build scripts: the first runs on this computer and passes the second to a container. */
  readonly hostScript: string;
  readonly containerScript: string;
}

/** @param base the lab's Debian image, and its release */
export function describeBrokerRepository({
  image: base,
  suite,
}: {
  readonly image: string;
  readonly suite: string;
}): BrokerRepositoryImage {
  const values = { series, folder, suite, later, kept };
  const containerScript = `set -eu\n${render("machines/broker-repository/build.sh", values)}`;
  const recipe = createHash("sha256").update(base).update(containerScript).digest("hex").slice(0, 12);
  const image = `localhost/rabbitmq-ha-lab:rabbitmq-${series}-${recipe}`;
  const hostScript = render("machines/broker-repository/image.sh", { image, base, recipe, series });
  return { image, recipe, hostScript, containerScript };
}

/** The image that `buildBrokerRepository` builds. */
export const brokerRepositoryImage = describeBrokerRepository(baseImageOf(os)).image;

/** The `rabbitmq-ha:*` lines of a stack's file for hosts of this image. */
export const brokerRepositoryConfig: string = [
  `  rabbitmq-ha:os: ${os}`,
  `  rabbitmq-ha:packages: ${JSON.stringify({
    rabbitmq: { repository: `file://${folder}`, flat: true, trusted: true, series },
  })}`,
].join("\n");

/** Builds the image, and the lab's Debian image before, if they are missing; logs progress to standard error. */
export async function buildBrokerRepository(): Promise<void> {
  const base = baseImageOf(os);
  await runLogged(render("lab/image.sh", base));
  const { hostScript, containerScript } = describeBrokerRepository(base);
  await runLogged(hostScript, containerScript);
}
