script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
self=cent120
unit=rabbitmq-server
data=/var/lib/rabbitmq/mnesia
member=/var/lib/rabbitmq-ha/member
log=/var/log/rabbitmq/rabbit@cent120.log
brokers=(cent120 cent121 cent122 )
# Whom this broker waits for. A broker that starts loads the cluster's tables from one that still ran when it stopped
# itself; it notes at every change who runs beside it.
notes=/var/lib/rabbitmq/mnesia/rabbit@$self/nodes_running_at_shutdown
beside() { # the brokers that still ran when this one stopped, or that it runs beside now
  grep -oE 'rabbit@[A-Za-z0-9._-]+' "$notes" 2>/dev/null | sed 's/^rabbit@//' | grep -vxF "$self"
}
waits() { # whether the newest start has not got these tables yet; long logs are not read from their beginning
  tail -c 1000000 "/var/log/rabbitmq/rabbit@$self.log" 2>/dev/null | awk '
    /Waiting for Mnesia tables/ { waits = 1 }
    /Successfully synced tables|Server startup complete|incompatible_feature_flags/ { waits = 0 }
    END { exit !waits }'
}
logged() { # PATTERN...: by this very start
  tail -c +$((before + 1)) $log 2>/dev/null | grep -q "${@/#/-e}"
}
serves() { timeout 2 bash -c "exec 3<>/dev/tcp/$1/5672" 2>/dev/null; } # NAME: whether that broker takes connections
most_serve() { # most brokers, without this one
  local broker serving=0
  for broker in "${brokers[@]}"; do
    [ "$broker" = cent120 ] || ! serves "$broker" || serving=$((serving + 1))
  done
  [ $((2 * serving)) -gt ${#brokers[@]} ]
}
systemctl daemon-reload
systemctl -q is-enabled $unit || systemctl -q enable $unit 2>/dev/null
for attempt in 1 2 3; do
  if systemctl -q is-active $unit; then
    exit 0
  fi
  systemctl reset-failed $unit 2>/dev/null || true
  before=$(stat -c %s $log 2>/dev/null || echo 0)
  # The unit is of type notify: this returns once the broker has booted, peer discovery included.
  if systemctl start $unit; then
    exit 0
  fi
  if waits; then
    echo "cent120: waits for brokers that still ran when it stopped: $(beside | tr '\n' ' ')and none of them came." \
      "Switch them on, and all start. If they are gone for good: npm run up says which broker to start without them" >&2
    exit 1
  fi
  # Two brokers that create the same tables at the same moment can disagree about them; a broker that never was a
  # member has nothing to lose, so it begins again.
  if [ ! -e $member ] && [ "$attempt" != 3 ] && logged schema_integrity_check_failed 'case_clause,{ok,\[\]}'; then
    echo "cent120: the first start met a table conflict; beginning again"
    systemctl stop $unit
    rm -rf "${data:?}"/rabbit@cent120*
    continue
  fi
  # A broker that has left the cluster and is to join it again has old data, which the cluster does not want back. One
  # that finds most of the others elsewhere is such a broker; else it may be the others that have lost theirs.
  if [ "$attempt" != 3 ] && logged inconsistent_cluster && most_serve; then
    aside=$data.left-$(date -u +%Y%m%dT%H%M%SZ)
    systemctl stop $unit
    mkdir -p "$aside"
    mv "$data"/rabbit@cent120* "$aside"/
    rm -f $member
    echo "cent120: had left the cluster and joins it anew; its old data, which nothing needs any more, lies in $aside"
    continue
  fi
  # Brokers with data that boot at the same moment can trip over each other's feature flags (seen with 3.10.8); once the
  # others are up, the next start is well. Nothing is deleted.
  if [ "$attempt" != 3 ] && logged incompatible_feature_flags; then
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
tail -n 25 $log >&2 || true
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
