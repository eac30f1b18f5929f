script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
do_what_is_due() {
  /usr/local/bin/rabbitmq-ha service --unit keepalived --restart /etc/systemd/system/keepalived.service.d/rabbitmq-ha.conf --reload /etc/keepalived/keepalived.conf,/usr/local/lib/rabbitmq-ha/check-haproxy </dev/null
}
# The restart that the holder of the virtual address has left until the others run.
do_what_is_due
# Waits until the address is with exactly one host, as seen from here: either this one holds it and the network sends it
# here, or it is taken to another one that serves it.
address=10.255.255.100
holds() { ip -o -4 addr show dev ens5 | grep -qF " $address/"; }
serves() { timeout 3 bash -c "</dev/tcp/$address/5672" 2>/dev/null; }
while :; do
  if serves && { ! holds || /usr/local/lib/rabbitmq-ha/move-address there; }; then
    exit 0
  fi
  [ $SECONDS -lt 45 ] || break
  sleep 0.5
done
if holds; then role="this host holds it"; else role="this host does not hold it"; fi
echo "$(hostname): after 45 s the virtual address $address is not with exactly one host that serves it: $role;" \
  "the end of the journal of keepalived, and of what moves the address:" >&2
journalctl -u keepalived -n 20 --no-pager -o cat >&2
journalctl -t rabbitmq-ha-address -n 20 --no-pager -o cat >&2
exit 1
END_OF_SCRIPT
)
code=0
sudo -n flock -w 210 /run/lock/rabbitmq-ha-virtual-address-cent123-holder timeout -k 10 180 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): virtual-address-cent123-holder was not done after 180 s and was stopped" >&2
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
