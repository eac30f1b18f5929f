script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# The password comes on standard input and goes on by standard input only.
# shellcheck disable=SC2209 # a user's name may be a command's too
user=admin
IFS= read -r password
ctl() { timeout 60 rabbitmqctl -q "$@"; }
# From RabbitMQ 3.12 on its wrapper leaves standard input to a command only if there is nothing beside it and the user.
ask() { timeout -k 5 60 rabbitmqctl "$1" "$user" <<<"$password"; }
users=$(ctl list_users --no-table-headers </dev/null)
tab=$(printf '\t')
# What is independent of each other runs side by side: each call starts an Erlang machine.
jobs=()
# Everybody knows guest's password.
if [ "$user" != guest ] && grep -q "^guest$tab" <<<"$users"; then
  ctl delete_user guest </dev/null >/dev/null &
  jobs+=($!)
fi
if ! grep -q "^$user$tab" <<<"$users"; then
  ask add_user >/dev/null
elif ! ask authenticate_user >/dev/null 2>&1; then
  ask change_password >/dev/null
fi
if ! grep -q "^$user$tab.*administrator" <<<"$users"; then
  ctl set_user_tags "$user" administrator </dev/null >/dev/null &
  jobs+=($!)
  ctl set_permissions -p / "$user" '.*' '.*' '.*' </dev/null >/dev/null &
  jobs+=($!)
fi
for job in "${jobs[@]:-}"; do
  [ -z "$job" ] || wait "$job"
done
END_OF_SCRIPT
)
code=0
flock -w 330 /run/lock/rabbitmq-ha-cluster-admin timeout -k 10 300 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cluster-admin was not done after 300 s and was stopped" >&2
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
