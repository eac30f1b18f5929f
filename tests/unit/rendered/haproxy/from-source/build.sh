script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
version=2.8.26
url=https://example.org/haproxy-2.8.26.tar.gz
sha256=0000000000000000000000000000000000000000000000000000000000000000
prefix=/usr/local/haproxy
group=haproxy
id=149
getent group $group >/dev/null || groupadd -r -g $id $group
getent passwd haproxy >/dev/null || useradd -r -g $group -u $id -s /sbin/nologin -d "$prefix" haproxy
mkdir -p "$prefix/dev" /etc/haproxy
: >>"$prefix/dev/log"
built="$prefix/rabbitmq-ha.built"
if [ -x "$prefix/sbin/haproxy" ] && [ "$(cat "$built" 2>/dev/null)" = "$sha256" ]; then
  exit 0
fi
work=$(mktemp -d /var/tmp/haproxy.XXXXXX)
trap 'rm -rf "$work"' EXIT
log=/var/log/rabbitmq-ha-haproxy-build.log
give_up() {
  echo "$(hostname): HAProxy $version $1; the end of $log:" >&2
  tail -n 20 "$log" >&2
  exit 1
}
fetch() { # WHAT URL SHA256 SETTING FILE DONE: a file that is not what the configuration says is not used
  local found
  if ! curl -fsSL --retry 3 --max-time 300 -o "$5" "$2" >>"$log" 2>&1; then
    echo "$(hostname): $1 could not be fetched from $2; the end of $log:" >&2
    tail -n 20 "$log" >&2
    exit 1
  fi
  found=$(sha256sum <"$5" | cut -d' ' -f1)
  if [ "$found" != "$3" ]; then
    echo "$(hostname): the file at $2 has the SHA-256 $found and $4.sha256 says $3; nothing was $6." \
      "Give the right sum, or the right URL." >&2
    exit 1
  fi
}
: >"$log"
fetch "HAProxy $version" "$url" "$sha256" haproxy.source "$work/haproxy.tar.gz" built
mkdir "$work/source"
tar -C "$work/source" --strip-components=1 -xzf "$work/haproxy.tar.gz" >>"$log" 2>&1 || give_up "could not be unpacked"
make -C "$work/source" -j "$(nproc)" TARGET=linux-glibc USE_SYSTEMD=1 PREFIX="$prefix" >>"$log" 2>&1 || give_up "could not be compiled"
make -C "$work/source" install-bin PREFIX="$prefix" >>"$log" 2>&1 || give_up "could not be installed"
echo "$sha256" >"$built"
END_OF_SCRIPT
)
code=0
flock -w 1830 /run/lock/rabbitmq-ha-haproxy-cent123-build timeout -k 10 1800 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): haproxy-cent123-build was not done after 1800 s and was stopped" >&2
  # What has left the script's process group, as su's commands do, would keep the connection open for ever.
  out=$(readlink /proc/$$/fd/1)
  case $out in
  pipe:* | socket:*)
    for left in $(find /proc -maxdepth 3 -path '/proc/[0-9]*/fd/1' -lname "${out//[][]/?}" 2>/dev/null | cut -d / -f 3); do
      [ "$left" = $$ ] || kill -KILL "$left" 2>/dev/null
    done
    ;;
  esac
  ;;
esac
exit $code
