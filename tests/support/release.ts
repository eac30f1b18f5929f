/** Records a release for the tests of the next one: `node tests/support/release.ts VERSION COMMIT`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { devConfig } from "./dev-stack.ts";
import { existingConfig } from "./command-texts.ts";
import { runProgram } from "./program.ts";
import { recordResources, type Release } from "./released.ts";

const [version = "", commit = ""] = process.argv.slice(2);
const release: Release = {
  version,
  commit,
  stacks: {
    dev: recordResources(await runProgram({ config: devConfig() })),
    existing: recordResources(await runProgram({ config: existingConfig(), secrets: ["sshPrivateKey"] })),
  },
};
const file = join(import.meta.dirname, "..", "released", `${version}.json`);
writeFileSync(file, `${JSON.stringify(release, undefined, 2)}\n`);
