/** Ctrl-C: a command ends at once, but waits for what ends in order. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { spawn } from "node:child_process";
import test from "node:test";

const interrupt = new URL("../../../cli/interrupt.ts", import.meta.url).href;

/** @returns how a program ends that is interrupted as soon as it says `now`, and what it printed */
async function interrupted(body: string): Promise<{ readonly code: unknown; readonly said: string }> {
  const text = `import { endOnInterrupt, holdInterrupt } from ${JSON.stringify(interrupt)};
import { setTimeout as pause } from "node:timers/promises";
endOnInterrupt();
const alive = setInterval(() => undefined, 1000);
${body}
clearInterval(alive);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", text]);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => {
      said += data.toString();
      if (data.toString().includes("now")) child.kill("SIGINT");
    });
  const [code] = (await once(child, "close")) as unknown[];
  return { code, said };
}

test("a command that waits ends with 130, and does nothing more", async () => {
  const { code, said } = await interrupted(
    `console.log("now"); await pause(20_000); console.log("deleted");`,
  );
  assert.deepEqual([code, said], [130, "now\n\ninterrupted\n"]);
});

test("what ends in order ends, and nothing of the kind begins after it", async () => {
  const { code, said } = await interrupted(`
await holdInterrupt(async () => { console.log("now"); await pause(1000); console.log("ended"); });
await holdInterrupt(async () => console.log("begun")).catch((error) => console.log(error.message));`);
  assert.equal(code, 0);
  assert.equal(said, "now\nended\ninterrupted; nothing more was begun\n");
});
