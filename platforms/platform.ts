/** From the configuration to hosts, whatever the platform. */
import type { Config } from "../config/types.ts";
import type { Host } from "./host.ts";
import { labHosts } from "./lab.ts";

export interface Hosts {
  readonly brokers: readonly { readonly host: Host; readonly type: "disc" | "ram" }[];
  readonly balancers: readonly Host[];
}

/** Makes, or finds, the stack's machines. @returns them in the configuration's order */
export function makeHosts({ platform, os, brokers, balancers, secrets }: Config): Hosts {
  const machines = [...brokers, ...balancers];
  const { sshPrivateKey } = secrets;
  const hosts = labHosts({
    machines,
    os,
    ...platform,
    ...(sshPrivateKey === undefined ? {} : { sshPrivateKey }),
  });
  return {
    brokers: brokers.flatMap(({ type }, index) => {
      const host = hosts[index];
      return host === undefined ? [] : [{ host, type }];
    }),
    balancers: hosts.slice(brokers.length),
  };
}
