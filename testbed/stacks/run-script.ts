/** Runs the scripts that make machines and images, on this computer. */
import { execa } from "execa";
import { render } from "../../templates/render.ts";

/** Seconds that one script may take: a machine's boot, or an image's build. */
const scriptTimeoutSeconds = 900;

type TemplateValues = Readonly<Record<string, string | boolean | readonly string[]>>;

/** Runs a template's script on this computer, as the program's lab does. @returns its standard output */
export async function runTemplate(template: string, values: TemplateValues, input?: string): Promise<string> {
  return runBash(render(template, values), input);
}

export async function runBash(script: string, input = ""): Promise<string> {
  const { stdout } = await execa("bash", ["-c", `set -eu\n${script}`], {
    input,
    timeout: scriptTimeoutSeconds * 1000,
    // Shows the messages of steps that take long.
    stderr: ["pipe", "inherit"],
  });
  return stdout;
}

/** Runs a script whose output is progress, which goes to standard error. */
export async function runLogged(script: string, input = ""): Promise<void> {
  await runBash(`exec >&2\n${script}`, input);
}
