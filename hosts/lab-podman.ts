/** The lab's own podman, as templates/lab/podman.hbs sets it up. */

export const podmanEnv = { CONTAINERS_CONF: "/var/lib/rabbitmq-ha-lab/containers.conf" } as const;

/** The same as the beginning of a command that somebody types. */
export const labPodman = `CONTAINERS_CONF=${podmanEnv.CONTAINERS_CONF} podman`;
