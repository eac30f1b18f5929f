/** The SSH key pairs of a stack: they are made once, and kept in its state. */
import * as pulumi from "@pulumi/pulumi";
import { generatedSecret } from "../secret.ts";
import { derivePublicKey, makePrivateKey } from "./ssh-keys.ts";

export interface KeyPair {
  /** A secret. */
  readonly privateKey: pulumi.Output<string>;
  /** As a line of authorized_keys; it is no secret. */
  readonly publicKey: pulumi.Output<string>;
}

/** @returns a pair that is generated at the first run, and then kept in the state under this name */
export function generateKeyPair(
  name: string,
  comment: string,
  options: pulumi.CustomResourceOptions,
): KeyPair {
  return keyPairOf(generatedSecret(name, () => makePrivateKey(comment), options));
}

/**
 * @param given the user's own private key; undefined: a pair is generated for the stack
 * @returns the pair to log in to all machines with
 */
export function makeLoginKeyPair(
  name: string,
  given: pulumi.Input<string> | undefined,
  options: pulumi.CustomResourceOptions,
): KeyPair {
  return given === undefined
    ? generateKeyPair(name, `rabbitmq-ha ${pulumi.getStack()}`, options)
    : keyPairOf(pulumi.secret(given));
}

function keyPairOf(privateKey: pulumi.Output<string>): KeyPair {
  return { privateKey, publicKey: pulumi.unsecret(privateKey.apply(derivePublicKey)) };
}
