script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# PROTOCOL PORTS FROM
rules=('tcp 5672 any' 'tcp 15672 any' 'tcp 8100 any' 'vrrp - 192.168.56.124' )
interface=ens18
export LC_ALL=C
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
guards() { # FAMILY TABLE CHAIN: the chains of nftables that refuse something of what comes in
  nft list ruleset 2>/dev/null | awk '
    $1 == "table" { family = $2; table = $3 }
    $1 == "chain" { chain = $2; input = refuses = 0 }
    /type filter hook input/ { input = 1; if (/policy drop/) refuses = 1; next }
    /(^|[ \t])(drop|reject)([ \t]|$)/ { refuses = 1 }
    $1 == "}" { if (input && refuses && (family == "inet" || family == "ip")) print family, table, chain; input = 0 }'
}
running() { # the firewall that runs here
  if command -v firewall-cmd >/dev/null && firewall-cmd -q --state 2>/dev/null; then
    echo firewalld
  elif command -v ufw >/dev/null && ufw status 2>/dev/null | grep -q '^Status: active'; then
    echo ufw
  elif command -v nft >/dev/null && systemctl -q is-active nftables 2>/dev/null && [ -n "$(guards)" ]; then
    echo nftables
  fi
}
firewall=$(running)
if [ -z "$firewall" ]; then
  exit 0
fi

in_nftables() {
  local new guard rule protocol ports from match
  new=$(mktemp $rules_file.XXXXXX)
  guards | while read -r guard; do
    for rule in "${rules[@]}"; do
      read -r protocol ports from <<<"$rule"
      match=
      [ "$from" = any ] || match="ip saddr $from "
      if [ "$protocol" = tcp ]; then match+="tcp dport $ports"; else match+="ip protocol 112"; fi
      echo "insert rule $guard $match accept comment \"rabbitmq-ha\""
    done
  done >"$new"
  if cmp -s "$new" $rules_file && [ "$(nft_rules | wc -l)" = "$(wc -l <"$new")" ]; then
    rm -f "$new"
    return
  fi
  # At once: there is no moment without the rules.
  { nft_rules && cat "$new"; } | nft -f -
  chmod 0644 "$new"
  mv -f "$new" $rules_file
  # The user's own file stays as it is; if its chains are others one day, its rules are loaded all the same.
  mkdir -p "${drop_in%/*}"
  printf '%s\n' '# Written by rabbitmq-ha.' '[Service]' "ExecStartPost=-$(command -v nft) -f $rules_file" \
    "ExecReload=-$(command -v nft) -f $rules_file" >$drop_in
  systemctl daemon-reload
}

words() { # PROTOCOL PORTS FROM: a rule in the words of firewalld, after the zone, or of ufw
  local source=
  case "$firewall $1" in
  firewalld\ *)
    [ "$3" = any ] || source=" source address=\"$3\""
    if [ "$1" = tcp ]; then
      echo "$zone rule family=\"ipv4\"$source port port=\"$2\" protocol=\"tcp\" accept"
    else
      echo "$zone rule family=\"ipv4\"$source protocol value=\"vrrp\" accept"
    fi
    ;;
  ufw\ tcp)
    if [ "$3" = any ]; then echo "${2/-/:}/tcp"; else echo "from $3 to any port ${2/-/:} proto tcp"; fi
    ;;
  ufw\ vrrp) echo "from $3 proto vrrp" ;;
  esac
}
is_open() { # WORDS: in what runs and for good, whoever has opened it
  if [ "$firewall" = ufw ]; then
    ufw show added | grep -qE "^ufw allow ${1//./\\.}( comment .*)?$"
  else
    firewall-cmd -q --permanent --zone="${1%% *}" --query-rich-rule="${1#* }" 2>/dev/null &&
      firewall-cmd -q --zone="${1%% *}" --query-rich-rule="${1#* }" 2>/dev/null
  fi
}
open_up() { # WORDS
  if [ "$firewall" = ufw ]; then
    # shellcheck disable=SC2086 # words of a command
    ufw allow $1 comment rabbitmq-ha >/dev/null
  else
    # What is there already is no error to it.
    firewall-cmd -q --permanent --zone="${1%% *}" --add-rich-rule="${1#* }"
    firewall-cmd -q --zone="${1%% *}" --add-rich-rule="${1#* }"
  fi
}
by_words() {
  local rule line wanted
  mkdir -p "${opened%/*}"
  touch $opened
  zone=$(firewall-cmd --get-zone-of-interface="$interface" 2>/dev/null || firewall-cmd --get-default-zone 2>/dev/null || true)
  wanted=$(for rule in "${rules[@]}"; do
    # shellcheck disable=SC2086 # three words
    echo "$firewall $(words $rule)"
  done)
  while read -r line; do
    if [ -n "$line" ] && ! grep -qxF -e "$line" <<<"$wanted"; then
      close_line "$line"
      grep -vxF -e "$line" $opened >$opened.new || true
      mv -f $opened.new $opened
    fi
  done <<<"$(cat $opened)"
  while read -r line; do
    if is_open "${line#* }"; then continue; fi
    # Noted first, so that nothing is open that is not known to be ours.
    grep -qxF -e "$line" $opened || echo "$line" >>$opened
    open_up "${line#* }"
  done <<<"$wanted"
}
if [ "$firewall" = nftables ]; then in_nftables; else by_words; fi
END_OF_SCRIPT
)
code=0
sudo -n flock -w 150 /run/lock/rabbitmq-ha-cent123-firewall timeout -k 10 120 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent123-firewall was not done after 120 s and was stopped" >&2
  # What has left the script's process group, as su's commands do, would keep the connection open for ever.
  out=$(readlink /proc/$$/fd/1)
  case $out in
  pipe:* | socket:*)
    for left in $(sudo -n find /proc -maxdepth 3 -path '/proc/[0-9]*/fd/1' -lname "${out//[][]/?}" 2>/dev/null | cut -d / -f 3); do
      [ "$left" = $$ ] || sudo -n kill -KILL "$left" 2>/dev/null
    done
    ;;
  esac
  ;;
esac
exit $code
