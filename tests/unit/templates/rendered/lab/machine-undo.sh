set -eu
# What podman would choose by itself depends on what else is installed; this is what the lab has been measured with.
# Outside these scripts too, whoever starts one of the lab's containers needs CONTAINERS_CONF.
store=/var/lib/rabbitmq-ha-lab
mkdir -p "$store/packages"/{bookworm,trixie}
export CONTAINERS_CONF="$store/containers.conf"
conf=$(mktemp "$store/containers.XXXXXX")
cat >"$conf" <<'END'
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
[network]
network_backend = "netavark"
[engine]
runtime = "runc"
END
mv -f "$conf" "$CONTAINERS_CONF"
name=cent120
# Removing can fail under load, so it is repeated until the container is gone.
for _ in $(seq 20); do
  podman container exists "$name" || exit 0
  podman rm -f -t 0 "$name" >/dev/null 2>&1 || sleep 0.5
done
echo "the container $name cannot be removed:" >&2
podman rm -f -t 0 "$name"
