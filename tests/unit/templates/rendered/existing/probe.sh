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
  awk '$0 == "# rabbitmq-ha: end" { inside = 0 } inside { print $2 } $0 == "# rabbitmq-ha: begin" { inside = 1 }' \
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

data() {
  local folder
  for folder in /var/lib/rabbitmq/mnesia/rabbit@*; do
    case $folder in
    *-plugins-expand) ;;
    *) if [ -d "$folder" ]; then echo "data=${folder##*/}"; fi ;;
    esac
  done
}

main() {
  local device system
  # shellcheck source=/dev/null
  system=$(. /etc/os-release && echo "$ID-${VERSION_ID:-}")
  echo "system=$system"
  case $system in
  rocky-9*|almalinux-9*) echo fits=yes ;;
  esac
  if [ -d /run/systemd/system ]; then systemctl --version | awk 'NR == 1 { print $2 }' | each systemd; fi
  if [ -s /etc/machine-id ]; then each machine-id </etc/machine-id; fi
  if [ -e /var/lib/rabbitmq-ha/owner ]; then each owner </var/lib/rabbitmq-ha/owner; fi
  # "NTP synchronized" in CentOS 7, "System clock synchronized" since.
  if timeout 3 timedatectl 2>/dev/null | grep -q 'synchronized: yes'; then echo synchronized=yes; fi
  names &
  ip -o -4 addr show | awk '{ print $2, $4 }' | each inet
  for device in /sys/class/net/*/address; do each mac <"$device"; done
  awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo | each memory
  timeout 3 df -Pk /var | awk 'NR == 2 { print $4 }' | each disk
  listeners 5672 15672 15692 8100 4369 25672
  data
  wait
}
main </dev/null
