/**
 * The stand-ins for CentOS 7 and Rocky 9: the lab's Debian image with real RPM tools, the system's names and files, and
 * a mirror of RPMs repacked from Debian's packages. Package registries have neither system.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Download } from "../../hosts/host.ts";
import { render } from "../../templates/render.ts";
import { buildScript, recipes, type StandInSystem } from "./recipes.ts";

/** The folder of the mirrors in the lab's podman store; see templates/lab/podman. */
const mirrorsFolder = "/var/lib/rabbitmq-ha-lab/mirrors";

/** The packages that a user has to provide for machines that do not reach the system's own sources. */
export interface Mirror {
  /** The base URL of the recipe's folders, each with its repodata. */
  readonly url: string;
  /** The Erlang and RabbitMQ RPMs, with the names of the official ones. */
  readonly rabbitmq: { readonly erlang: Download; readonly server: Download };
  /** HAProxy's source, to compile. */
  readonly haproxy: Download & { readonly version: string };
}

export interface StandIn {
  readonly image: string;
  /** Names the mirror's folder. */
  readonly recipe: string;
  /** The build scripts: the first runs on this computer and passes the second to a container. */
  readonly hostScript: string;
  readonly containerScript: string;
}

/** @param base the lab's Debian image */
export function describeStandIn(system: StandInSystem, base: string): StandIn {
  const { title } = recipes[system];
  const inner = `set -eu\n${buildScript(system)}`;
  const recipe = createHash("sha256").update(base).update(inner).digest("hex").slice(0, 12);
  const image = `localhost/rabbitmq-ha-lab:${system}-${recipe}`;
  const script = render("machines/stand-in/image.sh", {
    title,
    image,
    base,
    recipe,
    usually: "2-4 minutes",
  });
  return { image, recipe, hostScript: script, containerScript: inner };
}

/** @returns the contents of a stand-in's mirror, with URLs for the machines */
export async function readMirror(recipe: string, url: string): Promise<Mirror> {
  const folder = join(mirrorsFolder, recipe);
  const file = async (room: string, pattern: RegExp): Promise<Download & { readonly name: string }> => {
    const name = (await readdir(join(folder, room))).find((each) => pattern.test(each));
    if (name === undefined) throw new Error(`${folder}/${room} has no ${pattern}`);
    const bytes = await readFile(join(folder, room, name));
    return { name, url: `${url}/${room}/${name}`, sha256: createHash("sha256").update(bytes).digest("hex") };
  };
  const plain = ({ url: from, sha256 }: Download): Download => ({ url: from, sha256 });
  const source = await file("haproxy", /^haproxy-.*\.tar\.gz$/);
  return {
    url,
    rabbitmq: {
      erlang: plain(await file("rabbitmq", /^erlang-.*\.rpm$/)),
      server: plain(await file("rabbitmq", /^rabbitmq-server-.*\.rpm$/)),
    },
    haproxy: { ...plain(source), version: source.name.replace(/^haproxy-|\.tar\.gz$/g, "") },
  };
}
