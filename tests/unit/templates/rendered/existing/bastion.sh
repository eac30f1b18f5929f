# What a host says of log-ins, a line each: KEY=VALUE. Nothing is changed.
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"

each() { # KEY: every line of standard input as a value of the key
  sed "s/^/$1=/"
}

ssh_limits() { # the rule of the machine's own firewall that counts connections to sshd, as of "ufw limit"
  # One that accepts some before it is the exemption that the precheck asks for.
  timeout 3 iptables-save 2>/dev/null | awk -v port=22 '
    function after(word, i) { for (i = 1; i < NF; i++) if ($i == word) return $(i + 1) }
    $1 != "-A" || ("," after("--dport") "," after("--dports") ",") !~ ("," port ",") { next }
    after("-j") == "ACCEPT" { exempt[$2] = 1 }
    / --hitcount / && !($2 in exempt) { print $2, after("--hitcount"), after("--seconds"); exit }' | each limited
}

sshd_limits() { # what sshd itself says of log-ins at once
  timeout 3 sshd -T 2>/dev/null | grep -E '^(maxstartups|persourcemaxstartups) ' | each sshd
}

ssh_limits
sshd_limits
