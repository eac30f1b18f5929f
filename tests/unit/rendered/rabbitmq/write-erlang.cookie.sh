script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
path=/var/lib/rabbitmq/.erlang.cookie
mkdir -p "$(dirname "$path")"
candidate=$(mktemp "$path.XXXXXX")
trap 'rm -f "$candidate"' EXIT
cat >"$candidate"
chown rabbitmq:rabbitmq "$candidate"
chmod 0400 "$candidate"
if [ -f "$path" ] && cmp -s "$candidate" "$path" &&
  [ "$(stat -c '%u:%g %a' "$candidate")" = "$(stat -c '%u:%g %a' "$path")" ]; then
  exit 0
fi
if ! verdict=$({
  if systemctl -q is-active rabbitmq-server; then
    echo "a running broker keeps the cookie that it was started with, and talks to no other;"
    echo "stop rabbitmq-server on every broker first, then run this again"
    false
  fi
} 2>&1); then
  echo "$(hostname): the new $path was refused, so the old one stays as it is:" >&2
  printf '%s\n' "$verdict" | tail -n 20 >&2
  exit 1
fi
if command -v restorecon >/dev/null; then restorecon "$candidate" || true; fi
mv -f "$candidate" "$path"
END_OF_SCRIPT
)
code=0
flock -w 90 /run/lock/rabbitmq-ha-cent120-cookie timeout -k 10 60 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent120-cookie was not done after 60 s and was stopped" >&2
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
