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

# What was opened in firewalld and ufw: a line each, the firewall and its own words. nftables' rules have a comment.
opened=/var/lib/rabbitmq-ha/firewall
rules_file=/etc/nftables-rabbitmq-ha.nft
drop_in=/etc/systemd/system/nftables.service.d/rabbitmq-ha.conf
nft_rules() { # the rules of ours that are in force, each with what deletes it
  nft -a list ruleset 2>/dev/null | awk '
    $1 == "table" { table = $2 " " $3 }
    $1 == "chain" { chain = $2 }
    /comment "rabbitmq-ha"/ { print "delete rule", table, chain, "handle", $NF }'
}
close_line() { # LINE: one of what was opened
  local words=${1#* }
  case $1 in
  firewalld\ *)
    # ZONE RULE, in what runs and for good
    firewall-cmd -q --zone="${words%% *}" --remove-rich-rule="${words#* }" 2>/dev/null || true
    firewall-cmd -q --permanent --zone="${words%% *}" --remove-rich-rule="${words#* }" 2>/dev/null ||
      firewall-offline-cmd -q --zone="${words%% *}" --remove-rich-rule="${words#* }" 2>/dev/null || true
    ;;
  ufw\ *)
    # shellcheck disable=SC2086 # words of a command
    ufw delete allow $words >/dev/null 2>&1 || true
    ;;
  esac
}
if [ -e $opened ]; then
  while read -r line; do close_line "$line"; done <$opened
  rm -f $opened
fi
if [ -e $rules_file ]; then
  nft_rules | nft -f - || true
  rm -f $rules_file $drop_in
  rmdir "${drop_in%/*}" 2>/dev/null || true
fi
# What the files that say where packages come from were before a mirror stood in for the system's own archive.
kept=/var/lib/rabbitmq-ha/sources
give_back() { # every file as it was
  local copy
  for copy in $(cd $kept/files 2>/dev/null && find . -type f); do cp -p "$kept/files/$copy" "/$copy"; done
  rm -rf "${kept:?}"
}
give_back
rm -f /etc/yum.repos.d/rabbitmq-ha.repo

rm -rf /etc/systemd/system/{rabbitmq-server,haproxy,keepalived}.service.d/rabbitmq-ha.conf \
  /etc/systemd/system/rabbitmq-ha-* /usr/local/lib/rabbitmq-ha /usr/libexec/rabbitmq-ha \
  /usr/libexec/keepalived/rabbitmq-ha-* /run/rabbitmq-ha /run/lock/rabbitmq-ha-* /var/log/rabbitmq-ha-*
rmdir /etc/systemd/system/{rabbitmq-server,haproxy,keepalived}.service.d 2>/dev/null || true
for file in /etc/rabbitmq/rabbitmq.conf /etc/rabbitmq/advanced.config /etc/haproxy/haproxy.cfg /etc/haproxy/stats.cfg \
  /etc/keepalived/keepalived.conf /etc/systemd/system/haproxy.service; do
  if grep -qs 'Written by rabbitmq-ha' "$file"; then rm -f "$file"; fi
done
rm -f /etc/rabbitmq/enabled_plugins /var/lib/rabbitmq/rabbitmq-ha.started
echo cent120": the broker's data stays in /var/lib/rabbitmq/mnesia; existing.purge: true deletes it"
systemctl daemon-reload
candidate=$(mktemp /etc/hosts.XXXXXX)
awk '$0 == "# rabbitmq-ha: begin" { inside = 1 } !inside { print } $0 == "# rabbitmq-ha: end" { inside = 0 }' \
  /etc/hosts >"$candidate"
chmod 0644 "$candidate"
mv -f "$candidate" /etc/hosts
