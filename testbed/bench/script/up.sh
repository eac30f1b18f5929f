#!/bin/bash
# A plain SSH script to the end state of `npm run up`, all hosts at once: from nothing to two balancers that see every
# broker up and a virtual address that answers. It runs once, on new hosts. Next to what lab.sh wants: ADDRESS, the
# virtual address; COOKIE; PASSWORD, the administrator's; in $WORK/own/NAME a host's files that are the program's own.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lab.sh"
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/files.sh"
: "${PASSWORD:?}"
first=${BROKERS#*=}
first=${first%% *}
read -ra brokers <<<"$BROKERS"
read -ra balancers <<<"$BALANCERS"

packages() { # ADDRESS PACKAGE...: installed, and not started
  on "$1" "printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 0755 /usr/sbin/policy-rc.d
    DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends install ${*:2} >/var/log/packages.log 2>&1 ||
      { tail -n 20 /var/log/packages.log >&2; exit 1; }
    rm /usr/sbin/policy-rc.d" </dev/null
}

configure() { # ADDRESS FOLDER COMMAND: puts the folder's files onto the host, then runs the command there
  tar -C "$2" --owner=0 --group=0 -cf "$2.tar" .
  on "$1" "tar --no-overwrite-dir -C / -xf - && systemctl daemon-reload && $3" <"$2.tar"
}

broker() { # NAME ADDRESS
  boot "$1" "$2"
  packages "$2" rabbitmq-server python3-minimal
  broker_files "$1" "$WORK/$1"
  # Brokers that create the same tables at the same moment sometimes fail; systemd then starts them again.
  configure "$2" "$WORK/$1" "chown rabbitmq: /var/lib/rabbitmq/.erlang.cookie
    systemctl -q enable --now rabbitmq-server || until systemctl -q is-active rabbitmq-server; do sleep 1; done
    systemctl -q enable --now rabbitmq-ha-watch"
  [ "$2" != "$first" ] || administer
}

balancer() { # NAME ADDRESS
  boot "$1" "$2"
  packages "$2" haproxy socat keepalived iputils-arping python3-minimal
  balancer_files "$1" "$2" "$WORK/$1"
  configure "$2" "$WORK/$1" "haproxy -c -q -f /etc/haproxy/haproxy.cfg -f /etc/haproxy/stats.cfg &&
    systemctl -q enable --now haproxy"
}

administer() { # from the first broker: what the others learn from it when they join
  # shellcheck disable=SC2016 # these are the host's own variables
  on "$first" 'set -eu; read -r password
    ctl() { rabbitmqctl -q "$@" </dev/null; }
    ctl set_cluster_name rabbitmq_cluster1 & jobs=$!
    ctl delete_user guest & jobs="$jobs $!"
    echo "$password" | rabbitmqctl -q add_user admin
    ctl set_user_tags admin administrator & jobs="$jobs $!"
    ctl set_permissions admin ".*" ".*" ".*" & jobs="$jobs $!"
    for job in $jobs; do wait $job; done' <<<"$PASSWORD"
}

cluster() { # once all are there
  # The note by which the watch sets the same policy in later virtual hosts: an Erlang term, and no JSON.
  on "$first" "rabbitmqctl -q await_online_nodes ${#brokers[@]} || exit
    rabbitmqctl -q set_policy ha-all ^ '{\"ha-mode\":\"all\",\"ha-sync-mode\":\"automatic\"}' & job=\$!
    rabbitmqctl -q eval 'ok = rabbit_runtime_parameters:set_global(rabbitmq_ha_policies, [[
      {<<\"name\">>, <<\"ha-all\">>}, {<<\"pattern\">>, <<\"^\">>},
      {<<\"definition\">>, rabbit_json:encode(#{<<\"ha-mode\">> => <<\"all\">>, <<\"ha-sync-mode\">> => <<\"automatic\">>})},
      {<<\"apply-to\">>, <<\"all\">>}, {<<\"queue-type\">>, <<\"classic\">>}]], <<\"admin\">>).' >/dev/null &&
      wait \$job" </dev/null
}

member() { # NAME ADDRESS: from now on the broker never serves alone without its data
  on "$2" 'mkdir -p /var/lib/rabbitmq-ha && date -u +%FT%TZ >/var/lib/rabbitmq-ha/member' </dev/null
}

address() { # NAME ADDRESS: Keepalived comes last, then HAProxy must see every broker up
  on "$2" "systemctl -q enable --now keepalived rabbitmq-ha-vrrp-watch
    until [ \"\$(echo show stat | socat stdio unix-connect:/run/haproxy/admin.sock |
      awk -F, '\$1 == \"rabbitmq_cluster\" && \$2 != \"BACKEND\" && \$18 == \"UP\"' | wc -l)\" = ${#brokers[@]} ]; do sleep 0.2; done" </dev/null
}

host() { # NAME ADDRESS
  if [[ " $BROKERS " == *" $1=$2 "* ]]; then broker "$@"; else balancer "$@"; fi
}

make_network
each host "${brokers[@]}" "${balancers[@]}"
cluster
each member "${brokers[@]}"
each address "${balancers[@]}"
until timeout 1 bash -c "</dev/tcp/$ADDRESS/5672" 2>/dev/null; do sleep 0.1; done
