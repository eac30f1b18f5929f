/**
 * A zod schema for each kind of value in a configuration, with its own error messages. None of them depends on another
 * value.
 */
import { z } from "zod";
import { joinNames } from "./faults.ts";
import { platformKinds, unknownPlatform } from "../hosts/platform-kinds.ts";
import { operatingSystems } from "../hosts/systems.ts";
import { isHostAddress, isIpv4, isIpv6, parseNetwork } from "../hosts/network.ts";
import type { Duration, OperatingSystem } from "./types.ts";

interface ErrorParams {
  readonly error: (issue: { readonly input?: unknown }) => string;
}

/** The error message for a value that is missing, or wrong in a way that needs no further explanation. */
function errorMessage(what: string, remedy: string): ErrorParams {
  return { error: ({ input }) => `${input === undefined ? "missing" : what}; write ${remedy}` };
}

/** The same for numbers: `pulumi config set --path` writes fractions as quoted text. */
function numberErrorMessage(what: string, remedy: string): ErrorParams {
  const isQuotedNumber = (input: unknown): boolean =>
    typeof input === "string" && /^-?[0-9]+(\.[0-9]+)?$/.test(input);
  return {
    error: (issue) =>
      errorMessage(isQuotedNumber(issue.input) ? "a text, because of its quotes" : what, remedy).error(issue),
  };
}

export function list<Item extends z.ZodType>(item: Item, remedy: string): z.ZodArray<Item> {
  return z.array(item, errorMessage("not a list", remedy));
}

/** A text of one line, with a check that returns what is wrong with it, or undefined. */
export function text(
  what: string,
  remedy: string,
  fault: (value: string) => string | undefined,
): z.ZodString {
  return lines(what, remedy, (value) =>
    /\p{Cc}/u.test(value)
      ? `has line breaks or other control characters; write ${remedy}, without them`
      : fault(value),
  );
}

