script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# Files that changed are read at a restart, and only at a restart: is one due?
self=cent120
started=/var/lib/rabbitmq/rabbitmq-ha.started
# Standard input says only that something changed; what, is read from the files.
if grep -hv ^cluster_formation /etc/rabbitmq/rabbitmq.conf /etc/rabbitmq/advanced.config /etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf | sha256sum | cmp -s - $started; then
  exit 0
fi
# What a broker says of its cluster, read once into a file; exit codes of rabbitmqctl tell too little.
status=$(mktemp -d)
trap 'rm -rf "$status"' EXIT
ask() { # NAME...: each in parallel; no file for one that does not answer
  local name
  for name in "$@"; do
    if timeout 60 rabbitmqctl -q -n "rabbit@$name" cluster_status --formatter json </dev/null >"$status/$name.new" \
      2>"$status/$name.error"; then
      mv "$status/$name.new" "$status/$name"
    else
      rm -f "$status/$name"
    fi &
  done
  wait
}
nodes() { # NAME KEY: the short names in a list of NAME's answer
  [ -f "$status/$1" ] || return 0
  sed -n 's/.*"'"$2"'":\[\([^]]*\)\].*/\1/p' "$status/$1" | tr ',' '\n' | sed -n 's/^"rabbit@\(.*\)"$/\1/p' | sort
}
members() { { nodes "$1" disk_nodes; nodes "$1" ram_nodes; } | sort; }
running() { nodes "$1" running_nodes; }
everyone() { # all members run, and this one among them
  ask "$self"
  [ -f "$status/$self" ] && [ "$(members "$self")" = "$(running "$self")" ]
}
await() { # SECONDS WHAT COMMAND...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" </dev/null >"$status/last" 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      echo "$self: waited in vain for $what:" >&2
      tail -n 5 "$status/last" >&2
      tail -n 15 "/var/log/rabbitmq/rabbit@$self.log" >&2 || true
      exit 1
    fi
    sleep 1
  done
}
mirrors_in_sync() { # where there are mirrors: from RabbitMQ 4 on there are none, nor the command
  rabbitmq-queues --help 2>/dev/null | grep -q check_if_node_is_mirror_sync_critical || return 0
  rabbitmq-queues -q check_if_node_is_mirror_sync_critical
}
systemctl daemon-reload
if systemctl -q is-active rabbitmq-server; then
  await 120 "every member to run before the restart" everyone
  await 300 "the quorum queues to have a majority without this broker" rabbitmq-queues -q check_if_node_is_quorum_critical
  await 300 "the mirrors of this broker's queues to be in sync" mirrors_in_sync
fi
echo "$self: restarts to read its changed configuration"
if ! systemctl restart rabbitmq-server; then
  echo "$self: rabbitmq-server did not restart; the end of its journal and log:" >&2
  journalctl -u rabbitmq-server -n 15 --no-pager -o cat >&2
  tail -n 25 "/var/log/rabbitmq/rabbit@$self.log" >&2 || true
  exit 1
fi
await 120 "every member to run after the restart" everyone
END_OF_SCRIPT
)
code=0
flock -w 930 /run/lock/rabbitmq-ha-cent120-restart timeout -k 10 900 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent120-restart was not done after 900 s and was stopped" >&2
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
