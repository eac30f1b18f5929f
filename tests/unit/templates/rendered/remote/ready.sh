script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# The host answers; now it must be the one that was stated.
# shellcheck source=/dev/null
found=$(. /etc/os-release && echo "$ID-${VERSION_ID:-}")
case $found in
debian-12) ;;
*)
  echo "cent120 (192.168.56.120) runs $found, and os is debian-12: state the system that it runs, or give another machine" >&2
  exit 1
  ;;
esac
if [ "$(id -u)" != 0 ]; then
  echo "cent120 (192.168.56.120): logged in as $(id -un), and root is needed" >&2
  exit 1
fi
END_OF_SCRIPT
)
code=0
flock -w 90 /run/lock/rabbitmq-ha-ready timeout -k 10 60 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): ready was not done after 60 s and was stopped" >&2
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
