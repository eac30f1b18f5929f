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
image=localhost/rabbitmq-ha-lab:centos-7-RECIPE
mirror="$store/mirrors/"RECIPE
if podman image exists "$image" && [ -d "$mirror" ]; then
  exit 0
fi
echo "building the CentOS 7 stand-in $image and its mirror, once (usually 2-4 minutes)"
builder=rabbitmq-ha-builder-RECIPE
mkdir -p "$store/mirrors"
work=$(mktemp -d "$store/mirrors/new.XXXXXX")
trap 'podman rm -f -t 0 "$builder" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
podman rm -f -t 0 --ignore "$builder" >/dev/null
# The machine's own network: whatever way to the packages this machine has, the builder has too.
podman run -i --name "$builder" --network host --volume "$work:/mirror" localhost/base:latest bash -s
podman commit --quiet "$builder" "$image" >/dev/null
rm -rf "$mirror"
chmod 0755 "$work"
mv "$work" "$mirror"
echo "the CentOS 7 stand-in is built"
