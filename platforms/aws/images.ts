/** The official image of each system. */
import type { AwsPlatform } from "../../config/types.ts";
import type { OperatingSystem } from "../../hosts/host.ts";

export interface MachineImage {
  /** The AWS account that publishes it. */
  readonly owner: string;
  /** Patterns of its name; the newest match is used. */
  readonly namePatterns: readonly string[];
  /** The user that cloud-init authorizes the SSH key for. */
  readonly user: string;
  /** The name of the first network interface on a Nitro instance. */
  readonly interface: string;
  /** Whether its publisher has marked it as deprecated; EC2 lists such images only on request. */
  readonly isDeprecated: boolean;
}

const debian = { owner: "136693071363", user: "admin", interface: "ens5", isDeprecated: false } as const;
const rocky = { owner: "792107900819", user: "rocky", interface: "eth0", isDeprecated: false } as const;

/** By system; config/combination-rules.ts refuses all other systems. */
export const images: Readonly<Partial<Record<OperatingSystem, MachineImage>>> = {
  "debian-12": { ...debian, namePatterns: ["debian-12-amd64-*"] },
  "debian-13": { ...debian, namePatterns: ["debian-13-amd64-*"] },
  "rocky-8": { ...rocky, namePatterns: ["Rocky-8-EC2-Base-8.*.x86_64*"] },
  "rocky-9": { ...rocky, namePatterns: ["Rocky-9-EC2-Base-9.*.x86_64*"] },
  "centos-7": {
    owner: "125523088429",
    user: "centos",
    interface: "eth0",
    isDeprecated: true,
    namePatterns: ["CentOS Linux 7*x86_64*", "CentOS 7.*x86_64*", "CentOS-7-*x86_64*"],
  },
};

/** @throws Error for a system without an image, which the configuration's rules exclude */
export function getImage(os: OperatingSystem): MachineImage {
  const image = images[os];
  if (image === undefined) throw new Error(`${os} has no image`);
  return image;
}

/**
 * @returns the user to log in as: the configured one, else the image's own
 * @throws Error for a system without an image, which the configuration's rules exclude
 */
export function getLoginUser(os: OperatingSystem, { user }: AwsPlatform): string {
  return user ?? getImage(os).user;
}
