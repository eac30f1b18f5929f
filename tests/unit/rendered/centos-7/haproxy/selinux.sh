script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# Where SELinux enforces, HAProxy may connect to brokers, and listen at their ports, only once it is told so
# (haproxy_selinux(8)). It stays on.
if ! command -v getenforce >/dev/null || [ "$(getenforce)" != Enforcing ]; then
  exit 0
fi
if getsebool haproxy_connect_any | grep -q ' on$'; then
  exit 0
fi
setsebool -P haproxy_connect_any 1
END_OF_SCRIPT
)
code=0
sudo -n flock -w 330 /run/lock/rabbitmq-ha-haproxy-cent123-selinux timeout -k 10 300 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): haproxy-cent123-selinux was not done after 300 s and was stopped" >&2
  # What has left the script's process group, as su's commands do, would keep the connection open for ever.
  out=$(readlink /proc/$$/fd/1)
  case $out in
  pipe:* | socket:*)
    for left in $(sudo -n find /proc -maxdepth 3 -path '/proc/[0-9]*/fd/1' -lname "${out//[][]/?}" 2>/dev/null | cut -d / -f 3); do
      [ "$left" = $$ ] || sudo -n kill -KILL "$left" 2>/dev/null
    done
    ;;
  esac
  ;;
esac
exit $code
