/** Property values as the engine sends them (sdk/go/common/resource/plugin/rpc.go). */
export type Value = null | boolean | number | string | readonly Value[] | { readonly [key: string]: Value };
export type Values = Readonly<Record<string, Value>>;

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

/** An unknown string. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function secret(value: Value): Value {
  return { [SIGNATURE]: SECRET, value };
}

/** Whether a value is a secret, in either of its two encodings. */
export function isSecret(value: Value | undefined): boolean {
  if (typeof value !== "object" || value === null || !(SIGNATURE in value)) {
    return false;
  }
  const signature = value[SIGNATURE];
  return signature === SECRET || (signature === OUTPUT && "secret" in value && value["secret"] === true);
}

/** The value inside a secret. */
export function unwrapSecret(value: Value | undefined): Value | undefined {
  return typeof value === "object" && value !== null && "value" in value ? value["value"] : value;
}

/** Whether a value is unknown, in either of its two encodings. */
export function isUnknown(value: Value | undefined): boolean {
  if (value === UNKNOWN) {
    return true;
  }
  return typeof value === "object" && value !== null && SIGNATURE in value && !("value" in value);
}
