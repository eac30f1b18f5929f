/** The texts of the scripts that make strangers' machines and the CentOS 7 stand-in. */
import { standIn } from "../../lab/strangers/centos-7.ts";
import { loginScript, mirrorScript } from "../../lab/strangers/scripts.ts";
import { source } from "../../templates/render.ts";

/** @returns each script, by the name of its copy */
export function strangersDocuments(): Readonly<Record<string, string>> {
  const { recipe, script, inner } = standIn("localhost/base:latest");
  const server = { name: "xmirror", address: "192.168.95.10", network: "rabbitmq-ha-strangers-x" };
  const documents = {
    "strangers/login.sh": loginScript({ user: "root", sudo: false, from: "" }),
    "strangers/sudo/login.sh": loginScript({ user: "operator", sudo: true, from: "192.168.95.110" }),
    "strangers/mirror.sh": mirrorScript({
      ...server,
      lab: "strangers-x",
      image: "localhost/centos-7",
      recipe,
    }),
    "strangers/centos-7/image.sh": script,
    "strangers/centos-7/build.sh": inner,
  };
  // The recipe changes with every change of a script's.
  return Object.fromEntries(
    Object.entries(documents).map(([name, text]) => [name, text.replaceAll(recipe, "RECIPE")]),
  );
}

/** @returns a command of the stand-in, which has it as it is written */
export function standInCommand(name: string): string {
  return source(`strangers/centos-7/${name}`);
}
