/** Watches the virtual address while a fault is on: which hosts hold it, and whether new clients are served. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { answers } from "../labs/greeting.ts";
import type { System } from "../../verify/outputs.ts";
import { firstProcess } from "./machines.ts";
import type { Change, Probe } from "./timeline.ts";

/** Milliseconds between two clients that set out. */
const probeInterval = 100;
/** Milliseconds until a client that was not greeted counts as not served. */
const probePatience = 1000;

export class Watch {
  readonly changes: Change[] = [];
  readonly probes: Probe[] = [];
  readonly #system: System;
  readonly #monitors = new Map<string, ChildProcess>();
  readonly #holding = new Map<string, boolean>();
  readonly #silent = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(system: System) {
    this.#system = system;
  }

  async start(): Promise<void> {
    await Promise.all(this.#system.balancers.map(({ name }) => this.attach(name)));
    this.#timer = setInterval(() => {
      this.#probe();
    }, probeInterval);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const name of [...this.#monitors.keys()]) this.detach(name);
  }

  /** The balancers that hold the address now and can be heard. */
  get holders(): readonly string[] {
    return this.#system.balancers.map(({ name }) => name).filter((name) => this.#effective(name));
  }

  /**
   * Begins to follow a balancer's addresses, as its kernel reports each change of them. To be done again after its
   * power was off, since it has another network then.
   */
  async attach(name: string): Promise<void> {
    this.detach(name);
    const pid = String(await firstProcess(name));
    const address = ` ${this.#system.virtualAddress}/`;
    // The monitor first, so that no change falls between the two. It ends when its input does, and so with us.
    const script = "ip -o -4 monitor address & ip -o -4 addr show; echo ready; read -r _; kill $!";
    const monitor = spawn("nsenter", ["-t", pid, "-n", "bash", "-c", script], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#monitors.set(name, monitor);
    const ready = Promise.withResolvers<undefined>();
    const lines = createInterface({ input: monitor.stdout });
    lines.on("close", () => {
      ready.reject(new Error(`the addresses of ${name} cannot be watched`));
    });
    lines.on("line", (line) => {
      if (line === "ready") ready.resolve(undefined);
      if (line.includes(address) && this.#monitors.get(name) === monitor) {
        this.#note(name, () => this.#holding.set(name, !line.startsWith("Deleted")));
      }
    });
    await ready.promise;
  }

  /** Stops following a balancer, which then holds nothing. */
  detach(name: string): void {
    const monitor = this.#monitors.get(name);
    this.#monitors.delete(name);
    monitor?.stdin?.end();
    this.#note(name, () => this.#holding.set(name, false));
  }

  /** Whether the network hears the host: what it holds while it is silent is held by nobody. */
  hears(name: string, heard: boolean): void {
    this.#note(name, () => {
      if (heard) this.#silent.delete(name);
      else this.#silent.add(name);
    });
  }

  #effective(name: string): boolean {
    return this.#holding.get(name) === true && !this.#silent.has(name);
  }

  #note(host: string, change: () => unknown): void {
    const before = this.#effective(host);
    change();
    const holds = this.#effective(host);
    if (holds !== before) this.changes.push({ at: performance.now(), host, holds });
  }

  #probe(): void {
    const at = performance.now();
    const { hostname, port } = new URL(this.#system.amqpUri);
    void answers(hostname, probePatience, Number(port || 5672)).then((served) => {
      this.probes.push({ at, served });
    });
  }
}
