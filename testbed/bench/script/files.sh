# shellcheck shell=bash
# The configuration files of the SSH script: each function writes one host's files below a folder. They say what the
# program's templates say; the benchmark compares what all its tools have left on the hosts. $WORK/own/NAME has the files
# that are the program's own, which are installed as they are.
: "${BROKERS:?} ${BALANCERS:?} ${ADDRESS:?} ${COOKIE:?} ${WORK:?}"

servers() { # PORT OPTIONS: the brokers as HAProxy has them
  local host
  for host in $BROKERS; do
    echo "    server ${host%=*} ${host#*=}:$1 check inter 5s fastinter 500ms downinter 1s rise 2 fall 2 $2"
  done
}

hosts_file() { # FOLDER
  local host
  mkdir -p "$1/etc"
  printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n' >"$1/etc/hosts"
  for host in $BROKERS $BALANCERS; do echo "${host#*=} ${host%=*}"; done >>"$1/etc/hosts"
}

own_files() { # NAME FOLDER
  mkdir -p "$2"
  cp -a "$WORK/own/$1/." "$2/"
}

discovery() { # NAME: the first broker asks the others briefly and forms the cluster; the others ask it alone, and long
  local host number=0 first=${BROKERS%%=*}
  echo 'cluster_formation.peer_discovery_backend = classic_config'
  for host in $BROKERS; do
    if [ "${host%=*}" != "$1" ] && { [ "$1" = "$first" ] || [ "${host%=*}" = "$first" ]; }; then
      echo "cluster_formation.classic_config.nodes.$((++number)) = rabbit@${host%=*}"
    fi
  done
  if [ "$1" = "$first" ]; then set -- 2 500; else set -- 60 1000; fi
  echo "cluster_formation.discovery_retry_limit = $1"
  echo "cluster_formation.discovery_retry_interval = $2"
  echo 'cluster_formation.node_type = disc'
}

broker_files() { # NAME FOLDER
  local unit=$2/etc/systemd/system/rabbitmq-server.service.d
  hosts_file "$2"
  own_files "$1" "$2"
  mkdir -p "$2/etc/rabbitmq" "$2/var/lib/rabbitmq" "$unit"
  echo "$COOKIE" >"$2/var/lib/rabbitmq/.erlang.cookie"
  chmod 0400 "$2/var/lib/rabbitmq/.erlang.cookie"
  echo '[rabbitmq_management,rabbitmq_prometheus].' >"$2/etc/rabbitmq/enabled_plugins"
  echo '[{kernel, [{net_ticktime, 5 }, {net_setuptime, 3 }]}].' >"$2/etc/rabbitmq/advanced.config"
  cat >"$unit/restart.conf" <<'END'
[Unit]
StartLimitIntervalSec=0

[Service]
LimitNOFILE=65536
Restart=on-failure
RestartSec=1s
TimeoutStartSec=3600
TimeoutStopSec=300
ExecStartPre=/usr/local/bin/rabbitmq-ha may-start
END
  cat - <(discovery "$1") >"$2/etc/rabbitmq/rabbitmq.conf" <<'END'
listeners.tcp.default = 5672
management.tcp.port = 15672
prometheus.tcp.port = 15692
prometheus.tcp.ip = 127.0.0.1
cluster_partition_handling = pause_minority
vm_memory_high_watermark.relative = 0.4
disk_free_limit.absolute = 1GB
END
}

balancer_files() { # NAME ADDRESS FOLDER
  hosts_file "$3"
  own_files "$1" "$3"
  haproxy_files "$2" "$3"
  keepalived_files "$1" "$2" "$3"
}

haproxy_files() { # ADDRESS FOLDER
  local unit=$2/etc/systemd/system/haproxy.service.d
  mkdir -p "$2/etc/haproxy" "$unit"
  cat >"$2/etc/haproxy/haproxy.cfg" <<END
global
    log /dev/log local0 info
    maxconn 5120
    chroot /var/lib/haproxy
    user haproxy
    group haproxy
    stats socket /run/haproxy/admin.sock mode 660 user haproxy group haproxy level admin

defaults
    log global
    mode tcp
    option tcplog
    option dontlognull
    option redispatch
    option clitcpka
    option srvtcpka
    retries 3
    maxconn 2000
    timeout connect 2s
    timeout check 2s
    timeout client 3h
    timeout server 3h

listen rabbitmq_cluster
    bind *:5672
    balance roundrobin
$(servers 5672 'observe layer4 error-limit 1 on-error sudden-death on-marked-down shutdown-sessions')

listen rabbitmq_management
    bind *:15672
    balance roundrobin
$(servers 15672 'on-marked-down shutdown-sessions')
END
  cat >"$2/etc/haproxy/stats.cfg" <<END
listen stats
    bind $1:8100
    mode http
    option httplog
    stats enable
    stats uri /rabbitmq-stats
    stats refresh 5s
END
  chmod 0600 "$2/etc/haproxy/stats.cfg"
  cat >"$unit/restart.conf" <<'END'
[Unit]
StartLimitIntervalSec=0

[Service]
Environment="EXTRAOPTS=-S /run/haproxy-master.sock -f /etc/haproxy/stats.cfg"
Restart=always
RestartSec=200ms
END
}

keepalived_files() { # NAME ADDRESS FOLDER
  local unit=$3/etc/systemd/system/keepalived.service.d host priority=160 own=0 peers=()
  for host in $BALANCERS; do
    priority=$((priority - 10))
    if [ "${host%=*}" = "$1" ]; then own=$priority; else peers+=("        ${host#*=}"); fi
  done
  mkdir -p "$3/etc/keepalived" "$unit"
  cat >"$3/etc/keepalived/keepalived.conf" <<END
global_defs {
    router_id $1
    enable_script_security
    script_user haproxy haproxy
    vrrp_version 3
    vrrp_check_unicast_src
}

vrrp_script haproxy {
    script "/usr/local/lib/rabbitmq-ha/check-haproxy"
    interval 1
    timeout 2
    fall 1
    rise 2
}

vrrp_instance rabbitmq {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority $own
    advert_int 0.2
    unicast_src_ip $2
    unicast_peer {
$(printf '%s\n' "${peers[@]}")
    }
    virtual_ipaddress {
        $ADDRESS/24 dev eth0
    }
    track_script {
        haproxy
    }
    notify /usr/local/lib/rabbitmq-ha/record-state root
    notify_fault /usr/local/lib/rabbitmq-ha/revive-haproxy root
}
END
  # Started before its own address is there, Keepalived would stay in FAULT.
  cat >"$unit/restart.conf" <<END
[Unit]
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=200ms
TimeoutStartSec=90
ExecStartPre=-/usr/local/bin/rabbitmq-ha note --unit keepalived --address $2
END
}
