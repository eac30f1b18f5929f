# Which of these addresses nobody answers for on an interface's network, a line each: KEY=VALUE. Nothing is changed.
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"

ask() { # ADDRESS: has the kernel ask by ARP, which no firewall answers; a refused connection has been answered
  # Three questions, one each second.
  timeout 4 bash -c ": <>/dev/tcp/$1/9" 2>/dev/null
  # An address that is reached by a router has no entry here.
  case $(ip -4 neigh show to "$1" dev eth1) in
  *FAILED* | *INCOMPLETE*) echo "silent=$1" ;;
  esac
}

ask 10.7.0.5 &
ask 10.7.0.6 &
wait
echo asked=yes
