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
name=rabbitmq-ha-dev
if podman network exists "$name"; then
  if [ -z "$(podman network ls -q --filter "name=^$name$" --filter label=rabbitmq-ha.lab=dev-0123456789)" ]; then
    echo "there is a podman network $name of another lab (or of one whose state is lost);" \
      "destroy that lab, or remove the network: CONTAINERS_CONF=$CONTAINERS_CONF podman network rm -f $name" >&2
    exit 1
  fi
  exit 0
fi
podman network create --subnet 192.168.56.0/24 --label rabbitmq-ha.lab=dev-0123456789 "$name"
