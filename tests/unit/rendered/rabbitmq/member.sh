script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
self=cent121
brokers=(cent120 cent121 cent122 )
type=disc
mark=/var/lib/rabbitmq-ha/member
# All that this stack has ever had for brokers: a member that is none of them was added by somebody else, and stays.
known=/var/lib/rabbitmq-ha/brokers
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
serves() { timeout 2 bash -c "exec 3<>/dev/tcp/$1/5672" 2>/dev/null; } # NAME: whether that broker takes connections
log() { echo "$self: $*"; }
fail() {
  echo "$self: $*" >&2
  exit 1
}
deadline=180

whole() { # its own list holds every broker, and all of them run
  local name
  for name in "${brokers[@]}"; do
    grep -qx "$name" <(members "$self") && grep -qx "$name" <(running "$self") || return 1
  done
}
same_members() { # every broker of the list lists the same members as this one
  local name
  for name in $(members "$self"); do
    [ "$(members "$name")" = "$(members "$self")" ] && grep -qx "$self" <(running "$name") || return 1
  done
}
wanted_type() {
  if [ "$type" = ram ]; then grep -qx "$self" <(nodes "$self" ram_nodes); else grep -qx "$self" <(nodes "$self" disk_nodes); fi
}
without_app() { # COMMAND...: with the broker's application stopped meanwhile
  ctl stop_app && "$@" && ctl start_app
}
# Debian's package does not put this tool among the others.
streams() { HOME=/var/lib/rabbitmq PATH=$PATH:/usr/lib/rabbitmq/bin timeout 120 rabbitmq-streams "$@" </dev/null; }
unsynchronised() { # the mirrors here that lack messages
  has_mirrors || return 0
  ctl list_vhosts name --no-table-headers | while IFS= read -r vhost; do
    ctl list_queues -p "$vhost" name slave_pids synchronised_slave_pids --no-table-headers |
      awk -F '\t' -v here="rabbit@$self." 'index($2, here) && !index($3, here) { print $1 }'
  done
}
take_copies() { # a new member of a cluster with queues: a place in each quorum queue and stream, its mirrors filled
  local deadline=$((SECONDS + 1200)) vhost name kind holders lacking
  log "takes its copies of the cluster's queues"
  timeout 600 rabbitmq-queues -q grow "rabbit@$self" all </dev/null >"$status/grown"
  copies >"$status/copies"
  while IFS=$'\t' read -r vhost name kind holders; do
    case " $holders " in *" $self "*) continue ;; esac
    case $kind in
    stream) streams -q add_replica --vhost "$vhost" "$name" "rabbit@$self" ;;
    quorum) fail "got no place in the quorum queue $name of the virtual host $vhost: $(grep -F "$name" "$status/grown" | head -n 1)" ;;
    esac
  done <"$status/copies"
  while lacking=$(unsynchronised) && [ -n "$lacking" ]; do
    [ $SECONDS -lt $deadline ] ||
      fail "its mirrors of these queues are still not in sync: $(head -n 10 <<<"$lacking" | paste -sd ' '). Without" \
        "ha-sync-mode automatic, 'rabbitmqctl sync_queue NAME' fills one."
    sleep 2
  done
}
done_when_whole() {
  if [ ! -e $mark ]; then
    # A cluster without a name of its own is just being made and has no queues yet; asking would cost an Erlang machine.
    grep -q '"cluster_name":"rabbit@' "$status/$self" || take_copies
    mkdir -p "$(dirname $mark)"
    date -u +%FT%TZ >$mark
  fi
  local unknown
  if unknown=$(printf '%s\n' "${brokers[@]}" | grep -vxFf <(cat $known 2>/dev/null)); then
    printf '%s\n' "$unknown" >>$known
  fi
  exit 0
}

