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
ours() { podman ps -aq --filter "name=^$name$" --filter label=rabbitmq-ha.lab=dev-0123456789 "$@"; }
if podman container exists "$name"; then
  if [ -z "$(ours)" ]; then
    echo "there is a container $name of another lab (or of one whose state is lost);" \
      "destroy that lab, or remove the container and all that is in it:" \
      "CONTAINERS_CONF=$CONTAINERS_CONF podman rm -f $name" >&2
    exit 1
  fi
  # A run that was killed may have left a container that is not the one wanted now; no software was put on it yet.
  if [ -z "$(ours --filter label=rabbitmq-ha.spec=173fd842671e)" ]; then
    podman rm -f -t 0 "$name" >/dev/null
  fi
fi
if ! podman container exists "$name"; then
  # SYS_ADMIN: haproxy.service mounts; NET_*: Keepalived. No hosts file of podman's: it would be rewritten at each boot.
  podman create --name "$name" --hostname "$name" --no-hosts --network rabbitmq-ha-dev --ip 192.168.56.120 \
    --label rabbitmq-ha.lab=dev-0123456789 --label rabbitmq-ha.spec=173fd842671e \
    --systemd=always --cap-add SYS_ADMIN,NET_ADMIN,NET_RAW,NET_BROADCAST \
    --volume "$store/packages/bookworm:/srv/packages" \
    localhost/rabbitmq-ha-lab:bookworm-927d87415eb3 /sbin/init >/dev/null
fi
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
umask 077
mkdir -p "$files/root/.ssh" "$files/etc/ssh"
cat >"$files/etc/ssh/ssh_host_ed25519_key"
printf '%s\n' 'ssh-ed25519 PUBLIC-KEY' >"$files/etc/ssh/ssh_host_ed25519_key.pub"
printf '%s\n' 'ssh-ed25519 PUBLIC-KEY' >"$files/root/.ssh/authorized_keys"
if [ -n "$(podman ps -q --filter "name=^$name$")" ]; then
  running=yes
else
  running=
  # Packages that an earlier host has fetched count as fetched here.
  mkdir -p "$files/var/cache/apt/archives"
  for package in "$store/packages/bookworm"/*.deb; do
    [ ! -e "$package" ] || ln -s "/srv/packages/${package##*/}" "$files/var/cache/apt/archives/"
  done
fi
# Only the files themselves: the folders that they go into keep their modes.
(cd "$files" && find . ! -type d -print0 | tar --null --owner=0 --group=0 --no-recursion -cf - -T -) | podman cp - "$name:/"
if [ -n "$running" ]; then
  podman exec "$name" systemctl try-reload-or-restart ssh.service
else
  podman start "$name" >/dev/null
  # Its systemd gives up at once where this machine's limits are used up, as by many labs at a time.
  if [ -z "$(podman ps -q --filter "name=^$name$")" ]; then
    echo "the container $name ended as soon as it was started:" >&2
    podman logs --tail 5 "$name" >&2 || true
    echo "If that is 'Too many open files': end another lab, or sysctl -w fs.inotify.max_user_instances=512" >&2
    exit 1
  fi
fi
