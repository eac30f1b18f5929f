/**
 * A stack of its own for one trial: own subnet, own host names, own state, made and removed by the npm scripts that a
 * user runs, so that it never touches the dev stack.
 */
import { execa } from "execa";
import * as hosts from "./hosts.ts";
import { patience } from "./running.ts";
import { TrialStack } from "./trial-stack.ts";

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

export class LabStack extends TrialStack {
  readonly brokers: readonly string[];
  readonly balancers: readonly string[];
  readonly virtualAddress: string;
  readonly #net: number;
  readonly #types: readonly string[];

  constructor({ name, net, size = 3, types = [] }: LabStackArgs) {
    super(`test-${name}`);
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

  /** Removes what an earlier run of this test left, and writes the stack's file. */
  async open(settings = ""): Promise<void> {
    await this.sweep();
    await this.begin();
    await this.configure(settings);
  }

  /**
   * Writes the stack's file anew; the salt that the CLI put there stays.
   * @param brokers those of the lab's that the stack is to have
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
      `  rabbitmq-ha:lab: { subnet: 192.168.${this.#net}.0/24 }`,
      settings,
    ]);
  }

  /**
   * Brings the stack to where a test begins; nothing is run where it is there already.
   * @param settings @default those with which it last came up
   */
  async ensureUp(settings?: string, brokers?: readonly string[]): Promise<void> {
    await (settings === undefined ? this.restoreFile() : this.configure(settings, brokers));
    await this.upUnlessDone();
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

  /** Takes the stack away by the user's own command, then whatever a failure of it has left. */
  async close(): Promise<void> {
    try {
      await this.destroyAll();
      await this.sweep();
    } finally {
      await this.forget();
    }
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