# As a rule the brokers found each other at their first start; the others may still be at it. Whether they are there
# is seen from their ports: each question to a broker starts an Erlang machine.
# A member of old stands in a cluster already; those that are new will join it in their turn.
longest=20
[ ! -e $mark ] || longest=0
for name in "${brokers[@]}"; do
  until serves "$name" || [ $SECONDS -ge $longest ]; do
    sleep 0.3
  done
done
while :; do
  ask "$self"
  [ -f "$status/$self" ] || fail "the broker does not answer: $(tail -n 3 "$status/$self.error")"
  if whole && wanted_type; then
    done_when_whole
  fi
  [ $SECONDS -lt $longest ] || break
  sleep 1
done
# A member of old with most brokers, which agree: those that are new join in their turn.
if [ -e $mark ] && [ $((2 * $(members "$self" | wc -l))) -gt ${#brokers[@]} ]; then
  # shellcheck disable=SC2046 # names of hosts, one a word
  ask $(members "$self")
  if wanted_type && same_members; then
    done_when_whole
  fi
fi

# Not all are here, or not as they should be: hear every broker, and go to the largest cluster that there is; of two
# equal ones to that with the broker that comes first.
ask "${brokers[@]}"
rank() { # NAME: sorts first what is to be joined first
  local first
  first=$(printf '%s\n' "${brokers[@]}" | grep -nxf <(members "$1") | head -n 1 | cut -d: -f1)
  printf '%03d %03d %s\n' $((999 - $(members "$1" | wc -l))) "${first:-999}" "$1"
}
best=$(for name in "${brokers[@]}"; do if [ -f "$status/$name" ]; then rank "$name"; fi; done | sort | head -n 1)
best=${best##* }

if ! grep -qx "$best" <(members "$self"); then
  # Joining empties the node that joins, so what it holds decides.
  vhosts=$(ctl list_vhosts name --no-table-headers | grep -vxF / || true)
  queues=$(ctl list_queues name --no-table-headers | head -n 5)
  if [ -n "$vhosts$queues" ]; then
    fail "this broker is not in the cluster of $best and holds data of its own (virtual hosts: ${vhosts:-none but /};" \
      "queues: ${queues:-none}). Joining would delete it. Move the data away, run 'rabbitmqctl stop_app &&" \
      "rabbitmqctl reset && rabbitmqctl start_app' on $self, and run this again."
  fi
  for attempt in 1 2 3 4 5; do
    log "joins the cluster of $best (try $attempt)"
    if grep -qx "$self" <(members "$best"); then
      # The cluster remembers a node of this name that is no more.
      if ctl stop_app; then ctl -n "rabbit@$best" forget_cluster_node "rabbit@$self" || true; fi
    fi
    join=(ctl join_cluster "rabbit@$best")
    if [ "$type" = ram ]; then join=(ctl join_cluster --ram "rabbit@$best"); fi
    without_app "${join[@]}" || ctl start_app || true
    ask "$self" "$best"
    grep -qx "$best" <(members "$self") && break
    [ $SECONDS -lt $deadline ] || break
  done
fi
if ! wanted_type; then
  log "becomes a $type node"
  without_app ctl change_cluster_node_type "$type" || ctl start_app
fi

while :; do
  ask "$self"
  # shellcheck disable=SC2046 # names of hosts, one a word
  ask $(members "$self")
  if grep -qx "$best" <(members "$self") && wanted_type && same_members; then
    done_when_whole
  fi
  [ $SECONDS -lt $deadline ] || break
  sleep 1
done
echo "$self: after 180 s not every member lists the same members, $self as $type among them:" >&2
for name in "${brokers[@]}"; do
  echo "  $name lists: $(members "$name" | tr '\n' ' '); running: $(running "$name" | tr '\n' ' ')" >&2
done
tail -n 15 "/var/log/rabbitmq/rabbit@$self.log" >&2 || true
exit 1
END_OF_SCRIPT
)
code=0
flock -w 1830 /run/lock/rabbitmq-ha-cent121-member timeout -k 10 1800 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent121-member was not done after 1800 s and was stopped" >&2
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
