# What the program has to know of this machine, a line each: KEY=VALUE; a key may come several times. Nothing is
# changed. Each line is written at once, since several probes run side by side.
echo "clock=$(date +%s.%N)"
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"

each() { # KEY: every line of standard input as a value of the key
  local line
  while IFS= read -r line || [ -n "$line" ]; do echo "$1=$line"; done
}

resolve() { # NAME: every address that it has here
  timeout 3 getent ahostsv4 "$1" | awk -v name="$1" '!seen[$1]++ { print name, $1 }' | each name
}

# The names that the program itself has written here are its own to correct.
own_names() {
  awk '$0 == "# rabbitmq-ha: end" { inside = 0 } inside { for (i = 2; i <= NF; i++) print $i } $0 == "# rabbitmq-ha: begin" { inside = 1 }' \
    /etc/hosts
}

names() {
  local name own
  own=" $(own_names | tr '\n' ' ') "
  for name in mq1 lb1; do
    case $own in
    *" $name "*) ;;
    *) resolve "$name" & ;;
    esac
  done
  wait
}

own_process() { # the process that the program has put here; in a container ss does not see whose a socket is
  local unit process
  for unit in rabbitmq-server haproxy; do
    process=haproxy
    if [ $unit = rabbitmq-server ]; then process=beam.smp; fi
    if [ -e /etc/systemd/system/$unit.service.d/rabbitmq-ha.conf ] && systemctl -q is-active $unit; then
      echo $process
    fi
  done
}

