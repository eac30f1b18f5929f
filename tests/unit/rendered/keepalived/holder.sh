script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
do_what_is_due() {
  /usr/local/bin/rabbitmq-ha service --unit keepalived --restart /etc/systemd/system/keepalived.service.d/rabbitmq-ha.conf --reload /etc/keepalived/keepalived.conf,/usr/local/lib/rabbitmq-ha/check-haproxy </dev/null
}
# The restart that the holder of the virtual address has left until the others run.
do_what_is_due
# Waits until exactly one host holds the address, as seen from here: either this one does and nobody else answers for
# it, or one other host answers for it.
address=192.168.56.100
interface=eth0
holds() { ip -o -4 addr show dev "$interface" | grep -qF " $address/"; }
others() { # OPTION...: the hardware addresses that answer for it within half a second, this host's left out
  timeout --signal=INT 0.5 arping "$@" -c 2 -w 1 -I "$interface" "$address" 2>/dev/null | grep -oiE '\[([0-9a-f]{2}:){5}[0-9a-f]{2}\]' | sort -u
}
while :; do
  # The holder must not ask with the address as its own sender: -D asks without one.
  answers=$(if holds; then others -D; else others; fi || true)
  count=$(grep -c . <<<"$answers" || true)
  if { holds && [ "$count" = 0 ]; } || { ! holds && [ "$count" = 1 ]; }; then
    # The address is there for its clients only if a connection through it is taken.
    if timeout 3 bash -c "</dev/tcp/$address/5672" 2>/dev/null; then
      exit 0
    fi
  fi
  [ $SECONDS -lt 45 ] || break
  sleep 0.2
done
if holds; then role="this host holds it"; else role="this host does not hold it"; fi
echo "$(hostname): after 45 s the virtual address $address is not with exactly one host that serves it:" \
  "$role, others that answer for it: ${answers:-none}; the end of keepalived's journal:" >&2
journalctl -u keepalived -n 20 --no-pager -o cat >&2
exit 1
END_OF_SCRIPT
)
code=0
flock -w 210 /run/lock/rabbitmq-ha-virtual-address-cent123-holder timeout -k 10 180 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): virtual-address-cent123-holder was not done after 180 s and was stopped" >&2
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
