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
image=localhost/own:latest
if podman image exists "$image"; then
  exit 0
fi
echo "pulling the image $image"
if ! answer=$(timeout 600 podman pull --quiet "$image" 2>&1); then
  echo "lab.image = $image: there is no such image here, and it cannot be pulled ($(tail -n 1 <<<"$answer"));" \
    "write one that 'CONTAINERS_CONF=$CONTAINERS_CONF podman images' shows, with systemd and sshd in it," \
    "or remove the key to have one built" >&2
  exit 1
fi
