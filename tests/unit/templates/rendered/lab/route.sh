set -eu
# A lab address must never leave this machine, so its packets end here whenever the bridge is not there.
subnet=192.168.56.0/24
taken=$(ip -o route show root "$subnet" | grep -v '^unreachable' | grep -vE ' dev (podman|cni)' | head -n 1 || true)
if [ -n "$taken" ]; then
  echo "the lab's network $subnet is in use on this machine already ($taken);" \
    "choose a free one as lab.subnet, and the hosts' addresses from it" >&2
  exit 1
fi
ip route replace unreachable "$subnet" metric 4096
