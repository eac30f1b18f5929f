script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# What an interface is called depends on the image and on the instance's type, and Keepalived has to be told.
found=$(ip -o -4 addr show | awk -v address=10.20.1.21 '{ split($4, parts, "/"); if (parts[1] == address) print $2 }')
if [ "$found" != ens5 ]; then
  echo "cent123: 10.20.1.21 is not on the interface ens5 but on ${found:-none}; write keepalived.interface: ${found:-the name of the one it is on}" >&2
  exit 1
fi
END_OF_SCRIPT
)
code=0
sudo -n flock -w 90 /run/lock/rabbitmq-ha-cent123-interface-check timeout -k 10 60 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent123-interface-check was not done after 60 s and was stopped" >&2
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
