/** The rotation of the SSH key that the stack logs in with: first both are valid on every host, at the end only the new one. */
import { readFileSync } from "node:fs";
import { resolveKeyPath } from "../../hosts/key-path.ts";
import { awsBastion, machineName } from "../../hosts/resource-names.ts";
import { derivePublicKey, fingerprint, makePrivateKey } from "../../platforms/ssh-keys.ts";
import { UserError } from "../../user-error.ts";
import type { Login, System } from "../../verify/outputs.ts";
import type { PulumiCli } from "../run-pulumi.ts";
import { resourceNameOf, type StateResource } from "../repair-plan.ts";
import { valueIn, withValue } from "../stack-edit.ts";
import { readStackFile, shortStackName, stackFileName, writeStackFile } from "../stack-file.ts";
import { parsePlatform } from "../stack-platform.ts";
import { npmCommand, readResources, recoverStack } from "../stack.ts";
import { readSystem } from "../verify.ts";
import { askAll, askHost, checkBastion, withKey, type AskHost, type HostKeys } from "./key-hosts.ts";
import { changeKeyInState, type SshKey } from "./key-in-state.ts";

export interface KeyOptions {
  /** The file of the new private key. @default the configuration's key, or one that is made */
  readonly key?: string;
  readonly finish: boolean;
  readonly preview: boolean;
}

/** Where a key is valid. */
export interface KeyPlaces {
  /** Every host of the stack, and its own bastion. All log-ins have the key in use. */
  readonly logins: readonly Login[];
  /** A bastion that is not the stack's own, where the program changes nothing. */
  readonly bastion: Login["proxy"];
}

/** The key that the configuration wants. */
export interface WantedKey {
  /** The user's own; absent: it is made. */
  readonly key?: SshKey;
  /** What becomes of the stack's file, as it is by then. @default it stays */
  readonly edit?: (text: string) => string;
  /** How to give another key. */
  readonly remedy: string;
}

export async function rotateSshKey(pulumi: PulumiCli, stack: string, options: KeyOptions): Promise<number> {
  await recoverStack(pulumi, stack, []);
  const places = placesOf(await readSystem(pulumi, stack), await readResources(pulumi, stack));
  const wanted = await wantedKey(pulumi, stack, options.key);
  const end = npmCommand("rotate", stack, "ssh-key", "--finish");
  if (options.finish) {
    const begin = npmCommand("rotate", stack, "ssh-key");
    const lines = await finish(places, wanted, askHost, { begin, preview: options.preview });
    process.stdout.write(`${lines.join("\n")}\n`);
    return 0;
  }
  const found = await begun(places, wanted, askHost, end);
  if (options.preview) {
    process.stdout.write(`${previewOfStart(found, wanted).join("\n")}\n`);
    return 0;
  }
  if (!found.isInUse) {
    const next = wanted.key ?? keyOf(makePrivateKey(`rabbitmq-ha ${shortStackName(stack)}`));
    await makeValid(places, next, askHost);
    await changeKeyInState(pulumi, stack, found.used, next);
    const { ssh } = await readSystem(pulumi, stack);
    if (ssh.some(({ privateKey }) => privateKey !== next.privateKey))
      throw new UserError(
        "the stack's state did not take the new key; both are valid on every host: run this again",
      );
  }
  if (wanted.edit !== undefined) writeStackFile(stack, wanted.edit(readStackFile(stack)));
  process.stdout.write(
    "the stack logs in with the new key, which is valid on every host; the former one is, too\n" +
      `Once nobody uses the former one: ${end}\n`,
  );
  return 0;
}

/** @returns the log-ins to all that has the key, from the stack's outputs and its state */
export function placesOf(
  { ssh }: Pick<System, "ssh">,
  resources: readonly Pick<StateResource, "urn">[],
): KeyPlaces {
  const proxy = ssh.find((login) => login.proxy !== undefined)?.proxy;
  const isOwn = resources.some(({ urn }) => resourceNameOf(urn) === machineName(awsBastion));
  if (proxy === undefined || !isOwn) return { logins: ssh, bastion: proxy };
  return { logins: [{ name: awsBastion, ...proxy }, ...ssh], bastion: undefined };
}

export function keyOf(privateKey: string): SshKey {
  return { privateKey, publicKey: derivePublicKey(privateKey) };
}

function usedKey({ logins }: KeyPlaces): SshKey {
  return keyOf(logins[0]?.privateKey ?? "");
}

/** @throws UserError if a key is given where the program makes it, or one that cannot be read */
export async function wantedKey(
  pulumi: Pick<PulumiCli, "captureOrThrow">,
  stack: string,
  file: string | undefined,
  text: string = readStackFile(stack),
): Promise<WantedKey> {
  if (valueIn(text, ["sshPrivateKey"]) !== undefined) {
    const remedy = `sshPrivateKey is a secret of your own: set another one with npm run -s pulumi -- config set --secret sshPrivateKey --stack ${stack} <THE-NEW-KEY, and run rotate ssh-key without --key`;
    if (file !== undefined) throw new UserError(`nothing was changed: ${remedy}`);
    const given = await pulumi.captureOrThrow(["config", "get", "sshPrivateKey", "--stack", stack]);
    return { key: parseKey(given, "sshPrivateKey"), remedy };
  }
  if (parsePlatform(text, stackFileName(stack)) === "existing") {
    const path = ["existing", "privateKeyFile"] as const;
    const known = valueIn(text, path);
    const wanted = file ?? (typeof known === "string" ? known : "");
    return {
      key: parseKey(readKeyFile(wanted), wanted),
      ...(wanted === known ? {} : { edit: (now: string) => withValue(now, path, wanted) }),
      remedy: `make another one with ssh-keygen -t ed25519 and give its file: ${npmCommand("rotate", stack, "ssh-key", "--key", "FILE")}`,
    };
  }
  if (file !== undefined)
    throw new UserError(
      "nothing was changed: --key is for machines of your own; the key of this stack is generated, so leave it out",
    );
  return { remedy: "" };
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(resolveKeyPath(file), "utf8");
  } catch {
    throw new UserError(
      `nothing was changed: ${file} cannot be read; give the path of the private key, such as --key ~/.ssh/id_new`,
    );
  }
}

