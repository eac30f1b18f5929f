/** The watch service on a balancer's host, which restarts a Keepalived that cannot take the virtual address. */
import { createHash } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../hosts/host.ts";
import { File } from "../remote/file.ts";
import { programPath, stepVersion } from "../remote/program.ts";
import { Service, type TrackedFiles } from "../remote/service.ts";
import { systemdValues } from "../hosts/systems.ts";
import { render } from "../templates/render.ts";
import { vrrpWatchName, vrrpWatchUnit } from "../hosts/resource-names.ts";

const unitPath = `/etc/systemd/system/${vrrpWatchUnit}.service`;
const trackedFiles: TrackedFiles = { restart: [unitPath], reload: [] };

/**
 * Writes the unit, and starts the service after Keepalived's own.
 * @param prefix what the unit's resource name begins with
 */
export function installVrrpWatch(
  prefix: string,
  host: Host,
  keepalived: Service,
  { parent, dependsOn }: { readonly parent: pulumi.Resource; readonly dependsOn: readonly pulumi.Resource[] },
): Service {
  const content = render("keepalived/rabbitmq-ha-vrrp-watch.service", {
    unit: vrrpWatchUnit,
    watched: trackedFiles,
    neededAddress: "",
    ...systemdValues(host.os),
    program: programPath,
    version: stepVersion("vrrp-watch"),
  });
  const unit = new File(
    `${prefix}-watch-unit`,
    { host, path: unitPath, content },
    { parent, dependsOn: [...dependsOn] },
  );
  return new Service(
    vrrpWatchName(host.name),
    {
      host,
      unit: vrrpWatchUnit,
      trackedFiles,
      changeMarker: createHash("sha256").update(content).digest("hex"),
    },
    { parent, dependsOn: [unit, keepalived] },
  );
}
