/** Whether a process still runs, of which only the number is known. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { mayRun } from "../../../cli/process-holder.ts";

const isSleep = (commandLine: string): boolean => commandLine.split("\0").includes("sleep");

test("a process that has ended and whose parent has not asked for its end does not run", async () => {
  // The child's parent becomes a program that never asks.
  const parent = spawn("bash", ["-c", "sleep 0.01 & echo $!; exec sleep 60"]);
  try {
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    const stat = (): string => readFileSync(`/proc/${pid}/stat`, "utf8");
    for (let tries = 0; tries < 250 && !stat().includes(") Z "); tries++) await pause(20);
    assert.ok(stat().includes(") Z "), stat());
    assert.equal(mayRun(pid, isSleep), false);
    assert.equal(mayRun(parent.pid ?? 0, isSleep), true);
    assert.equal(
      mayRun(parent.pid ?? 0, () => false),
      false,
    );
  } finally {
    parent.kill();
  }
});

test("a process that does not show its command line may be the one that is meant", (context) => {
  // A kernel's thread has none, as a process while another program takes it over.
  const thread = "/proc/2/cmdline";
  if (!existsSync(thread) || readFileSync(thread, "utf8") !== "") {
    context.skip("no thread of the kernel is seen here");
    return;
  }
  assert.equal(
    mayRun(2, () => false),
    true,
  );
});
