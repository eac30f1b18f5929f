/** Has the old stack's balancers serve nobody, or the brokers of either cluster. */
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { endOfFile } from "../../hosts/file-input.ts";
import { haproxyConfigFile, haproxyInstallPaths } from "../../hosts/haproxy-paths.ts";
import { componentNames, partName, stepNames } from "../../hosts/resource-names.ts";
import {
  areServed,
  disableCommands,
  messageServers,
  readServerStates,
  type Server,
  withServers,
} from "../../migration/haproxy.ts";
import { runOn } from "../../remote/ssh.ts";
import { reasonOf } from "../../verify/cause.ts";
import { buildProgramCommand, findLogin } from "../../verify/checks/hosts.ts";
import type { Login, System } from "../../verify/outputs.ts";
import { buildRootCommand } from "../root-command.ts";

const timeoutSeconds = 20;
/** While clients wait for a step that can be left out. */
const shortSeconds = 5;
const askAgainMs = 200;
const socket = "socat -t 5 - UNIX-CONNECT:/run/haproxy/admin.sock";

/** By balancer: why it has not done what it should. */
export type Failures = ReadonlyMap<string, string>;

export class Balancers {
  readonly #system: System;
  /** The balancers whose configuration was written last with these brokers. */
  #staged: { readonly servers: readonly Server[]; readonly names: Set<string> } = {
    servers: [],
    names: new Set(),
  };

  constructor(system: System) {
    this.#system = system;
  }

  /** Takes all brokers out and ends their sessions; a restart of HAProxy forgets it. */
  async freeze(): Promise<Failures> {
    return this.#onEach(async (login) => {
      const ask = (input: string): Promise<string> => runAsRoot(login, socket, input, shortSeconds);
      const before = messageServers(readServerStates(await ask("show stat\n")));
      const answer = await ask(`${disableCommands(before)}; show stat\n`);
      const stat = answer.slice(Math.max(0, answer.indexOf("# pxname")));
      const left = messageServers(readServerStates(stat)).filter(({ status }) => !status.startsWith("MAINT"));
      if (left.length > 0)
        throw new Error(`HAProxy still serves ${left.map(({ server }) => server).join(", ")}`);
    });
  }

  /** Writes the configuration with these brokers, as `up` does; HAProxy does not read it yet. */
  async stage(servers: readonly Server[]): Promise<Failures> {
    return this.#onEach((login, name) => this.#stageOn(login, name, servers, shortSeconds));
  }

  async #stageOn(login: Login, name: string, servers: readonly Server[], seconds: number): Promise<void> {
    if (!isDeepStrictEqual(servers, this.#staged.servers)) this.#staged = { servers, names: new Set() };
    const { names } = this.#staged;
    if (names.has(name)) return;
    const cfg = await runOn(login, { command: `cat ${haproxyConfigFile}`, timeoutSeconds: seconds });
    const find = `b=${haproxyInstallPaths.source.binary}; [ -x $b ] || b=${haproxyInstallPaths.package.binary}`;
    const resource = stepNames.config(partName(componentNames.haproxy, name));
    const write = `${buildProgramCommand(login)} file --path ${haproxyConfigFile} --resource ${resource} --with-end --check "$b -c -f {}"`;
    const input = withServers(cfg, servers) + endOfFile;
    await runOn(login, { command: `${find}; ${write}`, input, timeoutSeconds: seconds });
    names.add(name);
  }

  /** Has HAProxy serve these brokers, if it does not yet. */
  async open(servers: readonly Server[]): Promise<Failures> {
    const wanted = new Set(servers.map(({ name }) => name));
    // Each by itself: one that does not answer keeps no other one waiting.
    return this.#onEach(async (login, name) => {
      await this.#stageOn(login, name, servers, timeoutSeconds);
      const isServing = async (): Promise<boolean> => {
        try {
          const csv = await runAsRoot(login, socket, "show stat\n");
          return areServed(messageServers(readServerStates(csv)), wanted);
        } catch {
          return false;
        }
      };
      if (await isServing()) return;
      // The servers that were taken out are back with a reload, too.
      await runAsRoot(login, "systemctl reload haproxy");
      const deadline = performance.now() + timeoutSeconds * 1000;
      while (!(await isServing())) {
        if (performance.now() > deadline) throw new Error("HAProxy does not see one of the brokers up");
        await pause(askAgainMs);
      }
    });
  }

  /** @returns the balancer that has the virtual address; undefined if none says so */
  async findHolder(): Promise<string | undefined> {
    const { balancers, virtualAddress } = this.#system;
    const answers = await Promise.all(
      balancers.map(async ({ name }) => {
        const login = findLogin(this.#system, name);
        const text = await runOn(login, { command: "ip -o -4 addr show", timeoutSeconds: 5 }).catch(() => "");
        return text.includes(` ${virtualAddress}/`) ? name : undefined;
      }),
    );
    return answers.find((name) => name !== undefined);
  }

  async #onEach(work: (login: Login, name: string) => Promise<void>): Promise<Failures> {
    const failures = new Map<string, string>();
    await Promise.all(
      this.#system.balancers.map(async ({ name }) => {
        try {
          await work(findLogin(this.#system, name), name);
        } catch (error) {
          failures.set(name, reasonOf(error));
        }
      }),
    );
    return failures;
  }
}

async function runAsRoot(
  login: Login,
  script: string,
  input = "",
  seconds = timeoutSeconds,
): Promise<string> {
  return runOn(login, { command: buildRootCommand(login, script), input, timeoutSeconds: seconds });
}
