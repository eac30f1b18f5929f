set -eu
# Runs in a container of the lab's base image: puts a flat repository into it, with a later release's RabbitMQ and all
# that this needs and the image lacks.
export DEBIAN_FRONTEND=noninteractive
repository=/opt/rabbitmq-repository
work=$(mktemp -d /var/tmp/repository.XXXXXX)
log=$work/log
trap '[ $? = 0 ] || tail -n 20 "$log" >&2' EXIT
mkdir -p "$work"/{lists,archives}/partial "$repository"

# Sources, lists and cache of their own: the machines know nothing of the later release.
{
  cat /etc/apt/sources.list
  sed -n 's/ trixie main$/ forky main/p' /etc/apt/sources.list
} >"$work/sources.list"
cat >"$work/preferences" <<'END'
Package: systemd*
Pin: release n=forky
Pin-Priority: -1

Package: libsystemd*
Pin: release n=forky
Pin-Priority: -1

Package: udev
Pin: release n=forky
Pin-Priority: -1

Package: libudev1
Pin: release n=forky
Pin-Priority: -1

Package: haproxy
Pin: release n=forky
Pin-Priority: -1

Package: keepalived
Pin: release n=forky
Pin-Priority: -1

END
from=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::Etc::Preferences=$work/preferences"
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work" -o Acquire::Retries=3 -o APT::Sandbox::User=root
  # A mirror may be some weeks old.
  -o Acquire::Check-Valid-Until=false)
apt-get -q "${from[@]}" update >>"$log" 2>&1
apt-get -q -y "${from[@]}" -t forky --no-install-recommends --download-only install rabbitmq-server </dev/null >>"$log" 2>&1

for package in "$work"/archives/*.deb; do
  name=$(dpkg-deb -f "$package" Package)
  mv "$package" "$repository/$name.deb"
  dpkg-deb -f "$repository/$name.deb"
  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$name.deb" "$(stat -c %s "$repository/$name.deb")" \
    "$(sha256sum <"$repository/$name.deb" | cut -d ' ' -f 1)"
done >"$repository/Packages"
version=$(dpkg-deb -f "$repository/rabbitmq-server.deb" Version)
case $version in
  4.3.*) ;;
  *)
    echo "Debian forky has rabbitmq-server $version by now, and not 4.3" >&2
    exit 1
    ;;
esac
rm -rf "$work"
