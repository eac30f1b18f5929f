# shellcheck shell=bash
# Bare lab hosts, made as the program makes its own: the same image, package cache, network and permissions. The
# benchmark's SSH script and its Ansible playbook both begin here. In the environment:
#   NETWORK SUBNET     the podman network and its CIDR
#   IMAGE PACKAGES     the base image, and the folder of .deb files that hosts share
#   BROKERS BALANCERS  NAME=ADDRESS, separated by spaces
#   WORK               a folder for the key to log in with and the hosts' own keys
: "${NETWORK:?} ${SUBNET:?} ${IMAGE:?} ${PACKAGES:?} ${BROKERS:?} ${BALANCERS:?} ${WORK:?}"

on() { # ADDRESS COMMAND...: with our standard input
  local address=$1
  shift
  ssh -i "$WORK/key" -o UserKnownHostsFile="$WORK/known_hosts" -o BatchMode=yes -o ConnectTimeout=2 -o LogLevel=ERROR \
    "root@$address" "$@"
}

make_network() { # a lab address must never leave this machine, so its packets end here where the bridge is not there
  ip route replace unreachable "$SUBNET" metric 4096
  podman network create --subnet "$SUBNET" "$NETWORK" >/dev/null
  ssh-keygen -q -t ed25519 -N '' -f "$WORK/key"
}

boot() { # NAME ADDRESS: returns once the host lets us in
  local name=$1 address=$2 files=$WORK/$1.boot package
  podman create --name "$name" --hostname "$name" --no-hosts --network "$NETWORK" --ip "$address" \
    --systemd=always --cap-add SYS_ADMIN,NET_ADMIN,NET_RAW,NET_BROADCAST --volume "$PACKAGES:/srv/packages" \
    "$IMAGE" /sbin/init >/dev/null
  mkdir -p "$files"/root/.ssh "$files"/etc/ssh "$files"/var/cache/apt/archives
  ssh-keygen -q -t ed25519 -N '' -f "$files/etc/ssh/ssh_host_ed25519_key"
  echo "$address $(cut -d' ' -f1,2 "$files/etc/ssh/ssh_host_ed25519_key.pub")" >>"$WORK/known_hosts"
  install -m 0600 "$WORK/key.pub" "$files/root/.ssh/authorized_keys"
  # Packages that an earlier host has fetched count as fetched here.
  for package in "$PACKAGES"/*.deb; do
    ln -s "/srv/packages/${package##*/}" "$files/var/cache/apt/archives/"
  done
  (cd "$files" && find . ! -type d -print0 | tar --null --owner=0 --group=0 --no-recursion -cf - -T -) | podman cp - "$name:/"
  podman start "$name" >/dev/null
  until on "$address" true 2>/dev/null </dev/null; do sleep 0.1; done
}

each() { # FUNCTION NAME=ADDRESS...: for all of them at once; fails if one does
  local function=$1 host jobs=()
  shift
  for host in "$@"; do
    "$function" "${host%=*}" "${host#*=}" &
    jobs+=($!)
  done
  for host in "${jobs[@]}"; do wait "$host"; done
}
