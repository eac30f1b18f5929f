script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
do_what_is_due() {
  /usr/local/bin/rabbitmq-ha service --unit haproxy --restart /etc/systemd/system/haproxy.service.d/rabbitmq-ha.conf --reload /etc/haproxy/haproxy.cfg,/etc/haproxy/stats.cfg </dev/null
}
# What has been left until the brokers are members and, of the virtual address's holder, until the other balancers serve.
do_what_is_due
# Waits until this balancer sees every broker and its management UI up. One that is down does not keep the others from being served.
socket=/run/haproxy/admin.sock
states() { # the proxies, the brokers' names and their states as HAProxy sees them
  echo "show stat" | timeout 5 socat -T 3 stdio "unix-connect:$socket" |
    awk -F, '/^rabbitmq_(cluster|management),/ && $2 != "FRONTEND" && $2 != "BACKEND" { print $1, $2, $18 }'
}
while :; do
  seen=$(states || true)
  down=$(grep -v ' UP$' <<<"$seen" || true)
  if [ -n "$seen" ] && [ -z "$down" ]; then
    exit 0
  fi
  [ $SECONDS -lt 30 ] || break
  sleep 0.5
done
if grep -q '^rabbitmq_cluster .* UP$' <<<"$seen"; then
  echo "$(hostname): after 30 s HAProxy does not see every broker up: $(tr '\n' ';' <<<"$down")"
  exit 0
fi
echo "$(hostname): after 30 s HAProxy sees no broker up (${seen:-its socket does not answer}); the end of its journal:" >&2
journalctl -u haproxy -n 20 --no-pager -o cat >&2
exit 1
END_OF_SCRIPT
)
code=0
flock -w 210 /run/lock/rabbitmq-ha-haproxy-cent123-serving timeout -k 10 180 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): haproxy-cent123-serving was not done after 180 s and was stopped" >&2
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