listeners() { # PORT...: who listens there
  # CentOS 7's ss has no -H.
  ss -ltnp | awk -v ports="$*" -v own="$(own_process)" '
    BEGIN { n = split(ports, list, " "); for (i = 1; i <= n; i++) wanted[list[i]] = 1 }
    $1 == "LISTEN" {
      port = $4; sub(/.*:/, "", port)
      if (!(port in wanted)) next
      address = $4; sub(/:[^:]*$/, "", address)
      names = ""; rest = $0
      while (match(rest, /\("[^"]*"/)) {
        names = names (names == "" ? "" : ",") substr(rest, RSTART + 2, RLENGTH - 3)
        rest = substr(rest, RSTART + RLENGTH)
      }
      print port, address, (names == "" ? own : names)
    }' | each listener
}

data_place() { # the folder of the largest files, or the one that it will be in
  local folder=/var
  while ! [ -d "$folder" ]; do folder=${folder%/*}; done
  echo "${folder:-/}"
}

data() {
  local folder
  for folder in /var/lib/rabbitmq/mnesia/rabbit@*; do
    case $folder in
    *-plugins-expand) ;;
    *) if [ -d "$folder" ]; then echo "data=${folder##*/}"; fi ;;
    esac
  done
}

unit_faults() { # the services of the role that nobody may start here
  local unit
  # shellcheck disable=SC2043 # one or two
  for unit in haproxy keepalived; do
    if [ "$(systemctl show -p LoadState $unit.service)" = LoadState=masked ]; then echo "masked=$unit"; fi
  done
}

own_broker() { # whether the program has ever been here: its data is then that of a stack
  if [ -d /var/lib/rabbitmq-ha ] || [ -e /var/lib/rabbitmq/rabbitmq-ha.started ] ||
    [ -e /etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf ]; then
    echo known=yes
  fi
}

fixed_files() { # what cannot be replaced by another file: a mount, or on a file system that is only read
  local file
  for file in /etc/hosts /etc/hostname; do
    if [ ! -e $file ]; then continue; fi
    if awk -v file=$file '$5 == file { found = 1 } END { exit !found }' /proc/self/mountinfo; then
      echo "fixed=$file mount"
    elif [ ! -w $file ] || [ ! -w /etc ]; then
      echo "fixed=$file read-only"
    fi
  done
}

cloud_init() { # what rewrites /etc/hosts at each boot; a user's data come before the system's files
  local files
  if ! command -v cloud-init >/dev/null || [ -e /etc/cloud/cloud-init.disabled ]; then return; fi
  files="/etc/cloud/cloud.cfg $(echo /etc/cloud/cloud.cfg.d/*.cfg)"
  files="$files /var/lib/cloud/instance/vendor-cloud-config.txt /var/lib/cloud/instance/cloud-config.txt"
  # The last one that says it counts.
  # shellcheck disable=SC2086 # words
  grep -H '^manage_etc_hosts:' $files 2>/dev/null | sed 's/[[:space:]]*#.*//; s/:manage_etc_hosts:[[:space:]]*/ /' |
    tail -n 1 | each hosts-manager
}

limits_of_iptables() {
  timeout 3 iptables-save 2>/dev/null | awk -v port=22 '
    function after(word, i) { for (i = 1; i < NF; i++) if ($i == word) return $(i + 1) }
    $1 != "-A" || ("," after("--dport") "," after("--dports") ",") !~ ("," port ",") { next }
    after("-j") == "ACCEPT" { exempt[$2] = 1 }
    / --hitcount / && !($2 in exempt) { print $2, after("--hitcount"), after("--seconds"); exit }'
}

limits_of_nftables() { # what its rules let through in a minute, of a full bucket
  timeout 3 nft list ruleset 2>/dev/null | awk -v port=22 '
    function for_sshd(i, ends) { # whether the rule names the port: alone, in a set or in a range
      for (i = 1; i < NF && $i != "dport"; i++);
      for (i++; i <= NF && ($i ~ /^[0-9]+(-[0-9]+)?$/ || (port == 22 && $i == "ssh")); i++) {
        split($i, ends, "-")
        if ($i == port || $i == "ssh" || (ends[2] != "" && ends[1] + 0 <= port && port <= ends[2] + 0)) return 1
      }
      return 0
    }
    function limit(i, rate, burst) { # sets isOver and most; returns whether the rule has a limit of packets
      for (i = 1; i < NF && !($i == "limit" && $(i + 1) == "rate"); i++);
      isOver = $(i + 2) == "over"
      if (split($(i + 2 + isOver), rate, "/") != 2 || !(rate[2] in perMinute)) return 0
      burst = $(i + 3 + isOver) == "burst" ? $(i + 4 + isOver) : 5
      most = burst + int(rate[1] * perMinute[rate[2]]) + 1
      return 1
    }
    BEGIN {
      perMinute["second"] = 60; perMinute["minute"] = 1; perMinute["hour"] = 1 / 60
      perMinute["day"] = 1 / 1440; perMinute["week"] = 1 / 10080
    }
    { gsub(/"[^"]*"/, ""); if ($1 != "table" && $1 != "chain") gsub(/[{},]/, " ") }
    $1 == "table" { table = $2 ":" $3 }
    $1 == "chain" { chain = table ":" $2; elsewhere = refuses = 0; some = "" }
    / hook / { elsewhere = !/ hook (input|prerouting|ingress) /; refuses = /policy drop/; next }
    elsewhere { next }
    !for_sshd() {
      if (some != "" && /^[ \t]*(counter( packets [0-9]+ bytes [0-9]+)? )?(drop|reject)( |$)/) { print some; exit }
      next
    }
    limit() {
      if (exempt[chain]) next
      found = "nftables:" chain " " most " 60"
      if (isOver ? / (drop|reject)( |$)/ : refuses && / accept *$/) { print found; exit }
      # A rule that accepts a few is a limit only where the rest is refused after it.
      if (!isOver && / accept *$/) some = found
      next
    }
    some != "" && / (drop|reject)( |$)/ { print some; exit }
    / accept *$/ { exempt[chain] = 1; some = "" }'
}

ssh_limits() { # the rule of the machine's own firewall that counts connections to sshd, as of "ufw limit"
  # One that accepts some before it is the exemption that the precheck asks for.
  { limits_of_iptables; limits_of_nftables; } | head -n 1 | each limited
}

sshd_limits() { # what sshd itself says of log-ins at once
  timeout 3 sshd -T 2>/dev/null | grep -E '^(maxstartups|persourcemaxstartups) ' | each sshd
}

python() { # its version; without any whether the package lists, as they are, offer it
  local version
  version=$(timeout 3 /usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
  if [ -n "$version" ]; then
    echo "python=$version"
  elif timeout 5 dnf -q -C list available python3 >/dev/null 2>&1; then
    echo python-offered=yes
  fi
}

surroundings() {
  uname -n | each hostname
  python &
  # What a user's own shell cannot read, no step can run.
  timeout 3 getent passwd root | awk -F : '{ print $7; exit }' | each shell
  unit_faults
  own_broker
  fixed_files
  cloud_init
  ssh_limits
  sshd_limits
  if systemctl -q is-active rabbitmq-server.service; then echo broker=runs; fi
}
refusal_of_iptables() { # the rule, or the policy, of INPUT that refuses what no rule names
  timeout 3 iptables-save -t filter 2>/dev/null | awk '
    $1 == ":INPUT" && $2 == "DROP" { policy = "policy DROP" }
    $1 == "-A" && $2 == "INPUT" {
      rule = $0
      sub(/^-A INPUT/, "", rule)
      gsub(/ -p tcp| -i [^ ]+| -m (tcp|comment|state|conntrack)| --(ct)?state [A-Z,]*NEW[A-Z,]*| --comment ("[^"]*"|[^ ]+)/, "", rule)
      if (rule ~ /^ -j (REJECT|DROP)( |$)/) { found = $0; exit }
    }
    END { print found == "" ? policy : found }'
}

refusal_of_nftables() { # [any]: the same of an input chain; with "any" also a rule that refuses only some
  timeout 3 nft list ruleset 2>/dev/null | awk -v any="${1:-}" '
    { gsub(/"[^"]*"/, "") }
    $1 == "table" { table = $2 " " $3 }
    $1 == "chain" { chain = table " " $2; input = 0 }
    table !~ /^(inet|ip) / { next }
    / hook input / { input = 1; if (/policy drop/) { print chain ": policy drop"; exit } }
    input && /^[ \t]*(counter( packets [0-9]+ bytes [0-9]+)? )?(drop|reject)( |$)/ || (input && any != "" && / (drop|reject)( |$)/) {
      sub(/^[ \t]*/, "")
      print chain ": " $0
      exit
    }'
}

own_firewall() { # what of this machine refuses packets: by its name if up opens the ports in it, else the rule
  local refusal
  if systemctl -q is-active firewalld.service; then echo firewall=firewalld; return; fi
  if timeout 3 ufw status 2>/dev/null | grep -q '^Status: active'; then echo firewall=ufw; return; fi
  # What agent/firewall.py opens.
  if systemctl -q is-active nftables.service && [ -n "$(refusal_of_nftables any)" ]; then
    echo firewall=nftables
    return
  fi
  refusal=$(refusal_of_iptables)
  refusal=${refusal:-$(refusal_of_nftables)}
  if [ -z "$refusal" ]; then echo firewall=none; return; fi
  if { [ -e /etc/iptables/rules.v4 ] && systemctl -q is-active netfilter-persistent.service; } ||
    { [ -e /etc/sysconfig/iptables ] && systemctl -q is-active iptables.service; }; then
    echo firewall=iptables
  else
    echo "firewall=unmanaged $refusal"
  fi
}

connect() { # ADDRESS PORT: whether packets come through; a refusal shows that they do, also where nothing listens yet
  local said
  if said=$(timeout 3 bash -c ": <>/dev/tcp/$1/$2" 2>&1); then return; fi
  case $said in
  *"o route to host"* | *"etwork is unreachable"*) echo "blocked=$1 $2 unreachable" ;;
  "" | *"imed out"*) echo "blocked=$1 $2 dropped" ;;
  esac
}

connections() { # from here to each port that this machine will use on another
  connect 10.0.0.1 5672 &
  connect 10.0.0.1 15672 &
  wait
}
is_set_up() { # whether the program has set up this machine in this role already, so that the files are its own
  if [ -e /etc/systemd/system/haproxy.service.d/rabbitmq-ha.conf ]; then return; fi
  if [ -e /etc/systemd/system/keepalived.service.d/rabbitmq-ha.conf ]; then return; fi
  grep -qs '"role": "balancer"' /var/lib/rabbitmq-ha/owner
}

shipped() { # FILE PACKAGE: whether a file is still as its package brought it
  local digest
  digest=$({
    # shellcheck disable=SC2016 # dpkg-query's own
    timeout 3 dpkg-query -W -f='${Conffiles}\n' "$2"
    timeout 3 rpm -q --qf '[%{FILENAMES} %{FILEDIGESTS}\n]' "$2"
  } 2>/dev/null </dev/null | awk -v file="$1" '$1 == file { print $2; exit }')
  case ${#digest} in
  32) echo "$digest  $1" | md5sum -c --status ;;
  64) echo "$digest  $1" | sha256sum -c --status ;;
  *) return 1 ;;
  esac
}

contents() { # FILE: what it says by name, and no values: they may be secret
  case $1 in
  */haproxy/*)
    awk '
      function end() { if (name != "") print name (binds == "" ? "" : " on " binds); name = binds = "" }
      $1 ~ /^(global|defaults|frontend|listen|backend|peers|userlist|resolvers|mailers|cache|program|ring)$/ {
        end()
        if ($1 == "frontend" || $1 == "listen") { name = $1 " " $2; binds = $3 }
      }
      name != "" && $1 == "bind" { binds = binds (binds == "" ? "" : " and ") $2 }
      END { end() }' "$1"
    ;;
  *keepalived.conf) awk '$1 == "vrrp_instance" { sub(/\{.*/, "", $2); print $1, $2 }' "$1" ;;
  *enabled_plugins) sed 's/%.*//' "$1" | grep -o '[A-Za-z0-9_]\+' ;;
  */rabbitmq/*.conf) awk -F= '!/^[[:space:]]*(#|$)/ { gsub(/[[:space:]]/, "", $1); print $1 }' "$1" ;;
  esac
}

named() { # FILE: contents on one line; "unreadable" if nobody can say
  if cat "$1" >/dev/null 2>&1; then
    contents "$1" | tr -d '\000-\011\013-\037' | paste -s -d , | sed 's/,/, /g' | cut -c 1-300
  else
    echo unreadable
  fi
}

foreign() { # FILE PACKAGE [KEY]: the file and what it says, if neither the program nor the package has written it
  local said
  if ! [ -e "$1" ] && ! [ -L "$1" ]; then return; fi
  if grep -qs 'Written by rabbitmq-ha' "$1" || shipped "$1" "$2"; then return; fi
  said=$(named "$1")
  # A list of no plug-ins takes nothing away.
  if [ "${1##*/}" = enabled_plugins ] && [ -z "$said" ]; then return; fi
  echo "${3:-foreign}=$1 $said"
}

