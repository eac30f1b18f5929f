script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
name=cent120
if [ "$(hostname)" != "$name" ]; then
  hostnamectl set-hostname "$name"
fi
begin='# rabbitmq-ha: begin'
end='# rabbitmq-ha: end'
candidate=$(mktemp /etc/hosts.XXXXXX)
trap 'rm -f "$candidate"' EXIT
{
  awk -v begin="$begin" -v end="$end" -v names='cent120 cent121 cent122 cent123 cent124' '
    BEGIN { n = split(names, list, " "); for (i = 1; i <= n; i++) ours[list[i]] = 1 }
    $0 == begin { inside = 1 }
    !inside {
      line = $0; kept = $1; dropped = 0
      if ($0 !~ /^[ \t]*(#|$)/) {
        for (i = 2; i <= NF; i++) if ($i in ours) dropped = 1; else kept = kept " " $i
        if (dropped) { if (split(kept, words, " ") < 2) next; line = kept }
      }
      print line
    }
    $0 == end { inside = 0 }
  ' /etc/hosts
  echo "$begin"
  echo "192.168.56.120 cent120"
  echo "192.168.56.121 cent121"
  echo "192.168.56.122 cent122"
  echo "192.168.56.123 cent123"
  echo "192.168.56.124 cent124"
  echo "$end"
} >"$candidate"
if cmp -s "$candidate" /etc/hosts; then
  exit 0
fi
chmod 0644 "$candidate"
if command -v restorecon >/dev/null; then restorecon "$candidate" || true; fi
mv -f "$candidate" /etc/hosts
END_OF_SCRIPT
)
code=0
sudo -n flock -w 90 /run/lock/rabbitmq-ha-cent120-names timeout -k 10 60 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent120-names was not done after 60 s and was stopped" >&2
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
