script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# A change that the running broker has not read yet, or the package of another version: done here in the broker's turn,
# by a command where RabbitMQ has one, else by a restart. Standard input says only that something changed; what, is read
# from the files.
self=cent120
started=/var/lib/rabbitmq/rabbitmq-ha.started
# The broker's files as it has read them, and the same without the lines that a command can change.
note=/var/lib/rabbitmq-ha/started
full=$(grep -hv ^cluster_formation /etc/rabbitmq/rabbitmq.conf /etc/rabbitmq/advanced.config /etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf | sha256sum)
# Lines of rabbitmq.conf that a command can set too (https://www.rabbitmq.com/docs/memory, …/docs/disk-alarms).
live='^(vm_memory_high_watermark|disk_free_limit)\.(relative|absolute) = '
fixed=$(grep -hvE "^cluster_formation|$live" /etc/rabbitmq/rabbitmq.conf /etc/rabbitmq/advanced.config /etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf | sha256sum)
commands_will_do() { # whether these lines are all that changed since the broker read its files, one for each limit
  [ "$(cat $note 2>/dev/null)" = "$(cut -d ' ' -f 1 $started 2>/dev/null) ${fixed%% *}" ] &&
    [ "$(grep -cE "$live" /etc/rabbitmq/rabbitmq.conf)" = 2 ]
}
by_command() {
  local key value words
  while read -r key _ value; do
    case $key in
    vm_memory_high_watermark.relative) words=(set_vm_memory_high_watermark "$value") ;;
    vm_memory_high_watermark.absolute) words=(set_vm_memory_high_watermark absolute "$value") ;;
    disk_free_limit.relative) words=(set_disk_free_limit mem_relative "$value") ;;
    disk_free_limit.absolute) words=(set_disk_free_limit "$value") ;;
    esac
    if ! timeout -k 5 60 rabbitmqctl -q "${words[@]}" </dev/null >/dev/null 2>&1; then
      # Such as 512mb, which only the file may say.
      echo "$self: no command takes $key = $value"
      return 1
    fi
  done < <(grep -E "$live" /etc/rabbitmq/rabbitmq.conf)
}
# What a broker says of its cluster, read once into a file; exit codes of rabbitmqctl tell too little.
status=$(mktemp -d)
trap 'rm -rf "$status"' EXIT
ask() { # NAME...: each in parallel; no file for one that does not answer
  local name
  for name in "$@"; do
    if timeout 60 rabbitmqctl -q -n "rabbit@$name" cluster_status --formatter json </dev/null >"$status/$name.new" \
      2>"$status/$name.error"; then
      mv "$status/$name.new" "$status/$name"
    else
      rm -f "$status/$name"
    fi &
  done
  wait
}
nodes() { # NAME KEY: the short names in a list of NAME's answer
  [ -f "$status/$1" ] || return 0
  sed -n 's/.*"'"$2"'":\[\([^]]*\)\].*/\1/p' "$status/$1" | tr ',' '\n' | sed -n 's/^"rabbit@\(.*\)"$/\1/p' | sort
}
members() { { nodes "$1" disk_nodes; nodes "$1" ram_nodes; } | sort; }
running() { nodes "$1" running_nodes; }
boot_errors() { # NAME: what its broker said as it did not start, without Erlang's own reports; the package decides where
  {
    journalctl -u rabbitmq-server -n 100 --no-pager -o cat
    tail -q -n 100 /var/log/rabbitmq/rabbitmq-server.log "/var/log/rabbitmq/rabbit@$1.log"
  } 2>/dev/null | sed -n 's/^.*\[error\] <[0-9.]*> \(.*[^ ].*\)$/\1/p' |
    awk 'BEGIN { skip = 1 } /^[^ ]/ { skip = 0 } /^ *(supervisor|crasher):/ { skip = 1 } !skip && !seen[$0]++' | head -n 15
}
# A broker that is drained (https://www.rabbitmq.com/docs/upgrade#maintenance-mode) takes no connections, so that the
# balancers pass it by, has closed those that it had, and leads no quorum queue; a restart ends that. Who was drained by
# a run that came to nothing serves again; a person who has drained one means it.
drained=/run/rabbitmq-ha/drained
since() { systemctl show -p ExecMainStartTimestampMonotonic rabbitmq-server; }
drain() {
  mkdir -p "${drained%/*}"
  since >$drained
  timeout -k 5 120 rabbitmq-upgrade -q drain </dev/null >"$status/last" 2>&1
}
revive() {
  [ -e $drained ] || return 0
  if systemctl -q is-active rabbitmq-server && since | cmp -s - $drained; then
    echo "$self: was drained for a restart that has not come, and serves again"
    timeout -k 5 60 rabbitmq-upgrade -q revive </dev/null || return 0
  fi
  rm -f $drained
}
trap 'rm -rf "$status"; revive' EXIT
active() { systemctl -q is-active rabbitmq-server; }
note_down() {
  local line="${full%% *} ${fixed%% *}"
  if [ "$(cat $note 2>/dev/null)" != "$line" ]; then
    mkdir -p "${note%/*}"
    echo "$line" >$note
  fi
}
upgrading=
# The broker's package: another version in the place of the installed one, by turns with all else that installs.
package=rabbitmq-server
wanted=3.13.7-1.el8
log=/var/log/rabbitmq-ha-packages.log
version_of() { rpm "$@" --qf '%{VERSION}-%{RELEASE}\n' 2>/dev/null | sort -V; }
upgrade_due() { [ "$(version_of -q $package)" != "$wanted" ]; }
prepare() {
  exec 9>/run/lock/rabbitmq-ha-packages
  flock -w 300 9 || exit 1
: >"$log"
# Files that say where packages come from: each is made from what it was before, which is kept.
mirror=''
# shellcheck disable=SC2016 # variables of the installer's own
archive='https?://(dl\.rockylinux\.org/\$contentdir|repo\.almalinux\.org/almalinux)/\$releasever'
# What the files that say where packages come from were before a mirror stood in for the system's own archive.
kept=/var/lib/rabbitmq-ha/sources
give_back() { # every file as it was
  local copy
  for copy in $(cd $kept/files 2>/dev/null && find . -type f); do cp -p "$kept/files/$copy" "/$copy"; done
  rm -rf "${kept:?}"
}
noted=$(cat $kept/mirror 2>/dev/null || true)
point() { # FILE OPTION...: the file as sed makes it, with the mirror in the archive's place
  local file=$1 copy=$kept/files$1 base=$1
  shift
  # What another mirror stands in can no longer be told from what was there before it.
  if [ -e "$copy" ] && [ "$noted" != "$mirror" ]; then base=$copy; fi
  if sed -E "$@" "$base" | cmp -s - "$file"; then return; fi
  if [ "$base" = "$file" ]; then
    mkdir -p "$(dirname "$copy")"
    cp -p "$file" "$copy"
  fi
  cp -p "$file" "$file.rabbitmq-ha"
  sed -E "$@" "$base" >"$file.rabbitmq-ha"
  mv -f "$file.rabbitmq-ha" "$file"
}
note_mirror() {
  mkdir -p $kept
  echo "$mirror" >$kept/mirror
}
if [ -z "$mirror" ]; then
  if [ -n "$noted" ]; then give_back; fi
else
  for file in /etc/yum.repos.d/*.repo; do
    # The addresses that they have as a rule are those of lists of mirrors, CentOS 7's of one that is gone.
    if grep -qsE "^#? ?baseurl=$archive/" "$file" || [ -e "$kept/files$file" ]; then
      point "$file" -e 's!^mirrorlist=!#mirrorlist=!' -e "s!^#? ?baseurl=$archive/!baseurl=$mirror/!"
    fi
  done
  note_mirror
fi
# It waits by itself while somebody else installs.
manage() { dnf -y "$@" </dev/null >>"$log" 2>&1; }
}
give_up_on() { # DOING
  echo "$self: $package $wanted (packages.rabbitmq.version) could not be $1; the end of $log:" >&2
  tail -n 10 "$log" >&2
  exit 1
}
fetch_upgrade() ( # while the broker still serves
  installed=$(version_of -q $package | head -n 1)
  if [ "$(printf '%s\n' "$wanted" "$installed" | sort -V | head -n 1)" = "$wanted" ]; then
    echo "$self: packages.rabbitmq.version is $wanted, and $installed is installed. A broker does not go back to an" \
      "earlier version; write $installed or a later one" >&2
    exit 1
  fi
  prepare
  manage --downloadonly install "$package-$wanted" || give_up_on fetched
)
install_upgrade() (
  prepare
  manage install "$package-$wanted" || true
  # What it cannot install is no error to yum.
  if upgrade_due; then give_up_on installed; fi
)
if upgrade_due; then upgrading=yes; fi
read_by_now() { [ "$full" = "$(cat $started 2>/dev/null)" ]; }
if [ -z "$upgrading" ] && active; then
  if ! read_by_now && commands_will_do && by_command; then
    echo "$full" >$started
    echo "$self: takes its changed settings without a restart"
  fi
  if read_by_now; then
    note_down
    exit 0
  fi
fi

everyone() { # all members run, and this one among them
  ask "$self"
  [ -f "$status/$self" ] && [ "$(members "$self")" = "$(running "$self")" ]
}
stop_here() { # WORDS...
  echo "$self: $*" >&2
  tail -n 15 "$status/last" >&2 2>/dev/null || true
  echo "$self: the brokers after this one were left as they are; once it is mended, the next up goes on from here" >&2
  exit 1
}
await() { # SECONDS WHAT COMMAND...
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" </dev/null >"$status/last" 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      tail -n 10 "/var/log/rabbitmq/rabbit@$self.log" >>"$status/last" 2>/dev/null || true
      stop_here "waited in vain for $what:"
    fi
    sleep 1
  done
}
has_mirrors() { rabbitmq-queues --help 2>/dev/null | grep -q check_if_node_is_mirror_sync_critical; } # up to RabbitMQ 3
mirrors_in_sync() {
  has_mirrors || return 0
  rabbitmq-queues -q check_if_node_is_mirror_sync_critical
}
if [ -n "$upgrading" ]; then fetch_upgrade; fi
systemctl daemon-reload
action=restart
if active; then
  await 120 "every member to run before the restart" everyone
  await 300 "the quorum queues to have a majority without this broker" rabbitmq-queues -q check_if_node_is_quorum_critical
  await 300 "the mirrors of this broker's queues to be in sync" mirrors_in_sync
  drain || stop_here "could not be drained before its restart:"
elif read_by_now; then
  # It has not come up with these files, or is at it.
  action=start
fi
failed=
if [ -n "$upgrading" ]; then
  echo "$self: stops, and $package becomes $wanted"
  systemctl stop rabbitmq-server
  install_upgrade || failed=yes
fi
[ -n "$upgrading" ] || echo "$self: ${action}s with its changed configuration"
if ! systemctl $action rabbitmq-server 2>/dev/null; then
  boot_errors "$self" >"$status/last"
  stop_here "rabbitmq-server did not $action with its changed configuration; if it refuses a line of it, correct" \
    "rabbitmq.settings and run up again. Its last words:"
fi
await 120 "every member to run after the restart" everyone
note_down
[ -z "$failed" ] || stop_here "serves again, with the package that it had"
END_OF_SCRIPT
)
code=0
sudo -n flock -w 1830 /run/lock/rabbitmq-ha-cent120-restart timeout -k 10 1800 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent120-restart was not done after 1800 s and was stopped" >&2
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
