/** The host keys that were pinned at the first contact; the stack's state keeps them. */
import * as pulumi from "@pulumi/pulumi";
import { refusalError } from "../../config/refusal-error.ts";
import { pinnedHostKeyName } from "../../hosts/resource-names.ts";
import { newHostKeysVariable } from "../../hosts/new-host-keys.ts";
import { fingerprint } from "../ssh-keys.ts";
import type { ProbeTarget } from "./precheck/probe-target.ts";
import { runOn, SshError, type Login, type PinHostKey, type RemoteCommand } from "../../remote/ssh.ts";

interface Pin {
  /** As a line of authorized_keys. */
  readonly hostKey: string;
  readonly isNew: boolean;
}

export class PinnedHostKeys {
  readonly #pins = new Map<string, Promise<Pin>>();
  readonly #renewed: ReadonlySet<string>;

  /** @param renewed the addresses whose pinned key is replaced by the one that the host shows now */
  constructor(renewed: Iterable<string>) {
    this.#renewed = new Set(renewed);
  }

  /** The key of each address is decided once in a run, however many connections go there. */
  readonly pin: PinHostKey = async (address, shown) => {
    const pin = this.#pins.get(address) ?? keepInState(address, shown, this.#renewed.has(address));
    this.#pins.set(address, pin);
    return (await pin).hostKey;
  };

  /** @returns the log-in, by which a host and a bastion without a configured key get theirs from here */
  addTo(login: Login): Login {
    const { proxy } = login;
    const { pin: pinHostKey } = this;
    return { ...login, pinHostKey, ...(proxy === undefined ? {} : { proxy: { ...proxy, pinHostKey } }) };
  }

  /** @returns the pinned keys by their address, of the hosts that have been met in this run */
  async hostKeys(): Promise<Readonly<Record<string, string>>> {
    const keys = [...this.#pins].map(async ([address, pin]) => [address, (await pin).hostKey] as const);
    return Object.fromEntries(await Promise.all(keys));
  }

  /**
   * @param labels of the hosts by their addresses, in the order of the lines
   * @returns a line for each host that was met for the first time
   */
  async firstContacts(labels: ReadonlyMap<string, string>): Promise<string[]> {
    const lines = [...labels].map(async ([address, label]) => {
      const pin = await this.#pins.get(address);
      if (pin?.isNew !== true) return [];
      const contact = this.#renewed.has(address) ? "in place of the former one" : "at first contact";
      const end = pulumi.runtime.isDryRun() ? `will be pinned by up ${contact}` : `pinned ${contact}`;
      return [`${label}: host key ${fingerprint(pin.hostKey)} ${end}`];
    });
    return (await Promise.all(lines)).flat();
  }
}

/**
 * A stash keeps the first value that it was given. The time makes each value another one, which tells the first contact;
 * a preview keeps nothing.
 */
function keepInState(address: string, shown: string, isRenewed: boolean): Promise<Pin> {
  const given = `${shown} ${new Date().toISOString()}`;
  const options = isRenewed ? { replaceOnChanges: ["input"] } : { ignoreChanges: ["input"] };
  const stash = new pulumi.Stash(pinnedHostKeyName(address), { input: given }, options);
  return new Promise((resolve) => {
    (stash.output as pulumi.Output<string>).apply((kept) => {
      const [type = "", key = ""] = kept.split(" ");
      resolve({ hostKey: `${type} ${key}`, isNew: kept === given });
    });
  });
}

/**
 * Runs a command like `runOn`. A host that has got a key of a better type since the first contact shows that one, and is
 * asked once more for the pinned one.
 */
export async function runWithPinnedKey(login: Login, options: RemoteCommand): Promise<string> {
  const begin = performance.now();
  try {
    return await runOn(login, options);
  } catch (error) {
    const pinned = loginForPinnedType(login, error);
    if (pinned === undefined) throw error;
    const { timeoutSeconds = 10 } = options;
    const leftSeconds = timeoutSeconds - (performance.now() - begin) / 1000;
    return runWithPinnedKey(pinned, { ...options, timeoutSeconds: leftSeconds });
  }
}

function loginForPinnedType(login: Login, error: unknown): Login | undefined {
  if (!(error instanceof SshError) || error.pinnedHostKey === undefined) return undefined;
  const { shownHostKey, pinnedHostKey: hostKey } = error;
  const refusing = error.isBastion ? login.proxy : login;
  const [type = ""] = hostKey.split(" ");
  if (refusing?.hostKey !== undefined || shownHostKey?.includes(type) !== false) return undefined;
  return error.isBastion && login.proxy !== undefined
    ? { ...login, proxy: { ...login.proxy, hostKey } }
    : { ...login, hostKey };
}

/**
 * @param machines the stack's
 * @returns the addresses of the hosts whose new keys this run pins, as the environment names them
 * @throws pulumi.RunError if it names a host that the stack does not have
 */
export function addressesWithNewKeys(
  machines: readonly Pick<ProbeTarget, "name" | "address">[],
  bastion: string | undefined,
): string[] {
  const wanted = (process.env[newHostKeysVariable] ?? "").split(",").filter((name) => name !== "");
  return wanted.map((each) => {
    const machine = machines.find(({ name, address }) => name === each || address === each);
    const address = machine?.address ?? (each === bastion ? bastion : undefined);
    if (address !== undefined) return address;
    const known = [...machines.map(({ name }) => name), ...(bastion === undefined ? [] : [bastion])];
    throw refusalError(
      `${newHostKeysVariable} names ${each}, which the stack does not have; its hosts are ${known.join(", ")}`,
    );
  });
}