files() { # what others have written where the program writes, and what its services read beside it
  local file
  if ! is_set_up; then
    foreign /etc/haproxy/haproxy.cfg haproxy
    foreign /etc/haproxy/stats.cfg haproxy
    foreign /etc/keepalived/keepalived.conf keepalived
    for file in /etc/haproxy/conf.d/*.cfg; do foreign "$file" haproxy beside; done
  fi
  for file in /etc/default/haproxy /etc/sysconfig/haproxy /etc/default/keepalived /etc/sysconfig/keepalived \
    /etc/systemd/system/haproxy.service /etc/systemd/system/haproxy.service.d/*.conf \
    /etc/systemd/system/keepalived.service /etc/systemd/system/keepalived.service.d/*.conf; do
    environment "$file" '.*'
  done
  echo files=done
}

environment() { # FILE VALUE: what it sets, if it is none of the program's, where VALUE is the pattern of a value
  local line
  if ! [ -e "$1" ] || grep -qs 'Written by rabbitmq-ha' "$1"; then return; fi
  if ! cat "$1" >/dev/null 2>&1; then
    echo "environment=$1"
    return
  fi
  sed 's/^[[:space:]]*//; /^[#;]/d' "$1" |
    grep -oE "(^|[^A-Z_])(RABBITMQ_)?(CONFIG|CFGDIR|EXTRAOPTS|OPTIONS|DAEMON_ARGS|KEEPALIVED_OPTIONS|ExecStart)=$2" |
    while IFS= read -r line; do echo "environment=$1 $line"; done
}

neighbour() { # DEVICE ADDRESS: the MAC that answers for an address of the network
  local answer=silent before
  before=$(ip neigh show to "$2" dev "$1" | awk '{ print $NF }')
  timeout 1 bash -c ": <>/dev/tcp/$2/9" 2>/dev/null &
  if ping -c 1 -W 1 -I "$1" "$2" >/dev/null 2>&1; then answer=answers; fi
  wait
  # An entry of old says nothing of now, and one that was fresh before stays so for half a minute.
  ip neigh show to "$2" dev "$1" | awk -v answer=$answer -v before="$before" '
    answer == "answers" || ($NF == "REACHABLE" && before != "REACHABLE") {
      for (i = 1; i < NF; i++) if ($i == "lladdr") print tolower($(i + 1))
    }' | each neighbour
}

find_python() {
  local candidate
  for candidate in python3 /usr/libexec/platform-python python2 python; do
    if "$candidate" -c 'import socket' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

listen() { # DEVICE ROUTER: the addresses that advertise the virtual router, each once
  local interpreter
  interpreter=$(find_python)
  if [ -z "$interpreter" ]; then return; fi
  # Any version of Python from 2.7 on. A VRRP packet has its version and type, then its router id (RFC 5798, 5.1).
  timeout 4 "$interpreter" - "$@" <<'END_OF_LISTENER' 2>/dev/null | each vrrp
import select, socket, struct, sys, time
device, router = sys.argv[1], int(sys.argv[2])
with open("/sys/class/net/%s/ifindex" % device) as file:
    index = int(file.read())
member = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
group = struct.pack("=4s4si", socket.inet_aton("224.0.0.18"), socket.inet_aton("0.0.0.0"), index)
member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
packets.bind((device, 0x0800))
heard, deadline = set(), time.time() + 1.5
while True:
    left = deadline - time.time()
    if left <= 0 or not select.select([packets], [], [], left)[0]:
        break
    packet = bytearray(packets.recv(128))
    if len(packet) < 20 or packet[9] != 112:
        continue
    body = packet[(packet[0] & 15) * 4:]
    if len(body) > 1 and body[0] & 15 == 1 and body[1] == router:
        heard.add(".".join(str(octet) for octet in packet[12:16]))
sys.stdout.write("".join(address + "\n" for address in sorted(heard)) + "done\n")
END_OF_LISTENER
}

main() {
  local device address=10.0.0.4 stated=eth1 system
  # shellcheck source=/dev/null
  system=$(. /etc/os-release && echo "$ID-${VERSION_ID:-}")
  echo "system=$system"
  case $system in
  rocky-9*|almalinux-9*) echo fits=yes ;;
  esac
  if [ -d /run/systemd/system ]; then systemctl --version | awk 'NR == 1 { print $2 }' | each systemd; fi
  if [ -s /etc/machine-id ]; then each machine-id </etc/machine-id; fi
  # Also an empty mark is one, of which nobody knows whose it is.
  if [ -e /var/lib/rabbitmq-ha/owner ]; then echo "owner=$(head -n 1 /var/lib/rabbitmq-ha/owner 2>/dev/null)"; fi
  # "NTP synchronized" in CentOS 7, "System clock synchronized" since.
  if timeout 3 timedatectl 2>/dev/null | grep -q 'synchronized: yes'; then echo synchronized=yes; fi
  names &
  connections &
  own_firewall &
  device=${stated:-$(ip -o -4 addr show | awk -v a="$address/" 'index($4, a) == 1 { print $2; exit }')}
  if [ -n "$device" ] && [ -e "/sys/class/net/$device" ]; then
    echo "device=$device"
    neighbour "$device" 10.0.0.100 &
    listen "$device" 51 &
  fi
  ip -o -4 addr show | awk '{ print $2, $4 }' | each inet
  for device in /sys/class/net/*/address; do each mac <"$device"; done
  awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo | each memory
  getconf _NPROCESSORS_ONLN | each cores
  timeout 3 df -Pk "$(data_place)" | awk 'NR == 2 { print $4 }' | each disk
  listeners 5672 15672 15692 8100 4369 25672
  data
  surroundings
  files
  wait
}
main </dev/null
