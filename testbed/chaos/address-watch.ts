/** Watches the virtual address during a fault: which hosts hold it, and whether new clients are served. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { brokerAnswers } from "../stacks/amqp-handshake.ts";
import type { System } from "../../verify/outputs.ts";
import { readHostPid } from "./host-actions.ts";
import { isByTls } from "./load.ts";
import type { HolderChange, ClientProbe } from "./timeline.ts";

/** Milliseconds between two new clients. */
const probeIntervalMs = 100;
/** Milliseconds after which a client without a broker's answer counts as not served. */
const probeTimeoutMs = 1000;

export class AddressWatch {
  readonly changes: HolderChange[] = [];
  readonly probes: ClientProbe[] = [];
  readonly #system: System;
  readonly #monitors = new Map<string, ChildProcess>();
  readonly #holding = new Map<string, boolean>();
  readonly #unreachable = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(system: System) {
    this.#system = system;
  }

  async start(): Promise<void> {
    await Promise.all(this.#system.balancers.map(({ name }) => this.followBalancer(name)));
    this.#timer = setInterval(() => {
      this.#probe();
    }, probeIntervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const name of [...this.#monitors.keys()]) this.unfollowBalancer(name);
  }

  /** The reachable balancers that hold the address now. */
  get holders(): readonly string[] {
    return this.#system.balancers.map(({ name }) => name).filter((name) => this.#countsAsHolder(name));
  }

  /**
   * Follows a balancer's addresses by the changes that its kernel reports. Needed again after its power was off, since
   * it has a new network namespace then.
   */
  async followBalancer(name: string): Promise<void> {
    this.unfollowBalancer(name);
    const pid = String(await readHostPid(name));
    const address = ` ${this.#system.virtualAddress}/`;
    // The monitor starts first, so that no change is missed. It ends with its input, and so with this process.
    const script = "ip -o -4 monitor address & ip -o -4 addr show; echo ready; read -r _; kill $!";
    const monitor = spawn("nsenter", ["-t", pid, "-n", "bash", "-c", script], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#monitors.set(name, monitor);
    const ready = Promise.withResolvers<undefined>();
    const lines = createInterface({ input: monitor.stdout });
    lines.on("close", () => {
      ready.reject(new Error(`cannot watch the addresses of ${name}`));
    });
    lines.on("line", (line) => {
      if (line === "ready") ready.resolve(undefined);
      if (line.includes(address) && this.#monitors.get(name) === monitor) {
        this.#applyChange(name, () => this.#holding.set(name, !line.startsWith("Deleted")));
      }
    });
    await ready.promise;
  }

  /** Stops following a balancer, which then counts as not holding the address. */
  unfollowBalancer(name: string): void {
    const monitor = this.#monitors.get(name);
    this.#monitors.delete(name);
    monitor?.stdin?.end();
    this.#applyChange(name, () => this.#holding.set(name, false));
  }

  /** Sets whether the network can reach the host. An address on an unreachable host counts as not held. */
  setReachable(name: string, isReachable: boolean): void {
    this.#applyChange(name, () => {
      if (isReachable) this.#unreachable.delete(name);
      else this.#unreachable.add(name);
    });
  }

  #countsAsHolder(name: string): boolean {
    return this.#holding.get(name) === true && !this.#unreachable.has(name);
  }

  #applyChange(host: string, change: () => unknown): void {
    const before = this.#countsAsHolder(host);
    change();
    const holds = this.#countsAsHolder(host);
    if (holds !== before) this.changes.push({ at: performance.now(), host, holds });
  }

  #probe(): void {
    const at = performance.now();
    const { hostname, port } = new URL(this.#system.amqpUri);
    void brokerAnswers(hostname, probeTimeoutMs, Number(port || 5672), isByTls(this.#system)).then(
      (served) => {
        this.probes.push({ at, served });
      },
    );
  }
}
