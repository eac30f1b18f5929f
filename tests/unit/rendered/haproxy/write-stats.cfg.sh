script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
path=/etc/haproxy/stats.cfg
mkdir -p "$(dirname "$path")"
candidate=$(mktemp "$path.XXXXXX")
trap 'rm -f "$candidate"' EXIT
cat >"$candidate"
chown root:root "$candidate"
chmod 0600 "$candidate"
if [ -f "$path" ] && cmp -s "$candidate" "$path" &&
  [ "$(stat -c '%u:%g %a' "$candidate")" = "$(stat -c '%u:%g %a' "$path")" ]; then
  exit 0
fi
if ! verdict=$(/usr/sbin/haproxy -c -q -f "/etc/haproxy/haproxy.cfg" -f "$candidate" 2>&1); then
  echo "$(hostname): the new $path was refused, so the old one stays as it is:" >&2
  printf '%s\n' "$verdict" | tail -n 20 >&2
  exit 1
fi
if command -v restorecon >/dev/null; then restorecon "$candidate" || true; fi
mv -f "$candidate" "$path"
END_OF_SCRIPT
)
code=0
flock -w 90 /run/lock/rabbitmq-ha-haproxy-cent123-stats timeout -k 10 60 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): haproxy-cent123-stats was not done after 60 s and was stopped" >&2
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
