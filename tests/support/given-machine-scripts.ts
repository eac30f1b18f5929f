/** The texts of the scripts that create given machines, the stand-ins for operating systems, and a repository. */
import { describeBrokerRepository } from "../../testbed/stacks/broker-repository.ts";
import { loginScript, mirrorScript } from "../../testbed/existing/scripts.ts";
import { describeStandIn } from "../../testbed/existing/stand-in.ts";
import { readTemplate } from "../../templates/render.ts";

/** @returns each script, by the name of its stored copy */
export function givenMachineScripts(): Readonly<Record<string, string>> {
  const centos = describeStandIn("centos-7", "localhost/base:latest");
  const rocky = describeStandIn("rocky-9", "localhost/base:latest");
  const repository = describeBrokerRepository({ image: "localhost/base:latest", suite: "trixie" });
  const server = { name: "xmirror", address: "192.168.95.10", network: "rabbitmq-ha-given-x" };
  const documents = {
    "machines/login.sh": loginScript({ user: "root", sudo: false, from: "" }),
    "machines/sudo/login.sh": loginScript({ user: "operator", sudo: true, from: "192.168.95.110" }),
    "machines/mirror.sh": mirrorScript({
      ...server,
      lab: "given-x",
      image: "localhost/centos-7",
      recipe: centos.recipe,
    }),
    "machines/centos-7/image.sh": centos.hostScript,
    "machines/centos-7/build.sh": centos.containerScript,
    "machines/rocky-9/image.sh": rocky.hostScript,
    "machines/rocky-9/build.sh": rocky.containerScript,
    "machines/broker-repository/image.sh": repository.hostScript,
    "machines/broker-repository/build.sh": repository.containerScript,
  };
  // A recipe changes with every change of a script.
  const recipes = new RegExp([centos, rocky, repository].map(({ recipe }) => recipe).join("|"), "g");
  return Object.fromEntries(
    Object.entries(documents).map(([name, text]) => [name, text.replaceAll(recipes, "RECIPE")]),
  );
}

/** @returns the text of a command of CentOS 7's stand-in, which gets it unchanged */
export function standInCommand(name: string): string {
  return readTemplate(`machines/centos-7/${name}`);
}
