/** The systems' own images, each published by its makers. */
import type { OperatingSystem } from "../../hosts/host.ts";

export interface Image {
  /** The account that publishes it. */
  readonly owner: string;
  /** Patterns of its name, the newest match counts. */
  readonly names: readonly string[];
  /** The user whom cloud-init gives the key. */
  readonly user: string;
  /** What the first network interface is called on a Nitro instance. */
  readonly interface: string;
  /** Whether its makers have marked it as past its end, so that it is found only on demand. */
  readonly deprecated: boolean;
}

const debian = { owner: "136693071363", user: "admin", interface: "ens5", deprecated: false } as const;
const rocky = { owner: "792107900819", user: "rocky", interface: "eth0", deprecated: false } as const;

/** By system; config/rules.ts refuses the others. */
export const images: Readonly<Partial<Record<OperatingSystem, Image>>> = {
  "debian-12": { ...debian, names: ["debian-12-amd64-*"] },
  "debian-13": { ...debian, names: ["debian-13-amd64-*"] },
  "rocky-8": { ...rocky, names: ["Rocky-8-EC2-Base-8.*.x86_64*"] },
  "rocky-9": { ...rocky, names: ["Rocky-9-EC2-Base-9.*.x86_64*"] },
  "centos-7": {
    owner: "125523088429",
    user: "centos",
    interface: "eth0",
    deprecated: true,
    names: ["CentOS Linux 7*x86_64*", "CentOS 7.*x86_64*", "CentOS-7-*x86_64*"],
  },
};

/** @throws Error for a system that has none; the configuration's rules see to it */
export function imageOf(os: OperatingSystem): Image {
  const image = images[os];
  if (image === undefined) throw new Error(`${os} has no image`);
  return image;
}
