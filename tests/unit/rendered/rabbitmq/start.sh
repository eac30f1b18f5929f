script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
unit=rabbitmq-server
data=/var/lib/rabbitmq/mnesia
member=/var/lib/rabbitmq-ha/member
systemctl daemon-reload
systemctl -q is-enabled $unit || systemctl -q enable $unit 2>/dev/null
for attempt in 1 2 3; do
  if systemctl -q is-active $unit; then
    exit 0
  fi
  systemctl reset-failed $unit 2>/dev/null || true
  # The unit is of type notify: this returns once the broker has booted, peer discovery included.
  if systemctl start $unit; then
    exit 0
  fi
  # Two brokers that create the same tables at the same moment can disagree about them; a broker that never was a
  # member has nothing to lose, so it begins again.
  if [ ! -e $member ] && [ "$attempt" != 3 ] &&
    grep -qs -e schema_integrity_check_failed -e 'case_clause,{ok,\[\]}' /var/log/rabbitmq/rabbit@cent120.log; then
    echo "cent120: the first start met a table conflict; beginning again"
    systemctl stop $unit
    rm -rf "${data:?}"/rabbit@cent120*
    continue
  fi
  # Brokers with data that boot at the same moment can trip over each other's feature flags (seen with 3.10.8); once the
  # others are up, the next start is well. Nothing is deleted.
  if [ "$attempt" != 3 ] && grep -qs incompatible_feature_flags /var/log/rabbitmq/rabbit@cent120.log; then
    echo "cent120: the start met other brokers' feature flags half-way; starting again"
    continue
  fi
  break
done
boot_errors() { # NAME: what its broker said as it did not start, without Erlang's own reports; the package decides where
  {
    journalctl -u rabbitmq-server -n 100 --no-pager -o cat
    tail -q -n 100 /var/log/rabbitmq/rabbitmq-server.log "/var/log/rabbitmq/rabbit@$1.log"
  } 2>/dev/null | sed -n 's/^.*\[error\] <[0-9.]*> \(.*[^ ].*\)$/\1/p' |
    awk 'BEGIN { skip = 1 } /^[^ ]/ { skip = 0 } /^ *(supervisor|crasher):/ { skip = 1 } !skip && !seen[$0]++' | head -n 15
}
echo "cent120: rabbitmq-server did not start; the end of its journal and log, and its last words:" >&2
journalctl -u $unit -n 15 --no-pager -o cat >&2
tail -n 25 /var/log/rabbitmq/rabbit@cent120.log >&2 || true
boot_errors cent120 >&2
exit 1
END_OF_SCRIPT
)
code=0
flock -w 630 /run/lock/rabbitmq-ha-cent120-service timeout -k 10 600 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent120-service was not done after 600 s and was stopped" >&2
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
