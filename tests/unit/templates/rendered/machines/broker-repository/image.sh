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
image=localhost/rabbitmq-ha-lab:rabbitmq-4.3-RECIPE
if podman image exists "$image"; then
  exit 0
fi
echo "building the image $image with a repository of RabbitMQ 4.3, once (usually 1-2 minutes)"
builder=rabbitmq-ha-builder-RECIPE
trap 'podman rm -f -t 0 "$builder" >/dev/null 2>&1 || true' EXIT
podman rm -f -t 0 --ignore "$builder" >/dev/null
# The machine's own network: whatever way to the packages this machine has, the builder has too.
podman run -i --name "$builder" --network host localhost/base:latest bash -s
podman commit --quiet "$builder" "$image" >/dev/null
echo "the image is built"
