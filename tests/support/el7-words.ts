/** Words that CentOS 7's versions of the shell, tools and daemons do not know, with the version that introduced them. */

/** The kind of text that a word belongs to. */
export type TextKind = "shell" | "unit" | "haproxy" | "keepalived" | "rabbitmq";

export interface Word {
  readonly kind: TextKind;
  /** Matches a line that contains the word. */
  readonly pattern: RegExp;
  /** A line that contains the word. */
  readonly example: string;
  /** The software and version that introduced it. */
  readonly since: string;
  /** Where this is documented. */
  readonly source: string;
}

type Row = readonly [pattern: RegExp, example: string, since: string];

function words(kind: TextKind, source: string, rows: readonly Row[]): Word[] {
  return rows.map(([pattern, example, since]) => ({ kind, pattern, example, since, source }));
}

export const unknownWords: readonly Word[] = [
  ...words("shell", "bash's NEWS; CentOS 7 has 4.2", [
    [/\b(local|declare|typeset) -\w*n\b/, "local -n list=$1", "bash 4.3"],
    [/\bwait -[np]/, "wait -n", "bash 4.3"],
    [/\$\{\w+(\[[@*]\])?@[A-Za-z]\}/, "echo ${name@Q}", "bash 4.4"],
    [/\b(mapfile|readarray)\b.* -d/, "mapfile -t -d '' list", "bash 4.4"],
    [/\bunset '?\w+\[-/, "unset 'list[-1]'", "bash 4.3"],
    [/^\s*\w+\[-\d+\]=/, "list[-1]=last", "bash 4.3"],
    [/\blocal -(\s|;|$)/, "local -", "bash 4.4"],
    [/\bEPOCH(SECONDS|REALTIME)\b|\bSRANDOM\b/, "now=$EPOCHSECONDS", "bash 5.0, 5.1"],
    [
      /\bshopt\b.*(inherit_errexit|localvar_inherit|patsub_replacement)/,
      "shopt -s inherit_errexit",
      "bash 4.4 to 5.2",
    ],
  ]),
  ...words("shell", "systemd's NEWS; CentOS 7 has 219", [
    [/\bsystemctl\b.* --now\b/, "systemctl enable --now haproxy", "systemd 220"],
    [/\bsystemctl\b.*( --value\b| -P\b)/, "systemctl show --value -p MainPID haproxy", "systemd 230, 248"],
    [
      /\bsystemctl\b( -\S+)* (clean|revert|freeze|thaw|service-watchdogs)\b/,
      "systemctl clean haproxy",
      "systemd 230 to 246",
    ],
    [
      /\bsystemctl\b.* --(kill-whom|with-dependencies|dry-run)\b/,
      "systemctl kill --kill-whom=main haproxy",
      "systemd 236 to 252",
    ],
    [
      /\bjournalctl\b.* (-g|--grep|--output-fields|--cursor-file|--facility|--no-hostname|--namespace|--sync)\b/,
      "journalctl --grep x",
      "systemd 228 to 245",
    ],
    [/\bhostnamectl\b( -\S+)* (hostname|--json)\b/, "hostnamectl hostname cent120", "systemd 249"],
    [
      /\b(resolvectl|homectl|systemd-sysusers --cat-config|oomctl|userdbctl)\b/,
      "resolvectl status",
      "systemd 239",
    ],
    [
      /\bsystemd-run\b.*( --(wait|pipe|collect|shell|working-directory)\b| -[PGS]\b)/,
      "systemd-run --wait true",
      "systemd 232 to 240",
    ],
    [
      /\bsystemd-analyze (security|condition|cat-config|exit-status)\b/,
      "systemd-analyze security",
      "systemd 240",
    ],
  ]),
  ...words("shell", "coreutils' NEWS; CentOS 7 has 8.22", [
    [/\b(b2sum|basenc)\b/, "b2sum file", "coreutils 8.26, 8.31"],
    [
      /\bsha\d+sum\b.* (--ignore-missing|-z|--zero)\b/,
      "sha256sum -c --ignore-missing list",
      "coreutils 8.25",
    ],
    [/\benv (-\S+ )*(-S|--split-string|-C|--chdir|--block-signal)\b/, "env -S 'a b'", "coreutils 8.28, 8.30"],
    [/\btimeout (-\S+ (\S+ )?)*(-v|--verbose)\b/, "timeout -v 5 true", "coreutils 8.29"],
    [/\b(head|tail) (-\S+ )*(-z|--zero-terminated)\b/, "head -z -n 1", "coreutils 8.25"],
    [/\bsync (-[df] |\/|")/, "sync -d /etc/hosts", "coreutils 8.24"],
    [/\bdate\b.* --(rfc-email|debug|resolution)\b/, "date --rfc-email", "coreutils 8.26"],
    [/\b(cp|mv|install)\b.* --(debug|exchange|no-copy|update=)/, "cp --debug a b", "coreutils 9.2 to 9.5"],
  ]),
  ...words("shell", "util-linux's release notes; CentOS 7 has 2.23", [
    [
      /\bflock (-\S+ (\S+ )?)*(--verbose|-F|--no-fork|--fcntl)\b/,
      "flock --no-fork file true",
      "util-linux 2.26, 2.34",
    ],
    [/\b(lsblk|findmnt|lscpu|losetup)\b.* (-J|--json)\b/, "findmnt --json", "util-linux 2.27"],
    [/\bmount\b.* (--mkdir|-m)\b/, "mount --mkdir --bind a b", "util-linux 2.38"],
    [/\b(lsns|choom|lsfd|lsirq|hardlink)\b/, "lsns", "util-linux 2.28"],
    [/\bcolumn\b.* -[JNHR]\b/, "column -t -N a,b", "util-linux 2.30"],
    [/\bnsenter\b.* (-a|--all)\b/, "nsenter --all -t 1", "util-linux 2.37"],
  ]),
  ...words("shell", "iproute2's release notes; CentOS 7 has 4.11", [
    [/\b(ip|tc|bridge|ss) (-\S+ )*(-j|-json|--json)\b/, "ip -j addr", "iproute2 4.14"],
    [/\bip route get\b.* fibmatch\b/, "ip route get fibmatch 10.0.0.1", "iproute2 4.13"],
    [/\bip (-\S+ )*nexthop\b/, "ip nexthop list", "iproute2 5.3"],
  ]),
  ...words("shell", "procps-ng's NEWS; CentOS 7 has 3.3.10", [
    [/\bpidwait\b/, "pidwait beam.smp", "procps-ng 3.3.17"],
    [
      /\bp(grep|kill)\b.* (-O|--older|-r|--runstates|-A|--ignore-ancestors|-H|--require-handler)\b/,
      "pgrep -O 5 beam.smp",
      "procps-ng 3.3.15 to 4.0",
    ],
  ]),
  ...words("shell", "curl's CHANGES (https://curl.se/docs/manpage.html names versions); CentOS 7 has 7.29", [
    [
      /\bcurl\b.* --(retry-connrefused|retry-all-errors|fail-with-body|fail-early|connect-to|proto-default|preproxy|unix-socket|abstract-unix-socket|path-as-is|no-progress-meter|output-dir|remove-on-error|parallel|json|url-query|rate|tls-max|http2|http3|compressed-ssh|doh-url|variable|etag-save|haproxy-protocol|request-target|tcp-fastopen|suppress-connect-headers|false-start|cert-status)\b/,
      "curl --retry-connrefused http://x",
      "curl 7.33 and later",
    ],
    [/\bcurl\b.* -Z\b/, "curl -Z http://x", "curl 7.66"],
  ]),
  ...words(
    "shell",
    "the tools' NEWS; CentOS 7 has sed 4.2.2, grep 2.20, findutils 4.5.11, tar 1.26, gawk 4.0.2, socat 1.7.3.2",
    [
      [/\bsed\b.* --(debug|sandbox)\b/, "sed --sandbox p", "sed 4.3, 4.6"],
      [/\bgrep\b.* --no-ignore-case\b/, "grep --no-ignore-case x", "grep 3.6"],
      [/\bfind\b.* -files0-from\b/, "find -files0-from list", "findutils 4.9"],
      [/\btar\b.* --(one-top-level|sort|zstd)\b/, "tar --one-top-level -xf a.tar", "tar 1.28, 1.31"],
      [/\bawk\b.*\btypeof\(/, "awk '{ print typeof($1) }'", "gawk 4.2"],
      [
        /\bsocat\b.*(--statistics|[Vv][Ss][Oo][Cc][Kk]-| -[rR] )/,
        "socat -r dump stdio tcp:a:1",
        "socat 1.7.4, 1.8",
      ],
    ],
  ),
  ...words("shell", "not in CentOS 7's base at all: no dnf, no APT", [
    [/(^|[\s;&|(])(dnf|microdnf)\s/, "dnf install socat", "CentOS 8"],
    [/(^|[\s;&|(])(apt|apt-get|dpkg|dpkg-query)\s/, "apt-get update", "Debian"],
    [/\byum\b.* (module|mark|repoquery|autoremove --setopt)\b/, "yum repoquery socat", "dnf"],
    [/--setopt=install_weak_deps|--allowerasing|\s--refresh\b/, "yum install --allowerasing x", "dnf"],
    [
      /\bfirewall-cmd\b.* --(new-policy|policy|get-policies|check-config=)/,
      "firewall-cmd --policy=x",
      "firewalld 0.9; CentOS 7 has 0.6.3",
    ],
    [/\bupdate-crypto-policies\b/, "update-crypto-policies --show", "CentOS 8"],
  ]),
  ...words("shell", "https://www.rabbitmq.com/release-information; CentOS 7 has 3.9", [
    [
      /\brabbitmqctl\b.* (list_deprecated_features|metadata_store_status|hash_password|activate_free_disk_space_monitoring|update_vhost_metadata)\b/,
      "rabbitmqctl metadata_store_status",
      "RabbitMQ 3.10 to 4.0",
    ],
    [
      /\brabbitmq-diagnostics\b.* (metadata_store_status|check_if_any_deprecated_features_are_used|check_if_cluster_has_classic_queue_mirroring_policy|remote_shell_quiet)\b/,
      "rabbitmq-diagnostics check_if_any_deprecated_features_are_used",
      "RabbitMQ 3.12 to 4.0",
    ],
  ]),
  ...words("unit", "systemd's NEWS; CentOS 7 has 219", [
    [/^StartLimitIntervalSec=/, "StartLimitIntervalSec=0", "systemd 230"],
    [
      /^(TriggerLimitIntervalSec|TriggerLimitBurst|MaxConnectionsPerSource)=/,
      "TriggerLimitIntervalSec=1",
      "systemd 230 to 232",
    ],
    [/^(BindPaths|BindReadOnlyPaths|TemporaryFileSystem)=/, "BindReadOnlyPaths=/dev/log", "systemd 233, 238"],
    [
      /^(CollectMode|SuccessAction|FailureActionExitStatus)=/,
      "CollectMode=inactive-or-failed",
      "systemd 236",
    ],
    [/^(RuntimeMaxSec|RuntimeRandomizedExtraSec)=/, "RuntimeMaxSec=5", "systemd 229"],
    [
      /^(TasksMax|MemoryMax|MemoryHigh|MemoryMin|MemorySwapMax|CPUWeight|IOWeight|IPAddress(Allow|Deny)|AllowedCPUs)=/,
      "TasksMax=100",
      "systemd 227 and later",
    ],
    [
      /^(DynamicUser|AmbientCapabilities|StateDirectory|CacheDirectory|LogsDirectory|ConfigurationDirectory|RuntimeDirectoryPreserve)=/,
      "DynamicUser=yes",
      "systemd 229 to 235",
    ],
    [
      /^(ReadWritePaths|ReadOnlyPaths|InaccessiblePaths|PrivateUsers|PrivateMounts|ProtectKernel\w+|ProtectControlGroups|ProtectHostname|ProtectClock|ProtectProc|RestrictRealtime|RestrictNamespaces|RestrictSUIDSGID|MemoryDenyWriteExecute|LockPersonality|RemoveIPC)=/,
      "PrivateMounts=yes",
      "systemd 231 and later",
    ],
    [/^ProtectSystem=strict/, "ProtectSystem=strict", "systemd 232"],
    [/^Exec\w+=[-@]*[+!:]/, "ExecStartPre=+/bin/true", "systemd 231"],
    [/^ExecCondition=/, "ExecCondition=/bin/true", "systemd 243"],
    [/^Type=(exec|notify-reload)/, "Type=exec", "systemd 240, 253"],
    [/^Standard(Output|Error)=(file|append|truncate|fd):/, "StandardOutput=file:/tmp/x", "systemd 236"],
    [
      /^(TimeoutAbortSec|TimeoutStartFailureMode|RestartSteps|RestartMode|OOMPolicy|OOMScoreAdjust=.*auto|LogNamespace|LogExtraFields|LogRateLimit\w+|PassEnvironment|UnsetEnvironment|UMask=auto|KeyringMode|WatchdogSignal|RestartKillSignal|FinalKillSignal)=?/,
      "OOMPolicy=continue",
      "systemd 228 and later",
    ],
    [/^(Environment|Exec\w+)=.*%[EVTCSLdjJf]\b/, "ExecStart=/bin/true %S", "systemd 231 and later"],
  ]),
  ...words(
    "haproxy",
    "https://docs.haproxy.org, manuals of 1.5 and later, and the announcements of 1.6 to 3.0; CentOS 7 has 1.5.18",
    [
      [/["'\\]/, 'description "two words"', "HAProxy 1.6 (quotes)"],
      [
        /^\s*(resolvers|mailers|cache|program|ring|http-errors|fcgi-app|log-forward|crt-list|traces)\b/,
        "resolvers dns",
        "HAProxy 1.6 and later",
      ],
      [
        /^\s*(setenv|presetenv|resetenv|unsetenv|server-state-base|server-state-file|load-server-state-from-file|hard-stop-after|nbthread|master-worker|mworker-max-reloads|h1-case-adjust|numa-cpu-mapping|insecure-fork-wanted|zero-warning|strict-limits|busy-polling|set-dumpable|expose-experimental-directives|thread-groups?)\b/,
        "nbthread 2",
        "HAProxy 1.6 and later",
      ],
      [
        /^\s*(server-template|http-reuse|email-alert|filter|retry-on|http-after-response|declare|default-server.* check|use-fcgi-app|dynamic-cookie-key|external-check (?!command|path))\b/,
        "server-template web 3 a:1",
        "HAProxy 1.6 and later",
      ],
      [
        /^\s*(tcp-check|http-check) (comment|set-var|unset-var|send-lf|connect .*\b(addr|proto|via-socks4)\b)/,
        "tcp-check comment hello",
        "HAProxy 1.6, 2.2",
      ],
      [/^\s*http-check (connect|send)\b/, "http-check send meth GET", "HAProxy 2.2"],
      [
        /^\s*http-request (return|replace-path|normalize-uri|set-timeout|wait-for-body|capture|track-sc\d.*\btable\b.*\bhash\b|use-service|deny .*\bstatus\b)/,
        "http-request return status 200",
        "HAProxy 1.6 and later",
      ],
      [
        /^\s*log (stdout|stderr|fd@|ring@)|^\s*log .* (format|sample) /,
        "log stdout format raw local0",
        "HAProxy 1.6 to 1.9",
      ],
      [/^\s*balance (random|hash)\b/, "balance random", "HAProxy 1.9, 2.6"],
      [
        /\s(init-addr|agent-send|agent-addr|resolvers|resolve-prefer|resolve-net|tcp-ut|socks4|check-via-socks4|check-proto|proto|pool-\w+|log-proto|ws|no-check|send-proxy-v2-ssl-cn|set-proxy-v2-tlv-fmt|shard|guid|check-reuse-pool)(\s|$)/,
        "server a 10.0.0.1:1 init-addr none",
        "HAProxy 1.6 and later",
      ],
      [/^\s*stats (socket .*\bexpose-fd\b)/, "stats socket /a expose-fd listeners", "HAProxy 1.8"],
      [/^\s*\.(if|elif|else|endif|notice|warning|alert)\b/, ".if feature(OPENSSL)", "HAProxy 2.4"],
      [
        /^\s*option (http-use-htx|disable-h2-upgrade|idle-close-on-response|h1-case-adjust\S*|http-buffer-request|external-check|httpslog)\b/,
        "option http-buffer-request",
        "HAProxy 1.6 and later",
      ],
      [
        /^\s*(tune|ssl)\S*\.(h2|lua|pool|quic|fd|runqueue|vars|listener|idle-pool|disable-fast-forward)\S*/,
        "tune.h2.header-table-size 4096",
        "HAProxy 1.6 and later",
      ],
    ],
  ),
  ...words("unit", "HAProxy's doc/management.txt of 1.8 and 1.9; CentOS 7 has 1.5.18", [
    [
      /^(Environment|ExecStart)=.* ?-(S |W\b|Ws\b)|^Environment=.*"\w+=-S /,
      "ExecStart=/usr/sbin/haproxy -Ws -f x",
      "HAProxy 1.8 (-Ws), 1.9 (-S)",
    ],
  ]),
  ...words("keepalived", "Keepalived's ChangeLog and keepalived.conf(5); CentOS 7 has 1.3.5", [
    [
      /^\s*(vrrp_track_process|track_process|vrrp_track_file|track_file|track_bfd|bfd_instance)\b/,
      "track_process {",
      "Keepalived 1.4 and 2.0",
    ],
    [/^\s*(interval|timeout)\s+\d*\.\d/, "interval 0.5", "whole seconds only"],
    [/^\s*notify_master_rx_lower_pri\b/, "notify_master_rx_lower_pri /bin/true", "Keepalived 2"],
    [
      /^\s*(vrrp_startup_delay|max_auto_priority|startup_script|shutdown_script|reload_file|umask|random_seed|process_names|vrrp_process_name|nftables|json_version|iproute_usr_dir|vrrp_min_garp|fifo_write_vrrp_states_on_reload|disable_local_igmp|data_use_instance|tmp_config_directory)\b/,
      "max_auto_priority 5",
      "Keepalived 2.0 and later",
    ],
    [/^\s*(include[rmwba]|include_check)\b/, "includer /etc/x", "Keepalived 2.1, 2.2"],
    [
      /^\s*(notify_fifo|vrrp_notify_fifo|notify_priority_changes|notify_deleted|notify_master_rx_lower_pri)\b/,
      "notify_fifo /run/x",
      "Keepalived 1.3.6 and later",
    ],
    [
      /^\s*unicast_fault_no_peer\b|^\s*(\d+\.){3}\d+ (min_ttl|max_ttl)\b/,
      "10.0.0.1 min_ttl 255",
      "Keepalived 2.2",
    ],
    [/^\s*(priority|weight)\s+\S+\s+reverse\b/, "weight 2 reverse", "Keepalived 2.1"],
  ]),
  ...words(
    "rabbitmq",
    "https://www.rabbitmq.com/docs/configure and the release notes of 3.10 to 4.0; CentOS 7 has 3.9",
    [
      [/^default_queue_type\b/, "default_queue_type = quorum", "RabbitMQ 3.12.14, 3.13.3"],
      [
        /^(deprecated_features|default_policies|default_users|message_interceptors|quorum_queue|classic_queue)\./,
        "deprecated_features.permit.ram_node_type = false",
        "RabbitMQ 3.12 and later",
      ],
      [
        /^cluster_formation\.target_cluster_size_hint\b/,
        "cluster_formation.target_cluster_size_hint = 3",
        "RabbitMQ 3.10",
      ],
      [
        /^(net_ticktime|ssl_options\.bypass_pem_cache|definitions\.skip_if_unchanged|log\.(exchange\.formatter|summarize_process_limits)|connection_max|channel_max_per_node|cluster_tags\.\S+|node_tags\.\S+)\b/,
        "connection_max = 5",
        "RabbitMQ 3.10 and later",
      ],
    ],
  ),
];
