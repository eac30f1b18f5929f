script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# Where a version is stated: NAME=VERSION.
names=(keepalived iputils-arping socat awscli )
missing=()
for name in "${names[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "${name%%=*}" 2>/dev/null || true)" = installed ] || missing+=("$name")
done
if [ ${#missing[@]} = 0 ]; then
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
# Nothing that is installed starts by itself; a policy of somebody else's stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ] || grep -q rabbitmq-ha $policy; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\n# rabbitmq-ha: services are started once they are configured\nexit 101\n' >$policy
  chmod 0755 $policy
fi
log=/var/log/rabbitmq-ha-packages.log
: >"$log"
apt() { apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -y "$@" </dev/null >>"$log" 2>&1; }
# Reading the package lists anew costs seconds, so lists of less than a day are tried first.
fresh() { [ -n "$(find /var/lib/apt/lists -maxdepth 0 -mmin -1440)" ]; }
install() {
  { fresh && apt --no-install-recommends install "$@"; } || { apt update && apt --no-install-recommends install "$@"; }
}
# An installation that was cut off is finished first.
dpkg --configure -a </dev/null >>"$log" 2>&1
if ! install "${missing[@]}"; then
  echo "$(hostname): the packages ${missing[*]} could not be installed; the end of $log:" >&2
  tail -n 20 "$log" >&2
  exit 1
fi
END_OF_SCRIPT
)
code=0
sudo -n flock -w 930 /run/lock/rabbitmq-ha-packages timeout -k 10 900 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): packages was not done after 900 s and was stopped" >&2
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
