/**
 * The types of SSH host keys that can be pinned, the best first. RSA is not one: the provider requests RSA with SHA-1,
 * which servers refuse.
 */
export const hostKeyTypes: readonly string[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
];
