#!/bin/bash
# One setting of RabbitMQ's that needs a restart, by a plain script: written on every broker, and read by one after the
# other, each drained before and awaited after. Next to what lab.sh wants: LIMIT, the new value of channel_max.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/lab.sh"
: "${LIMIT:?}"
read -ra brokers <<<"$BROKERS"

write() { # NAME ADDRESS
  on "$2" "sed -i '/^channel_max = /d' /etc/rabbitmq/rabbitmq.conf && echo 'channel_max = $LIMIT' >>/etc/rabbitmq/rabbitmq.conf" </dev/null
}

each write "${brokers[@]}"
for broker in "${brokers[@]}"; do
  on "${broker#*=}" "rabbitmq-queues -q check_if_node_is_quorum_critical && rabbitmq-upgrade -q drain &&
    systemctl restart rabbitmq-server && rabbitmqctl -q await_online_nodes ${#brokers[@]}" </dev/null
done
