/** Secrets that the program makes itself. */
import { randomInt } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** @returns letters and digits from the system's source of randomness, 5.95 bits each */
export function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** A secret that is made at the first run and then stays as it is, encrypted in the stack's state. */
export function keep(
  name: string,
  make: () => string,
  options: pulumi.CustomResourceOptions = {},
): pulumi.Output<string> {
  const stash = new pulumi.Stash(
    name,
    { input: pulumi.secret(make()) },
    { ...options, ignoreChanges: ["input"], additionalSecretOutputs: ["output"] },
  );
  return stash.output as pulumi.Output<string>;
}
