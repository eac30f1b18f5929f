/** The texts of the scripts that make strangers' machines and the stand-ins. */
import { loginScript, mirrorScript } from "../../testbed/machines/scripts.ts";
import { standIn } from "../../testbed/machines/stand-in.ts";
import { source } from "../../templates/render.ts";

/** @returns each script, by the name of its copy */
export function strangersDocuments(): Readonly<Record<string, string>> {
  const centos = standIn("centos-7", "localhost/base:latest");
  const rocky = standIn("rocky-9", "localhost/base:latest");
  const server = { name: "xmirror", address: "192.168.95.10", network: "rabbitmq-ha-strangers-x" };
  const documents = {
    "machines/login.sh": loginScript({ user: "root", sudo: false, from: "" }),
    "machines/sudo/login.sh": loginScript({ user: "operator", sudo: true, from: "192.168.95.110" }),
    "machines/mirror.sh": mirrorScript({
      ...server,
      lab: "strangers-x",
      image: "localhost/centos-7",
      recipe: centos.recipe,
    }),
    "machines/centos-7/image.sh": centos.script,
    "machines/centos-7/build.sh": centos.inner,
    "machines/rocky-9/image.sh": rocky.script,
    "machines/rocky-9/build.sh": rocky.inner,
  };
  // The recipes change with every change of a script's.
  const recipes = new RegExp(`${centos.recipe}|${rocky.recipe}`, "g");
  return Object.fromEntries(
    Object.entries(documents).map(([name, text]) => [name, text.replaceAll(recipes, "RECIPE")]),
  );
}

/** @returns a command of CentOS 7's stand-in, which has it as it is written */
export function standInCommand(name: string): string {
  return source(`machines/centos-7/${name}`);
}
