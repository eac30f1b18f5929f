/** The program's own files on a host, which every tool installs as they are: the program, its units and its scripts. */
import { chmod, cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { vrrpWatchUnit } from "../../hosts/resource-names.ts";
import { seriesTablePath } from "../../hosts/rabbitmq-series.ts";
import { currentProgramFolder, programFolder, programPath, stepVersion } from "../../remote/program.ts";
import { render } from "../../templates/render.ts";
import type { Site } from "./site.ts";

const agentFolder = join(import.meta.dirname, "..", "..", "agent");

interface OwnFile {
  readonly text: string;
  readonly mode: number;
}

/** Writes a host's files below a folder, and the same as one archive, `<folder>.tar`, without the folders between. */
export async function writeOwnFiles(folder: string, host: string, site: Site): Promise<void> {
  await copyProgram(join(folder, currentProgramFolder));
  await mkdir(join(folder, dirname(programPath)), { recursive: true });
  await cp(join(agentFolder, "rabbitmq-ha"), join(folder, programPath));
  await chmod(join(folder, programPath), 0o755);
  for (const [path, { text, mode }] of Object.entries(ownFiles(host, site))) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    await chmod(file, mode);
  }
  const pack = `find . -type f -printf '%P\\0' | tar --null --owner=0 --group=0 -cf "$0" -T -`;
  await execa("sh", ["-c", pack, `${folder}.tar`], { cwd: folder });
}

/** Copies the program that runs on the hosts, with the table that it reads, as they are sent to them. */
export async function copyProgram(folder: string): Promise<void> {
  const filter = (path: string): boolean => !path.includes("__pycache__");
  await cp(agentFolder, join(folder, "agent"), { recursive: true, filter });
  await cp(seriesTablePath, join(folder, "agent", "series.json"));
}

function ownFiles(host: string, { brokers, balancers }: Site): Record<string, OwnFile> {
  if (balancers.includes(host)) return balancerFiles();
  const asked = host === brokers[0] ? brokers.slice(1) : brokers.slice(0, 1);
  const conf = "/etc/rabbitmq-ha/broker.conf";
  return {
    [conf]: {
      text: render("rabbitmq-ha/broker.conf", {
        brokers,
        asked,
        port: 5672,
        metricsPort: 0,
        pausesMinority: true,
      }),
      mode: 0o644,
    },
    ...unitFile("rabbitmq-ha-watch", "rabbitmq/rabbitmq-ha-watch.service", "watch", [conf]),
  };
}

function balancerFiles(): Record<string, OwnFile> {
  const scripts = ["check-haproxy", "revive-haproxy", "record-state"].map((name) => [
    `${programFolder}/${name}`,
    { text: render(`keepalived/${name}`, { program: currentProgramFolder }), mode: 0o755 },
  ]);
  return {
    ...(Object.fromEntries(scripts) as Record<string, OwnFile>),
    ...unitFile(vrrpWatchUnit, "keepalived/rabbitmq-ha-vrrp-watch.service", "vrrp-watch", []),
  };
}

/** @returns a service's unit. @param read the files that the service reads besides it */
function unitFile(
  unit: string,
  template: string,
  subcommand: string,
  read: readonly string[],
): Record<string, OwnFile> {
  const path = `/etc/systemd/system/${unit}.service`;
  const text = render(template, {
    unit,
    watched: { restart: [...read, path], reload: [] },
    neededAddress: "",
    oldSystemd: false,
    program: programPath,
    version: stepVersion(subcommand),
  });
  return { [path]: { text, mode: 0o644 } };
}
