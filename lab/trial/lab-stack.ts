/**
 * A stack of its own for one trial: own subnet, own host names, own state, made and removed by the npm scripts that a
 * user runs, so that it never touches the dev stack.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import amqp from "amqplib";
import { execa } from "execa";
import * as hosts from "./hosts.ts";
import { patience, Running, tail } from "./running.ts";

export const root = join(import.meta.dirname, "..", "..");

export interface LabStackArgs {
  /** The stack's name without its prefix `test-`, also the start of its hosts' names: 3 characters at most. */
  readonly name: string;
  /** The third number of its network, 192.168.x.0/24. */
  readonly net: number;
  /** How many brokers. @default 3 */
  readonly size?: number;
  /** Of the brokers, in their order. @default all disc */
  readonly types?: readonly ("disc" | "ram")[];
}

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

export class LabStack {
  readonly stack: string;
  readonly brokers: readonly string[];
  readonly balancers: readonly string[];
  readonly virtualAddress: string;
  readonly #net: number;
  readonly #types: readonly string[];
  #state = "";

  constructor({ name, net, size = 3, types = [] }: LabStackArgs) {
    this.stack = `test-${name}`;
    this.brokers = Array.from({ length: size }, (_, index) => `${name}${120 + index}`);
    this.balancers = [0, 1].map((index) => `${name}${120 + size + index}`);
    this.virtualAddress = `192.168.${net}.100`;
    this.#net = net;
    this.#types = types;
  }

  get hosts(): readonly string[] {
    return [...this.brokers, ...this.balancers];
  }

  get #network(): string {
    return `rabbitmq-ha-${this.stack}`;
  }

  get #file(): string {
    return join(root, `Pulumi.${this.stack}.yaml`);
  }

  get env(): NodeJS.ProcessEnv {
    return { ...process.env, PULUMI_BACKEND_URL: `file://${this.#state}?create_dir=true` };
  }

  /** Removes what an earlier run of this test left, and writes the stack's file. */
  async open(settings = ""): Promise<void> {
    await this.sweep();
    this.#state = await mkdtemp(join(tmpdir(), "rabbitmq-ha-test-"));
    await this.configure(settings);
  }

  /** Writes the stack's file anew; the salt that the CLI put there stays. */
  async configure(settings: string): Promise<void> {
    const old = await readFile(this.#file, "utf8").catch(() => "");
    const salt = /^encryptionsalt: .*$/m.exec(old)?.[0] ?? "";
    const secrets = /^ {2}rabbitmq-ha:\w+:\n {4}secure: .*$/gm.exec(old)?.[0] ?? "";
    const address = (host: string): string => `192.168.${this.#net}.${host.slice(-3)}`;
    const brokers = this.brokers.map(
      (host, index) =>
        `    - { name: ${host}, address: ${address(host)}, type: ${this.#types[index] ?? "disc"} }`,
    );
    const balancers = this.balancers.map((host) => `    - { name: ${host}, address: ${address(host)} }`);
    const lines = [
      salt,
      "config:",
      "  rabbitmq-ha:brokers:",
      ...brokers,
      "  rabbitmq-ha:balancers:",
      ...balancers,
      `  rabbitmq-ha:virtualAddress: ${this.virtualAddress}`,
      `  rabbitmq-ha:lab: { subnet: 192.168.${this.#net}.0/24 }`,
      secrets,
      settings,
      "",
    ];
    await writeFile(
      this.#file,
      lines.filter((line, index) => line !== "" || index === lines.length - 1).join("\n"),
    );
  }

  /** Runs one of the project's npm scripts on this stack. */
  async npm(script: string, ...args: string[]): Promise<Outcome> {
    const { exitCode, all } = await execa("npm", ["run", script, "--", "--stack", this.stack, ...args], {
      cwd: root,
      env: this.env,
      extendEnv: false,
      reject: false,
      all: true,
      stdin: "ignore",
      timeout: patience * 1000,
    });
    return { code: exitCode ?? 1, output: all };
  }

  /** As `npm`, and an error with the end of what it printed unless it ends well. */
  async must(script: string, ...args: string[]): Promise<string> {
    const { code, output } = await this.npm(script, ...args);
    if (code !== 0) throw new Error(`npm run ${script} ended with ${code}:\n${tail(output)}`);
    return output;
  }

  /** The Pulumi CLI's answer, from standard output alone. */
  async pulumi(...args: string[]): Promise<string> {
    const { stdout } = await execa("npm", ["run", "-s", "pulumi", "--", ...args, "--stack", this.stack], {
      cwd: root,
      env: this.env,
      extendEnv: false,
      stdin: "ignore",
    });
    return stdout;
  }

  /** Sets one of the stack's secrets, on standard input as a user should. */
  async secret(key: string, value: string): Promise<void> {
    await execa(
      "npm",
      ["run", "-s", "pulumi", "--", "config", "set", "--secret", key, "--stack", this.stack],
      {
        cwd: root,
        env: this.env,
        extendEnv: false,
        input: value,
      },
    );
  }

  /** Starts `npm run up` and resolves when its output matches; the process goes on. */
  async upUntil(pattern: RegExp): Promise<Running> {
    const child = spawn("npm", ["run", "up", "--", "--stack", this.stack], {
      cwd: root,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own, as a terminal gives one: Ctrl-C goes to all of it.
      detached: true,
    });
    const running = new Running(child);
    await running.shows(pattern);
    return running;
  }

  /** Runs a script in bash on one of the hosts. @returns what it printed */
  async on(host: string, script: string): Promise<string> {
    return hosts.on(host, script, patience);
  }

  /** Takes a host's power away and gives it back. */
  async reboot(host: string): Promise<void> {
    await hosts.powerOff(host);
    await hosts.powerOn(host);
  }

  async output(name: string): Promise<unknown> {
    return JSON.parse(await this.pulumi("stack", "output", name, "--json", "--show-secrets"));
  }

  async connect(): Promise<amqp.ChannelModel> {
    return amqp.connect(String(await this.output("amqpUri")));
  }

  /** Takes the stack away by the user's own command, then whatever a failure of it has left. */
  async close(): Promise<void> {
    if (this.#state !== "") await this.npm("destroy");
    await this.sweep();
    await rm(this.#file, { force: true });
    if (this.#state !== "") await rm(this.#state, { recursive: true, force: true });
  }

  /** What this test's lab has left on this machine: containers, network, route. */
  async remains(): Promise<string[]> {
    const containers = await hosts.podman("ps", "-aq", "--filter", `name=^(${this.hosts.join("|")})$`);
    const networks = await hosts.podman("network", "ls", "-q", "--filter", `name=^${this.#network}$`);
    const { stdout } = await execa("ip", ["route", "show", "root", `192.168.${this.#net}.0/24`]);
    return [containers, networks, stdout].filter((text) => text.trim() !== "");
  }

  /** Removes by force what a killed run of this test has left; its names are no one else's. */
  async sweep(): Promise<void> {
    await hosts.sweep({ hosts: this.hosts, network: this.#network, net: this.#net });
  }
}
