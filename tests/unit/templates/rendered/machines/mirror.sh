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
podman run --detach --name xmirror --hostname xmirror --network rabbitmq-ha-given-x --ip 192.168.95.10 \
  --label rabbitmq-ha.lab=given-x --volume "$store/mirrors/"RECIPE:/mirror:ro localhost/centos-7 \
  /usr/bin/python3 -m http.server --directory /mirror 80 >/dev/null
