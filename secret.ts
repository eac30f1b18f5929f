/** Secrets that the program generates. */
import { randomInt } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** @returns letters and digits from the system's source of randomness, 5.95 bits each */
export function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** @returns a secret that is generated at the first run and then kept, encrypted, in the stack's state */
export function generatedSecret(
  name: string,
  generate: () => pulumi.Input<string>,
  options: pulumi.CustomResourceOptions = {},
): pulumi.Output<string> {
  const stash = new pulumi.Stash(
    name,
    { input: pulumi.secret(generate()) },
    { ...options, ignoreChanges: ["input"], additionalSecretOutputs: ["output"] },
  );
  return stash.output as pulumi.Output<string>;
}
