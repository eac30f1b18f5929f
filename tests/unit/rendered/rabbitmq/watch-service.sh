script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
unit=rabbitmq-ha-watch
# Standard input says only that something changed; what, is read from the files.
systemctl -q is-enabled "$unit" || systemctl -q enable "$unit"
# The unit's drop-in notes what the running service has read.
stale() { # restart|reload FILE...
  noted=/run/rabbitmq-ha/$unit.$1
  shift
  ! cat /dev/null "$@" | sha256sum | cmp -s - "$noted"
}
due=
if ! systemctl -q is-active "$unit"; then
  systemctl reset-failed "$unit" 2>/dev/null || true
  due=start
elif stale restart /etc/rabbitmq-ha/broker.conf /etc/systemd/system/rabbitmq-ha-watch.service; then
  due=restart
elif stale reload; then
  due=reload
fi
do_what_is_due() {
  [ -n "$due" ] || return 0
  # systemd does not always notice by itself that a drop-in has come.
  [ $due = reload ] || systemctl daemon-reload
  if ! systemctl "$due" "$unit" || ! systemctl -q is-active "$unit"; then
    echo "$(hostname): $unit did not $due; the end of its journal:" >&2
    journalctl -u "$unit" -n 20 --no-pager -o cat >&2
    exit 1
  fi
}
do_what_is_due
END_OF_SCRIPT
)
code=0
flock -w 150 /run/lock/rabbitmq-ha-cent120-watch-service timeout -k 10 120 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent120-watch-service was not done after 120 s and was stopped" >&2
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
