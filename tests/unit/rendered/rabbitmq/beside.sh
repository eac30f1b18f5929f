self=mq2
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
# Nothing where the broker has no data.
if [ -e "$notes" ]; then echo "Beside=$(beside | tr '\n' ' ')"; fi
if waits; then echo Waits=yes; fi
