script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
name=ha-all
for member in cent120 cent121 cent122; do
  if answer=$(timeout 60 rabbitmqctl -q -n "rabbit@$member" clear_policy "$name" </dev/null 2>&1); then
    exit 0
  fi
  if grep -qi 'not found\|does not exist' <<<"$answer"; then
    exit 0
  fi
  echo "$member did not remove the policy $name: $answer" >&2
done
exit 1
END_OF_SCRIPT
)
code=0
flock -w 330 /run/lock/rabbitmq-ha-mirror-policy-undo timeout -k 10 300 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): mirror-policy-undo was not done after 300 s and was stopped" >&2
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
