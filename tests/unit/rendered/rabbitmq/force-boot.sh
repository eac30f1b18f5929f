self=mq2
brokers=(mq1 mq2 mq3 )
unit=rabbitmq-server
forced=/var/lib/rabbitmq/mnesia/rabbit@$self/force_load
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
refuse() {
  echo "nothing was done: $*" >&2
  exit 3
}
serves() { timeout 2 bash -c "exec 3<>/dev/tcp/$1/5672" 2>/dev/null; }
for name in "${brokers[@]}"; do
  if serves "$name"; then refuse "$name serves, so the cluster is there and whoever waits can join it"; fi
done
waits || refuse "$self does not wait for another broker: the end of its log says what keeps it from starting"
# A broker that waits may not hear that it is to stop; it serves nobody.
timeout 20 systemctl stop $unit || systemctl kill --signal=KILL $unit
timeout 60 systemctl stop $unit
rabbitmqctl -q force_boot </dev/null
systemctl reset-failed $unit 2>/dev/null || true
if ! timeout 300 systemctl start $unit; then
  # The choice was for this one start.
  rm -f "$forced"
  echo "$self: did not start although it was told not to wait: $(tail -n 3 "/var/log/rabbitmq/rabbit@$self.log" | tr '\n' ' ')" >&2
  exit 1
fi