function parseKey(text: string, label: string): SshKey {
  try {
    return keyOf(text);
  } catch {
    // The parser's own message would show part of the key.
    throw new UserError(
      `nothing was changed: ${label} is no private key that can be read, or it has a passphrase; make one with ssh-keygen -t ed25519 -N ''`,
    );
  }
}

/** What the hosts say before a rotation is begun. */
interface Beginning {
  readonly used: SshKey;
  readonly hosts: readonly HostKeys[];
  /** Whether the key in use is already the new one. */
  readonly isInUse: boolean;
}

/** @throws UserError if a host does not answer, or the wanted key is no new one */
export async function begun(
  places: KeyPlaces,
  { key, remedy }: WantedKey,
  ask: AskHost,
  end: string,
): Promise<Beginning> {
  const used = usedKey(places);
  const hosts = await askAll(places.logins, ask, "nothing was changed");
  const isInUse = hosts.some((host) => host.new === used.publicKey);
  const isUsed = key?.publicKey === used.publicKey;
  if (isInUse && key !== undefined && !isUsed)
    throw new UserError(
      `nothing was changed: a rotation of the SSH key to ${fingerprint(used.publicKey)} has begun; first end it: ${end}`,
    );
  if (isUsed && !isInUse) throw new UserError(`nothing was changed: that key is the one in use; ${remedy}`);
  return { used, hosts, isInUse };
}

export function previewOfStart({ used, hosts, isInUse }: Beginning, { key, edit }: WantedKey): string[] {
  if (isInUse) return ["the new key is in use, and the former one is valid on every host, too"];
  const next = key === undefined ? "a new key" : fingerprint(key.publicKey);
  return [
    ...hosts.map(
      ({ name, file }) => `${name}: ${next} would be added to ${file}, beside ${fingerprint(used.publicKey)}`,
    ),
    "every host would be logged in to with it; then the stack would log in with it, and nothing would be re-run",
    ...(edit === undefined ? [] : ["existing.privateKeyFile would name its file"]),
  ];
}

/**
 * Adds the new key beside the one in use, and logs in with it, on every host.
 * @throws UserError unless all of that was seen to work; the key in use is then valid on every host
 */
export async function makeValid({ logins, bastion }: KeyPlaces, next: SshKey, ask: AskHost): Promise<void> {
  if (bastion !== undefined) await checkBastion({ ...bastion, privateKey: next.privateKey });
  const otherwise = "the key in use stays the one in use, and is valid on every host; the new one is not yet";
  await askAll(logins, ask, otherwise, { flag: "--add", keys: [next.publicKey] });
  await askAll(
    logins.map((login) => withKey(login, next.privateKey)),
    ask,
    otherwise,
  );
}

/**
 * Makes the former key invalid on every host, once every host has been logged in to with the new one.
 * @returns what to say of it
 * @throws UserError if a host does not answer, or no rotation has begun
 */
export async function finish(
  places: KeyPlaces,
  { key }: WantedKey,
  ask: AskHost,
  { begin, preview }: { readonly begin: string; readonly preview: boolean },
): Promise<string[]> {
  const { logins, bastion } = places;
  const used = usedKey(places);
  const stays = "nothing was changed, and the former key stays valid on every host";
  const hosts = await askAll(logins, ask, stays);
  if (hosts.some((host) => host.new !== null && host.new !== used.publicKey))
    throw new UserError(`${stays}: the stack does not log in with the new one yet; first run: ${begin}`);
  if (key !== undefined && key.publicKey !== used.publicKey)
    throw new UserError(
      `${stays}: the configuration has the key ${fingerprint(key.publicKey)}, and the stack logs in with ${fingerprint(used.publicKey)}; let the configuration have that one, and run this again`,
    );
  const formers = [...new Set(hosts.flatMap(({ former }) => former))];
  if (formers.length === 0)
    throw new UserError(`nothing was changed: no rotation of the SSH key has begun; begin one: ${begin}`);
  if (preview)
    return hosts.map(({ name }) => `${name}: ${formers.map(fingerprint).join(", ")} would be valid no more`);
  await askAll(logins, ask, "the former key is still valid on some hosts; run this again", {
    flag: "--finish",
    keys: formers,
  });
  return [
    `${fingerprint(used.publicKey)} alone is valid in the place of ${formers.map(fingerprint).join(", ")}`,
    ...(bastion === undefined
      ? []
      : [`on the bastion ${bastion.host}, remove the former key yourself:`, ...formers]),
  ];
}
