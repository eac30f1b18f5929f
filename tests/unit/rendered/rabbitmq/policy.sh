script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
name=ha-all
pattern='^'
definition='{"ha-mode":"all","ha-sync-mode":"automatic"}'
# Under which name the policy was set the last time; release 0.1.0 noted the machine's identity before the name.
mark=/var/lib/rabbitmq-ha/policy-name
old=/var/lib/rabbitmq-ha/policy
former=$(cat $mark 2>/dev/null || sed 's/^[^ ]* //' $old 2>/dev/null || true)
members=(cent120 cent121 cent122 )
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ctl() { # MEMBER COMMAND...
  local member=$1
  shift
  timeout 60 rabbitmqctl -q -n "rabbit@$member" "$@" </dev/null
}
set_on=
for member in "${members[@]}"; do
  if ctl "$member" set_policy "$name" "$pattern" "$definition" >"$work/answer" 2>&1; then
    set_on=$member
    break
  fi
  if grep -q 'not recognised' "$work/answer"; then
    echo "the policy $name ($definition) is refused by $member: RabbitMQ 4 has no mirrored queues any more." \
      "Use quorum queues instead, which are replicated by themselves: set rabbitmq.settings.default_queue_type to" \
      "quorum, and give rabbitmq.policy a definition without ha-mode and ha-sync-mode. Or choose an os with RabbitMQ 3." >&2
    tail -n 5 "$work/answer" >&2
    exit 1
  fi
  echo "$member did not take the policy $name: $(tail -n 2 "$work/answer")" >&2
done
if [ -z "$set_on" ]; then
  echo "no member took the policy $name" >&2
  exit 1
fi
# The members agree if each lists the policy as the one does that took it.
deadline=$((SECONDS + 60))
while :; do
  for member in "${members[@]}"; do
    ctl "$member" list_policies --no-table-headers >"$work/$member" 2>&1 &
  done
  wait
  differing=()
  for member in "${members[@]}"; do
    line=$(grep -F "$(printf '/\t%s\t%s\t' "$name" "$pattern")" "$work/$member" || true)
    [ -n "$line" ] && [ "$line" = "$(grep -F "$(printf '/\t%s\t' "$name")" "$work/$set_on")" ] || differing+=("$member")
  done
  if [ ${#differing[@]} = 0 ]; then
    if [ -n "$former" ] && [ "$former" != "$name" ]; then
      ctl "$set_on" clear_policy "$former" >/dev/null
    fi
    mkdir -p "${mark%/*}"
    [ "$(cat $mark 2>/dev/null)" = "$name" ] || echo "$name" >$mark
    rm -f $old
    exit 0
  fi
  [ $SECONDS -lt $deadline ] || break
  sleep 1
done
echo "after 60 s the policy $name is not seen on every member; missing on: ${differing[*]}" >&2
tail -n 5 "$work/${differing[0]}" >&2
exit 1
END_OF_SCRIPT
)
code=0
flock -w 330 /run/lock/rabbitmq-ha-mirror-policy-set timeout -k 10 300 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): mirror-policy-set was not done after 300 s and was stopped" >&2
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
