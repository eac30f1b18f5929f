/**
 * Property values as engine and provider exchange them: plain JSON, in which secrets, outputs and
 * assets are objects with a signature, and an unknown value is one of a few fixed strings.
 *
 * Signatures: sdk/go/common/resource/sig and sdk/go/common/resource/plugin/rpc.go of Pulumi 3.259.
 */
export type WireValue = null | boolean | number | string | WireValue[] | WireMap;

export interface WireMap {
  [key: string]: WireValue;
}

const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";

/** An unknown string, which a preview shows as "known after apply". */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const UNKNOWNS: ReadonlySet<WireValue> = new Set<WireValue>([
  UNKNOWN,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

export function isMap(value: WireValue | undefined): value is WireMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function signatureOf(value: WireValue | undefined): WireValue | undefined {
  return isMap(value) ? value[SIGNATURE_KEY] : undefined;
}

/** Whether a value is a plain map, not a wrapped value. */
export function isPlainMap(value: WireValue | undefined): value is WireMap {
  return isMap(value) && value[SIGNATURE_KEY] === undefined;
}

export function isAsset(value: WireValue | undefined): value is WireMap {
  return signatureOf(value) === ASSET;
}

export function isArchive(value: WireValue | undefined): value is WireMap {
  return signatureOf(value) === ARCHIVE;
}

export function assetOf(path: string, hash: string): WireMap {
  return { [SIGNATURE_KEY]: ASSET, hash, path };
}

export function archiveOf(assets: WireMap, hash: string): WireMap {
  return { [SIGNATURE_KEY]: ARCHIVE, hash, assets };
}

/** A value without its marks, and the marks that it had. */
export interface UnwrappedValue {
  readonly value: WireValue;
  readonly secret: boolean;
  readonly unknown: boolean;
}

/** Removes the marks from the outermost layer of a value. */
export function unwrap(value: WireValue | undefined): UnwrappedValue {
  let secret = false;
  let current: WireValue = value ?? null;
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

/** The value without marks at any depth; the caller knows its type. */
export function unwrapDeep(value: WireValue | undefined): unknown {
  const inner = unwrap(value).value;
  if (Array.isArray(inner)) {
    return inner.map(unwrapDeep);
  }
  if (isMap(inner)) {
    return Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, unwrapDeep(item)]));
  }
  return inner;
}

export function makeSecret(value: WireValue): WireValue {
  const { value: inner, secret, unknown } = unwrap(value);
  if (secret) {
    return value;
  }
  return unknown ? { [SIGNATURE_KEY]: OUTPUT, secret: true } : { [SIGNATURE_KEY]: SECRET, value: inner };
}

/** The unknown value that replaces `value`; it is secret if `value` was. */
export function makeUnknown(value: WireValue): WireValue {
  return unwrap(value).secret ? { [SIGNATURE_KEY]: OUTPUT, secret: true } : UNKNOWN;
}

/** Applies `change` to the value below the marks, and restores the marks. */
export function mapInner(value: WireValue, change: (inner: WireValue) => WireValue): WireValue {
  const { value: inner, secret, unknown } = unwrap(value);
  if (unknown) {
    return value;
  }
  return secret ? makeSecret(change(inner)) : change(inner);
}

/** Removes nulls from maps, as the real provider does when it reads a request (go-provider, `SkipNulls`). */
export function removeNulls(value: WireMap): WireMap {
  const kept: WireMap = {};
  for (const [key, item] of Object.entries(value)) {
    if (item !== null) {
      kept[key] = removeInnerNulls(item);
    }
  }
  return kept;
}

function removeInnerNulls(value: WireValue): WireValue {
  if (Array.isArray(value)) {
    return value.map(removeInnerNulls);
  }
  return isMap(value) ? removeNulls(value) : value;
}

/**
 * Deep equality; a secret or unknown value never equals a plain one.
 *
 * @param hidden whether the values are inside a secret, where a further mark hides nothing more. To the real provider
 * such a mark is a difference. Here it is not, because states of this project's releases before 0.2.0 lack it.
 */
export function equals(left: WireValue | undefined, right: WireValue | undefined, hidden = false): boolean {
  const a = unwrap(left);
  const b = unwrap(right);
  if ((!hidden && a.secret !== b.secret) || a.unknown !== b.unknown) {
    return false;
  }
  return a.unknown || areInnerEqual(a.value, b.value, hidden || a.secret);
}

function areInnerEqual(a: WireValue, b: WireValue, hidden: boolean): boolean {
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
