/** Checks whether a balancer that does not hold the virtual address could take it, by what its Keepalived says. */
import { fail, needsOperator, pass, type Verdict } from "../finding.ts";
import { haproxyServiceName, keepalivedServiceName, vrrpWatchName } from "../../hosts/resource-names.ts";

/** What `rabbitmq-ha vrrp` says on a balancer. */
export interface VrrpReport {
  /** MASTER, BACKUP, FAULT, stopped or unknown. */
  readonly state: string;
  /** What keeps Keepalived in FAULT now. */
  readonly obstacles: readonly { readonly kind: string; readonly words: string }[];
  /** Whether Keepalived checks HAProxy: yes, no or unknown. */
  readonly checked: string;
}

/** @returns undefined where the text does not have the program's whole answer */
export function parseVrrpReport(text: string): VrrpReport | undefined {
  const state = /^Vrrp=(\w+)$/m.exec(text)?.[1];
  const checked = /^Checked=(\w+)$/m.exec(text)?.[1];
  if (state === "stopped") return { state, obstacles: [], checked: "unknown" };
  if (state === undefined || checked === undefined) return undefined;
  const obstacles = [...text.matchAll(/^Obstacle=(\w+) (.+)$/gm)].map(([, kind = "", words = ""]) => ({
    kind,
    words,
  }));
  return { state, obstacles, checked };
}

export function judgeTakeOver(name: string, report: VrrpReport | undefined): Verdict {
  const service = keepalivedServiceName(name);
  if (report === undefined) return fail(`${name} does not say whether it could take the address`, service);
  const { state, obstacles, checked } = report;
  if (state === "stopped") return fail("cannot take the address: keepalived does not run", service);
  if (state === "FAULT") return judgeFault(name, obstacles);
  if (state !== "MASTER" && state !== "BACKUP") {
    return needsOperator(
      `keepalived has not said whether it could take the address (${state})`,
      `run "systemctl restart keepalived" on ${name}`,
    );
  }
  if (checked === "no") {
    const found = `keepalived is ${state} and does not check HAProxy, so the address would not move with it`;
    // A reload reads the script again, and does not release the address. The watch restarts one that does not hold it.
    return state === "MASTER"
      ? needsOperator(found, `run "systemctl reload keepalived" on ${name}`)
      : fail(found, vrrpWatchName(name));
  }
  return pass(state === "MASTER" ? "keepalived is MASTER" : "could take the address: keepalived is BACKUP");
}

function judgeFault(name: string, obstacles: VrrpReport["obstacles"]): Verdict {
  const because = (words: string): string => `cannot take the address: keepalived is in FAULT, ${words}`;
  if (obstacles.length === 0) {
    return fail(
      because(`and the cause has passed; the watch on ${name} restarts it within a few minutes`),
      vrrpWatchName(name),
    );
  }
  const found = because(obstacles.map(({ words }) => words).join(", "));
  if (obstacles.every(({ kind }) => kind === "haproxy")) return fail(found, haproxyServiceName(name));
  return needsOperator(found, `configure it on ${name}; Keepalived then takes part again by itself`);
}
