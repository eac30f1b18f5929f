/**
 * Property values as they travel between engine and provider: plain JSON, in which secrets, outputs
 * and assets are objects with a signature, and an unknown value is one of a few fixed strings.
 *
 * Signatures: sdk/go/common/resource/sig and sdk/go/common/resource/plugin/rpc.go of Pulumi 3.259.
 */
export type Wire = null | boolean | number | string | Wire[] | WireMap;

export interface WireMap {
  [key: string]: Wire;
}

const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";

/** An unknown string; the value by which a preview says "known after apply". */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const UNKNOWNS: ReadonlySet<Wire> = new Set<Wire>([
  UNKNOWN,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

export function isMap(value: Wire | undefined): value is WireMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function signatureOf(value: Wire | undefined): Wire | undefined {
  return isMap(value) ? value[SIGNATURE_KEY] : undefined;
}

/** A map of the program's own, not a wrapped value. */
export function isPlainMap(value: Wire | undefined): value is WireMap {
  return isMap(value) && value[SIGNATURE_KEY] === undefined;
}

export function isAsset(value: Wire | undefined): value is WireMap {
  return signatureOf(value) === ASSET;
}

export function isArchive(value: Wire | undefined): value is WireMap {
  return signatureOf(value) === ARCHIVE;
}

export function assetOf(path: string, hash: string): WireMap {
  return { [SIGNATURE_KEY]: ASSET, hash, path };
}

export function archiveOf(assets: WireMap, hash: string): WireMap {
  return { [SIGNATURE_KEY]: ARCHIVE, hash, assets };
}

/** What remains of a value without its marks, and which marks it had. */
export interface Folded {
  readonly value: Wire;
  readonly secret: boolean;
  readonly unknown: boolean;
}

/** Takes the marks off the outermost layer of a value. */
export function fold(value: Wire | undefined): Folded {
  let secret = false;
  let current: Wire = value ?? null;
  for (;;) {
    const signature = signatureOf(current);
    if (!isMap(current) || (signature !== SECRET && signature !== OUTPUT)) {
      return { value: current, secret, unknown: UNKNOWNS.has(current) };
    }
    secret ||= signature === SECRET || current["secret"] === true;
    if (signature === OUTPUT && !("value" in current)) {
      return { value: null, secret, unknown: true };
    }
    current = current["value"] ?? null;
  }
}

/** The value without any mark, at any depth; what shape it has is for the caller to know. */
export function reveal(value: Wire | undefined): unknown {
  const inner = fold(value).value;
  if (Array.isArray(inner)) {
    return inner.map(reveal);
  }
  if (isMap(inner)) {
    return Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, reveal(item)]));
  }
  return inner;
}

export function makeSecret(value: Wire): Wire {
  const { value: inner, secret, unknown } = fold(value);
  if (secret) {
    return value;
  }
  return unknown ? { [SIGNATURE_KEY]: OUTPUT, secret: true } : { [SIGNATURE_KEY]: SECRET, value: inner };
}

/** The unknown value that takes the place of `value`, as secret as it was. */
export function makeUnknown(value: Wire): Wire {
  return fold(value).secret ? { [SIGNATURE_KEY]: OUTPUT, secret: true } : UNKNOWN;
}

/** Applies `change` below the marks of a value and puts the marks on again. */
export function underMarks(value: Wire, change: (inner: Wire) => Wire): Wire {
  const { value: inner, secret, unknown } = fold(value);
  if (unknown) {
    return value;
  }
  return secret ? makeSecret(change(inner)) : change(inner);
}

/** The real provider drops nulls of maps as it reads a request (go-provider, `SkipNulls`). */
export function withoutNulls(value: WireMap): WireMap {
  const kept: WireMap = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== null) {
      kept[key] = pruneNulls(item);
    }
  }
  return kept;
}

function pruneNulls(value: Wire): Wire {
  if (Array.isArray(value)) {
    return value.map(pruneNulls);
  }
  return isMap(value) ? withoutNulls(value) : value;
}

/**
 * Deep equality, in which a secret or unknown value never equals a plain one.
 *
 * @param hidden within a secret, where a further mark hides nothing more. The real provider takes such a mark for a
 * difference; here it is none, because states of this project's releases before 0.2.0 lack it.
 */
export function equals(left: Wire | undefined, right: Wire | undefined, hidden = false): boolean {
  const a = fold(left);
  const b = fold(right);
  if ((!hidden && a.secret !== b.secret) || a.unknown !== b.unknown) {
    return false;
  }
  return a.unknown || sameInner(a.value, b.value, hidden || a.secret);
}

function sameInner(a: Wire, b: Wire, hidden: boolean): boolean {
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) && a.length === b.length && a.every((item, index) => equals(item, b[index], hidden))
    );
  }
  if (isMap(a)) {
    const keys = Object.keys(a);
    return (
      isMap(b) &&
      keys.length === Object.keys(b).length &&
      keys.every((key) => key in b && equals(a[key], b[key], hidden))
    );
  }
  return a === b;
}
