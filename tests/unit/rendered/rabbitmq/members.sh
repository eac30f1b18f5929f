script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
self=cent120
brokers=(cent120 cent121 cent122 )
# A broker's list of members, kept beside its tables, is read without starting an Erlang machine.
list=/var/lib/rabbitmq/mnesia/rabbit@$self/cluster_nodes.config
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
ctl() { timeout 120 rabbitmqctl -q "$@" </dev/null; }
has_mirrors() { rabbitmq-queues --help 2>/dev/null | grep -q check_if_node_is_mirror_sync_critical; } # up to RabbitMQ 3
# Each queue, in a line of its own: virtual host, name, kind, and who has a copy of it that can be relied on; a queue
# of which nothing is known, as of one on a broker that is down, has none.
copies() {
  local vhost keys=(name type exclusive members pid)
  if has_mirrors; then keys+=(synchronised_slave_pids); fi
  ctl list_vhosts name --no-table-headers | while IFS= read -r vhost; do
    # An exclusive queue goes with its connection anyway.
    ctl list_queues -p "$vhost" "${keys[@]}" --no-table-headers |
      awk -F '\t' -v vhost="$vhost" '$3 != "true" {
        copies = ""; rest = $2 == "classic" ? $5 " " $6 : $4
        while (match(rest, /rabbit@[^.,>" \]]+/)) {
          copies = copies " " substr(rest, RSTART + 7, RLENGTH - 7); rest = substr(rest, RSTART + RLENGTH)
        }
        print vhost "\t" $1 "\t" $2 "\t" copies
      }'
  done
}
# A broker leaves for good: drained, stopped and forgotten, and only where the others can do without it.
at() { # NAME ERLANG-CALL: run by that broker itself, over the connection that the brokers have anyway
  ctl eval "rpc:call('rabbit@$1', $2, 120000)."
}
count() { grep -c . || true; }
without() { grep -vx "$1" || true; }
refuse() {
  echo "$leaving does not leave the cluster: $*" >&2
  exit 1
}
look() {
  ask "$self"
  [ -f "$status/$self" ] || refuse "$self, which is to take it out, does not answer: $(tail -n 3 "$status/$self.error")"
}
others_are_well() { # all that are to stay are members and run, and are a majority without this one
  local name absent=() staying
  for name in "${brokers[@]}"; do
    [ "$name" = "$leaving" ] || { grep -qx "$name" <(members "$self") && grep -qx "$name" <(running "$self"); } || absent+=("$name")
  done
  [ ${#absent[@]} = 0 ] ||
    refuse "${absent[*]} would have to run beside it as members, and do not. One broker leaves at a time: start those," \
      "or replace them first."
  staying=$(running "$self" | without "$leaving" | count)
  [ $((2 * staying)) -gt "$(members "$self" | count)" ] ||
    refuse "$staying of $(members "$self" | count) members would run without it, and that is no majority. A cluster of" \
      "three brokers or more can do without one."
  nodes "$self" disk_nodes | without "$leaving" | grep -q . ||
    refuse "it is the last disc node. Give another broker the type disc first."
}
nowhere_else() { # the queues that would be lost with this broker
  copies | awk -F '\t' -v name="$leaving" '{
    n = split($4, copies, " "); for (i = 1; i <= n; i++) if (copies[i] != name) next
    print $2 " (" $3 ", virtual host " $1 ")"
  }'
}
has_copies_elsewhere() {
  local deadline=$((SECONDS + 60)) lost
  while lost=$(nowhere_else) && [ -n "$lost" ]; do
    # Mirrors may be about to be synchronised.
    [ $SECONDS -lt $deadline ] ||
      refuse "it has the only copy of $(count <<<"$lost") queues: $(head -n 10 <<<"$lost" | paste -sd ';' | sed 's/;/; /g')." \
        "Mirror them by a policy and wait until they are in sync, move their messages, or delete them."
    sleep 2
  done
}
drained() { # no client's broker any more, and no quorum queue's leader; mirrors are promoted when it stops
  echo "$leaving: drains: its clients go to the other brokers, and so does the lead of its quorum queues"
  at "$leaving" "rabbit_maintenance, drain, []" >"$status/drained" 2>&1 ||
    refuse "it could not be drained: $(tail -n 3 "$status/drained")"
  # Of two that are told to leave at the same moment, each sees the other now.
  local other
  for other in "${brokers[@]}"; do
    if [ "$other" != "$leaving" ] && ctl eval "rabbit_maintenance:is_being_drained_consistent_read('rabbit@$other')." | grep -qx true; then
      at "$leaving" "rabbit_maintenance, revive, []" >/dev/null 2>&1 || true
      refuse "$other is being drained. One broker leaves at a time."
    fi
  done
}
leave() { # NAME
  leaving=$1
  look
  if ! grep -qx "$leaving" <(members "$self"); then
    return 0
  fi
  others_are_well
  has_copies_elsewhere
  if grep -qx "$leaving" <(running "$self"); then
    drained
    # Before it stops: a queue with two members would have no majority without it.
    echo "$leaving: gives up its places in quorum queues"
    timeout 300 rabbitmq-queues -q shrink "rabbit@$leaving" </dev/null >"$status/shrunk"
    echo "$leaving: stops"
    at "$leaving" "rabbit, stop_and_halt, []" >/dev/null 2>&1 || true
    local deadline=$((SECONDS + 120))
    while ctl eval "lists:member('rabbit@$leaving', nodes())." | grep -qx true; do
      [ $SECONDS -lt $deadline ] || refuse "it was told to stop, and after 120 s it still runs. Stop rabbitmq-server there."
      sleep 1
    done
    # A queue whose mirrors did not take the lead would be deleted with the broker that led it.
    has_copies_elsewhere
  else
    echo "$leaving: does not run, so it is forgotten as it is"
  fi
  ctl forget_cluster_node "rabbit@$leaving"
  look
  ! grep -qx "$leaving" <(members "$self") || refuse "it is still a member after it was forgotten"
  echo "$leaving: has left; members are $(members "$self" | paste -sd ' ')"
}
# Who was a broker of this stack and is none any more. A member that somebody else has added stays.
others() { grep -xFf /var/lib/rabbitmq-ha/brokers | grep -vxF "$(printf '%s\n' "${brokers[@]}")" || true; }
if [ -f "$list" ] && [ -z "$(tr -c 'A-Za-z0-9@_-' '\n' <"$list" | sed -n 's/^rabbit@//p' | others)" ]; then
  exit 0
fi
leaving='a former broker'
look
for name in $(members "$self" | others); do
  leave "$name"
done
END_OF_SCRIPT
)
code=0
flock -w 1830 /run/lock/rabbitmq-ha-cluster-members timeout -k 10 1800 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cluster-members was not done after 1800 s and was stopped" >&2
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
