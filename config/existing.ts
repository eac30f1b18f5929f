/** The block of the platform `existing`: how the user's own machines are reached. */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { resolveKeyPath } from "../hosts/key-path.ts";
import { parseHostKeys } from "./host-keys.ts";
import { bastionKeys, loginUser } from "./login.ts";
import { privateKeyFault } from "./secrets.ts";
import * as values from "./values.ts";

const user = loginUser("root");

function keyFileFault(file: string): string | undefined {
  const path = resolveKeyPath(file);
  if (!existsSync(path)) return "no such file; write the path of the private key, such as ~/.ssh/id_ed25519";
  try {
    return privateKeyFault(readFileSync(path, "utf8"));
  } catch {
    return "a file that cannot be read; write the path of the private key, such as ~/.ssh/id_ed25519";
  }
}

export const existing = z
  .strictObject({
    user: user.default("root"),
    port: values.port.default(22),
    privateKeyFile: values
      .text("not a path", "the path of the private key, such as ~/.ssh/id_ed25519", keyFileFault)
      .exactOptional(),
    hostKeys: values
      .lines("not host keys", "what ssh-keyscan prints of the hosts", (text) => parseHostKeys(text).fault)
      .exactOptional(),
    bastion: z.strictObject(bastionKeys(user)).exactOptional(),
    replaceFiles: values
      .flag("true if files that others wrote are to be kept and replaced, or false")
      .default(false),
    purge: values.flag("true if destroy shall delete the brokers' data too, or false").default(false),
  })
  .prefault({});
