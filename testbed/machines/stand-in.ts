/**
 * The stand-ins for CentOS 7 and Rocky 9: the lab's Debian image with real RPM tools, the system's names and files, and
 * a mirror of RPMs that are Debian's packages repacked. Neither system can be had from package registries.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Download } from "../../hosts/host.ts";
import { render } from "../../templates/render.ts";
import { buildScript, recipes, type StandInSystem } from "./recipes.ts";

/** Where podman's store of the lab keeps the mirrors; see templates/lab/podman. */
const mirrors = "/var/lib/rabbitmq-ha-lab/mirrors";

/** What a user would have set up for machines that do not reach the system's own packages. */
export interface Mirror {
  /** Has the folders of the recipe below it, each with its repodata. */
  readonly url: string;
  /** The pair of RPMs, under the names that the official ones have. */
  readonly rabbitmq: { readonly erlang: Download; readonly server: Download };
  /** A HAProxy to compile. */
  readonly haproxy: Download & { readonly version: string };
}

export interface StandIn {
  readonly image: string;
  /** Names the mirror's folder. */
  readonly recipe: string;
  /** The scripts that build it: one on this computer, which hands the other to a container. */
  readonly script: string;
  readonly inner: string;
}

/** @param base the lab's Debian image */
export function standIn(system: StandInSystem, base: string): StandIn {
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
  return { image, recipe, script, inner };
}

/** @returns what the mirror of a stand-in has, as seen from the machines */
export async function contents(recipe: string, url: string): Promise<Mirror> {
  const folder = join(mirrors, recipe);
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
