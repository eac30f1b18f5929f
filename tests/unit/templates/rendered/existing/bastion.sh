# What a host says of log-ins, a line each: KEY=VALUE. Nothing is changed.
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"

each() { # KEY: every line of standard input as a value of the key
  sed "s/^/$1=/"
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

ssh_limits
sshd_limits
