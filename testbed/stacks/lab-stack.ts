/**
 * A separate lab stack for one trial, with its own subnet, host names and state. The npm scripts that a user runs
 * create and remove it. It never touches the dev stack.
 */
import { execa } from "execa";
import { type BrokerRelease, chosenRelease } from "./broker-releases.ts";
import * as hosts from "./hosts.ts";
import { readLogTails } from "./logs.ts";
import { scriptTimeoutSeconds } from "./running-up.ts";
import { TrialStack } from "./trial-stack.ts";

export interface LabStackArgs {
  /** The stack's name without the prefix `test-`, and the start of its hosts' names; at most 3 characters. */
  readonly name: string;
  /** The third number of its subnet, 192.168.x.0/24. */
  readonly net: number;
  /** Number of brokers. @default 3 */
  readonly size?: number;
  /** Node types of the brokers, in their order. @default all disc */
  readonly types?: readonly ("disc" | "ram")[];
  /** The RabbitMQ that it has. @default chosenRelease() */
  readonly release?: BrokerRelease;
  /** The stack whose state it shares. @default a state of its own */
  readonly stateOf?: TrialStack;
}

export class LabStack extends TrialStack {
  readonly brokers: readonly string[];
  readonly balancers: readonly string[];
  readonly virtualAddress: string;
  readonly #net: number;
  readonly #types: readonly string[];
  readonly release: BrokerRelease;
  readonly #lab: Readonly<Record<string, string>>;

  constructor({ name, net, size = 3, types = [], release = chosenRelease(), stateOf }: LabStackArgs) {
    super(`test-${name}`, stateOf);
    this.brokers = Array.from({ length: size }, (_, index) => `${name}${120 + index}`);
    this.balancers = [0, 1].map((index) => `${name}${120 + size + index}`);
    this.virtualAddress = `192.168.${net}.100`;
    this.#net = net;
    this.#types = types;
    this.#lab = {
      subnet: `192.168.${net}.0/24`,
      ...(release.image === undefined ? {} : { image: release.image }),
    };
    this.release = release;
  }

  get hosts(): readonly string[] {
    return [...this.brokers, ...this.balancers];
  }

  get #network(): string {
    return `rabbitmq-ha-${this.stack}`;
  }

  /** Removes what an earlier run of this test has left, and writes the stack's file. */
  async open(settings = ""): Promise<void> {
    await this.removeLeftovers();
    await this.createState();
    await this.configure(settings);
    await this.release.prepare?.();
  }

  /**
   * Rewrites the stack's file; the CLI's encryption salt in it stays.
   * @param brokers the lab's brokers that the stack has to have
   */
  async configure(settings: string, brokers: readonly string[] = this.brokers): Promise<void> {
    const address = (host: string): string => `192.168.${this.#net}.${host.slice(-3)}`;
    const type = (host: string): string => this.#types[this.brokers.indexOf(host)] ?? "disc";
    const wanted = brokers.map(
      (host) => `    - { name: ${host}, address: ${address(host)}, type: ${type(host)} }`,
    );
    const balancers = this.balancers.map((host) => `    - { name: ${host}, address: ${address(host)} }`);
    await this.writeFile([
      "  rabbitmq-ha:brokers:",
      ...wanted,
      "  rabbitmq-ha:balancers:",
      ...balancers,
      `  rabbitmq-ha:virtualAddress: ${this.virtualAddress}`,
      `  rabbitmq-ha:lab: ${JSON.stringify(this.#lab)}`,
      this.release.config,
      settings,
    ]);
  }

  /**
   * Brings the stack to the state in which a test starts; runs nothing when it is in that state already.
   * @param settings @default those of the last successful `up`
   */
  async ensureUp(settings?: string, brokers?: readonly string[]): Promise<void> {
    await (settings === undefined ? this.restoreFile() : this.configure(settings, brokers));
    const began = new Date();
    try {
      await this.upIfNeeded();
    } catch (error) {
      throw new Error(`${String(error)}\n${await readLogTails(this, began)}`, { cause: error });
    }
  }

  /** Runs a script in bash on one of the hosts. @returns its standard output */
  async runOn(host: string, script: string): Promise<string> {
    return hosts.runOn(host, script, scriptTimeoutSeconds);
  }

  /** Powers a host off and on again. */
  async reboot(host: string): Promise<void> {
    await hosts.powerOff(host);
    await hosts.powerOn(host);
  }

  /** Removes the lab by force: tests of `destroy` run it themselves. */
  async close(): Promise<void> {
    try {
      await this.stopRuns();
      await this.removeLeftovers();
    } finally {
      await this.removeFileAndState();
    }
  }

  /** @returns what this test's lab has left on this computer: containers, network, route */
  async findLeftovers(): Promise<string[]> {
    const containers = await hosts.podman("ps", "-aq", "--filter", `name=^(${this.hosts.join("|")})$`);
    const networks = await hosts.podman("network", "ls", "-q", "--filter", `name=^${this.#network}$`);
    const { stdout } = await execa("ip", ["route", "show", "root", `192.168.${this.#net}.0/24`]);
    return [containers, networks, stdout].filter((text) => text.trim() !== "");
  }

  /** Removes by force what a killed run of this test has left; only this test uses these names. */
  async removeLeftovers(): Promise<void> {
    await hosts.removeLab({ hosts: this.hosts, network: this.#network, net: this.#net });
  }
}
