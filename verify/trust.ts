/** Whom this process trusts. */
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import type { System } from "./outputs.ts";

/** Has every connection of this process by TLS trust the stack's authorities, too. */
export function trustAuthorities({ caCertificate }: Pick<System, "caCertificate">): void {
  if (typeof caCertificate === "string")
    setDefaultCACertificates([...getCACertificates("default"), caCertificate]);
}
