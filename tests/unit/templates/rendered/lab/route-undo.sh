set -eu
ip route del unreachable 192.168.56.0/24 metric 4096 2>/dev/null || true
