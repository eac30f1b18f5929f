self=mq2
brokers=(mq1 mq2 mq3 )
log=/var/log/rabbitmq/rabbit@$self.log
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
serves() { timeout 2 bash -c "exec 3<>/dev/tcp/$1/5672" 2>/dev/null; } # NAME: whether that broker takes connections
for name in "${brokers[@]}"; do
  if serves "$name"; then refuse "$name serves, so the cluster is there and whoever waits can join it"; fi
done
waits || refuse "$self does not wait for another broker: the end of its log says what keeps it from starting"

# As rabbitmqctl force_boot does, the tables are loaded as they are here; but while the broker waits, and with one
# change before: a mirrored queue whose leader was on a missing broker is led from here, if a copy is here. A start
# deletes the copies that it does not lead, and without its leader the queue would be out of reach.
load() {
  timeout 60 rabbitmqctl -q eval '
    Gone = [list_to_atom("rabbit@" ++ Name) || Name <- string:lexemes("mq3", " ")],
    Copy = fun({resource, VHost, queue, Name}) ->
      <<Number:128>> = erlang:md5(<<"queue", VHost/binary, Name/binary>>),
      Folder = rabbit_misc:format("~.36B", [Number]),
      filelib:is_dir(filename:join([rabbit_vhost:msg_store_dir_path(VHost), "queues", Folder]))
    end,
    Orphan = fun(Queue) ->
      amqqueue:get_type(Queue) =:= rabbit_classic_queue
        andalso lists:member(node(amqqueue:get_pid(Queue)), Gone)
        andalso Copy(amqqueue:get_name(Queue))
    end,
    Table = rabbit_durable_queue,
    yes = mnesia:force_load_table(Table),
    {atomic, ok} = mnesia:transaction(fun() ->
      Queues = mnesia:match_object(Table, amqqueue:pattern_match_all(), write),
      Here = rabbit_misc:node_to_fake_pid(node()),
      lists:foreach(
        fun(Queue) -> ok = mnesia:write(Table, amqqueue:set_pid(Queue, Here), write) end,
        lists:filter(Orphan, Queues))
    end),
    rabbit_table:force_load().' </dev/null
}
fail() {
  echo "$self: $*: $(tail -n 3 "$log" | tr '\n' ' ')" >&2
  exit 1
}
systemctl start --no-block rabbitmq-server
# Between two starts it does not wait yet, and cannot be told.
SECONDS=0
said=
until tail -n 3 "$log" | grep -q 'Waiting for Mnesia tables' && said=$(load 2>&1); do
  [ $SECONDS -lt 90 ] || fail "could not be told not to wait ($(echo "$said" | tail -n 1))"
  sleep 1
done
SECONDS=0
until serves "$self"; do
  [ $SECONDS -lt 300 ] || fail "does not serve although it waits no more"
  sleep 1
done