/** The same for a text that may have several lines. */
export function lines(
  what: string,
  remedy: string,
  fault: (value: string) => string | undefined,
): z.ZodString {
  return z.string(errorMessage(what, remedy)).superRefine((value, context) => {
    const message = fault(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}

/** A text that matches a pattern, which must cover the whole text. */
export function matching(pattern: RegExp, what: string, remedy: string): z.ZodString {
  return text(what, remedy, (value) => (pattern.test(value) ? undefined : `${what}; write ${remedy}`));
}

/** A whole number within bounds, both included. */
export function wholeNumber(
  what: string,
  unit: string,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): z.ZodNumber {
  const range =
    max === Number.MAX_SAFE_INTEGER ? `, ${String(min)} or more` : ` from ${String(min)} to ${String(max)}`;
  const error = numberErrorMessage(
    `not ${what}`,
    `a whole number${unit === "" ? "" : ` of ${unit}`}${range}`,
  );
  return z
    .number(error)
    .refine((value) => Number.isSafeInteger(value) && value >= min && value <= max, error);
}

export const port = wholeNumber("a TCP port", "", 1, 65535);

export function flag(remedy: string): z.ZodBoolean {
  return z.boolean(errorMessage("neither true nor false", remedy));
}

export function choice<const Choices extends readonly [string, ...string[]]>(what: string, choices: Choices) {
  return z.enum(choices, errorMessage(`not ${what}`, joinNames(choices, "or")));
}

const maxNameLength = 63;

/** A host's short name: one label of RFC 1123, in lower case since RabbitMQ compares node names case-sensitively. */
export const hostName = text("not a host name", "lower-case letters, digits and hyphens", (name) => {
  if (name.includes(".")) {
    return `has a dot, and RabbitMQ's node names are short names; write only the first part, "${name.split(".")[0] ?? ""}"`;
  }
  if (name.length > maxNameLength) {
    return `too long with ${String(name.length)} characters; write at most ${String(maxNameLength)}`;
  }
  // What inet_aton(3) reads as a number is no name to a resolver, whatever /etc/hosts says.
  if (/^(\d+|0x[0-9a-f]+)$/.test(name)) {
    return `a number, which every host reads as an IPv4 address; write a name with a letter, such as cent${name}`;
  }
  if (name === "localhost") return "the name of every host for itself; write a name such as cent120";
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)) return undefined;
  return "not a host name; write lower-case letters, digits and hyphens, with no hyphen at either end";
});

/** @param example the address to show in messages */
export function ipv4(example: string): z.ZodString {
  const remedy = `an IPv4 address such as ${example}`;
  return text("not an address", remedy, (address) => {
    if (isIpv6(address)) return `IPv6 is not supported; write ${remedy}`;
    if (!isIpv4(address)) return `not an address; write ${remedy}`;
    if (isHostAddress(address)) return undefined;
    return `not an address that a host can have; write one of the hosts' network, such as ${example}`;
  });
}

export const subnet = text("not a network", "an IPv4 network such as 192.168.56.0/24", (cidr) => {
  const found = parseNetwork(cidr);
  if (cidr.includes(":")) return "IPv6 is not supported; write an IPv4 network such as 192.168.56.0/24";
  if (found === undefined) return "not a network; write an IPv4 network such as 192.168.56.0/24";
  if (found.cidr !== cidr) return `an address inside a network; write the network itself, ${found.cidr}`;
  if (found.prefixLength < 8 || found.prefixLength > 29) {
    return "not a size for a lab; write a network from /8 to /29, such as 192.168.56.0/24";
  }
  if (isHostAddress(found.first)) return undefined;
  return "not a network that hosts can be in; write a private one such as 192.168.56.0/24";
});

// HAProxy stores timers as signed 32-bit milliseconds and refuses longer ones (its manual, 2.5 "Time format").
const maxTimerMs = 2 ** 31 - 1;
const msPerUnit: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const durationRemedy = "a whole number with ms, s, m, h or d, such as 500ms or 5s";

export const duration: z.ZodType<Duration> = text("not a duration", durationRemedy, (value) => {
  const [, amount, unit] = /^([1-9][0-9]*)(ms|s|m|h|d)$/.exec(value) ?? [];
  if (amount === undefined || unit === undefined) return `not a duration; write ${durationRemedy}`;
  const durationMs = Number(amount) * (msPerUnit[unit] ?? 0);
  return durationMs > maxTimerMs ? "longer than HAProxy's timers can be; write at most 24d" : undefined;
});

/** Seconds between two advertisements of VRRP version 3: 12 bits of centiseconds (RFC 5798, 5.2.7). */
export const advertisementInterval = (() => {
  const error = numberErrorMessage(
    "not an advertisement interval",
    "seconds from 0.01 to 40.95, in steps of 0.01",
  );
  return z.number(error).refine((seconds) => {
    const centiseconds = Math.round(seconds * 100);
    return centiseconds >= 1 && centiseconds <= 4095 && Math.abs(seconds * 100 - centiseconds) < 1e-6;
  }, error);
})();

/** Only characters without a special meaning in a shell, a URL or rabbitmq.conf. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/;

export const clusterName = matching(
  plainName,
  "not a cluster's name",
  "letters, digits and . _ @ -, such as rabbitmq_cluster1",
);

/** The kernel takes any 15 bytes without blanks, slashes and colons; these are also nothing special in a shell. */
export const networkInterface = matching(
  /^(?!\.{1,2}$)[A-Za-z0-9._][A-Za-z0-9._@-]{0,14}$/,
  "not a network interface",
  "a name such as eth1 or eth0.100, or leave the key out",
);

const userNameRemedy = "letters, digits and . _ @ -, such as admin";

export const userName = text("not a user's name", userNameRemedy, (name) => {
  if (name === "guest") return "RabbitMQ's own user, whose password is public; write another, such as admin";
  return plainName.test(name) ? undefined : `not a user's name; write ${userNameRemedy}`;
});

/** A URL is written into files, commands and logs that others can read. */
function urlSecretFault(url: URL): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  return "has a user or a password, which the hosts' files and logs would show; write it without, and let the server accept the hosts by their addresses";
}

/** A file's SHA-256. */
export function sha256(file: string): z.ZodString {
  return matching(
    /^[0-9a-f]{64}$/i,
    "not a SHA-256",
    `${file}'s SHA-256, 64 hexadecimal digits`,
  ).toLowerCase();
}

export const tarballUrl = text("not a URL", "the tarball's URL, with http or https", (address) => {
  const url = URL.canParse(address) && !/[\s"'\\]/.test(address) ? new URL(address) : undefined;
  if (url !== undefined && ["http:", "https:"].includes(url.protocol)) return urlSecretFault(url);
  return "not a URL; write the tarball's URL, with http or https";
});

/** A URL with one of the given schemes and no characters that are special in a shell, in sed or in a configuration file. */
export function url(schemes: readonly string[], remedy: string): z.ZodString {
  return text("not a URL", remedy, (value) => {
    const url = URL.canParse(value) && !/[\s"'\\!&$`|<>]/.test(value) ? new URL(value) : undefined;
    if (url !== undefined && schemes.includes(url.protocol)) return urlSecretFault(url);
    return `not a URL; write ${remedy}`;
  });
}

/** The URL of something that a host downloads, or reads from its own disk. */
export function downloadUrl(what: string): z.ZodString {
  return url(["http:", "https:", "file:"], `${what}, with http, https or file`);
}

export const platform = z.enum(platformKinds, unknownPlatform);

export const operatingSystem: z.ZodType<OperatingSystem> = z.enum(
  operatingSystems,
  `unknown system; write ${joinNames(operatingSystems, "or")}`,
);
