set -eu
# Everything of the program's goes, the packages and the system's own settings stay; the brokers' data stays unless
# the stack's configuration says otherwise.
stop() { # UNIT...: stopped, and not started at the next boot
  local unit
  for unit in "$@"; do
    if systemctl cat "$unit" >/dev/null 2>&1; then
      systemctl disable "$unit" >/dev/null 2>&1 || true
      systemctl stop "$unit" || true
    fi
  done
}
stop rabbitmq-ha-watch.service rabbitmq-ha-agent.socket keepalived.service haproxy.service rabbitmq-server.service

rm -rf /etc/systemd/system/{rabbitmq-server,haproxy,keepalived}.service.d/rabbitmq-ha.conf \
  /etc/systemd/system/rabbitmq-ha-* /usr/local/lib/rabbitmq-ha /run/rabbitmq-ha /run/lock/rabbitmq-ha-* \
  /var/log/rabbitmq-ha-*
rmdir /etc/systemd/system/{rabbitmq-server,haproxy,keepalived}.service.d 2>/dev/null || true
for file in /etc/rabbitmq/rabbitmq.conf /etc/rabbitmq/advanced.config /etc/haproxy/haproxy.cfg /etc/haproxy/stats.cfg \
  /etc/keepalived/keepalived.conf /etc/systemd/system/haproxy.service; do
  if grep -qs 'Written by rabbitmq-ha' "$file"; then rm -f "$file"; fi
done
if [ -e /usr/local/haproxy/rabbitmq-ha.built ]; then rm -rf /usr/local/haproxy; fi
systemctl daemon-reload
candidate=$(mktemp /etc/hosts.XXXXXX)
awk '$0 == "# rabbitmq-ha: begin" { inside = 1 } !inside { print } $0 == "# rabbitmq-ha: end" { inside = 0 }' \
  /etc/hosts >"$candidate"
chmod 0644 "$candidate"
mv -f "$candidate" /etc/hosts
