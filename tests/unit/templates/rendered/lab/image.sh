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
image=localhost/rabbitmq-ha-lab:bookworm-927d87415eb3
if podman image exists "$image"; then
  exit 0
fi
# The packages come from where this machine has its own: a user's mirror or proxy works for the lab too.
# shellcheck disable=SC2016 # apt replaces these itself
sources=$(apt-get indextargets --format '$(ORIGIN)/$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sort -u)
archive=$(printf '%s\n' "$sources" | sed -n 's,^Debian/Debian ,,p' | head -n 1)
security=$(printf '%s\n' "$sources" | sed -n 's,^Debian/Debian-Security ,,p' | head -n 1)
archive=${archive:-http://deb.debian.org/debian/}
security=${security:-http://deb.debian.org/debian-security/}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "building the lab's base image $image, once (usually 1-2 minutes)"
# What the hosts need of this machine's apt: the way to the mirrors.
apt-config dump | grep -E '^Acquire::(http|https)::[Pp]roxy ' >"$work/proxy" || true
cat >"$work/cache" <<'END'
// What one host of the lab has fetched is there for the hosts that are made later.
DPkg::Pre-Invoke { "cd /var/cache/apt/archives && for p in *.deb; do [ -L $p ] || [ ! -e $p ] || [ -e /srv/packages/$p ] || { cp $p /srv/packages/$p.$HOSTNAME.$$ && mv /srv/packages/$p.$HOSTNAME.$$ /srv/packages/$p; }; done"; };
END
# shellcheck disable=SC2016 # the hooks' $1 is theirs: the folder that becomes the image
mmdebstrap --quiet --variant=minbase --skip=cleanup/apt/lists \
  --include=systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,iputils-ping,ca-certificates,curl,procps,python3-minimal,lsof \
  --customize-hook='upload "'"$work/proxy"'" /etc/apt/apt.conf.d/80lab-proxy' \
  --customize-hook='upload "'"$work/cache"'" /etc/apt/apt.conf.d/90lab-cache' \
  --customize-hook='echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/lab"' \
  --customize-hook='mkdir -p "$1/srv/packages"; mkdir -p -m 0700 "$1/root/.ssh"; rm -f "$1"/etc/ssh/ssh_host_*' \
  --customize-hook='printf "127.0.0.1 localhost\n::1 localhost ip6-localhost\n" >"$1/etc/hosts"' \
  --customize-hook='chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer' \
  bookworm "$work/base.tar" \
  "deb $archive bookworm main" "deb $archive bookworm-updates main" "deb $security bookworm-security main"
podman import --quiet "$work/base.tar" "$image" >/dev/null
echo "the base image is built"
