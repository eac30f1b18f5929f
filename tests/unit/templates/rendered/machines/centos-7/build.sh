set -eu
# Runs in a container of the lab's base image, which becomes the stand-in; /mirror becomes the mirror.
export DEBIAN_FRONTEND=noninteractive
own=/usr/lib/stand-in
work=$(mktemp -d /var/tmp/stand-in.XXXXXX)
log=$work/log
mkdir -p "$own/debian" "$work/debs" /mirror/{os,updates,extras}/x86_64 /mirror/{rabbitmq,haproxy}
trap '[ $? = 0 ] || tail -n 20 "$log" >&2' EXIT
apt() { apt-get -qq -y --no-install-recommends -o Acquire::Retries=3 -o APT::Sandbox::User=root "$@" </dev/null; }
note() { echo "stand-in: $* ($SECONDS s)"; }

# What is fetched here is of no use to the lab's hosts.
rm -f /etc/apt/apt.conf.d/90lab-cache
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
note "reading the package lists"
apt update >>"$log" 2>&1
note "installing rpm, dnf and firewalld"
apt install dnf rpm createrepo-c gpg gpg-agent firewalld netbase python-is-python3 logrotate openssl xz-utils bzip2 >>"$log" 2>&1

# What Debian calls a package is unpacked with all that it needs and the image lacks, but for what another RPM has.
others='^$'
unpack() { # FOLDER PACKAGE...
  local root=$1 package
  shift
  mkdir -p "$root"
  for package in $(apt -s install "$@" | awk -v others="$others" '$1 == "Inst" && $2 !~ others { print $2 }'); do
    if ! ls "$work/debs/${package}"_*.deb >/dev/null 2>&1; then
      (cd "$work/debs" && apt download "$package" >>"$log" 2>&1)
    fi
    dpkg-deb -x "$work/debs/${package}"_*.deb "$root"
  done
  # The folders of the root are links on a merged system, and a package must not replace them.
  for package in bin sbin lib lib64; do
    if [ -d "$root/$package" ] && [ ! -L "$root/$package" ]; then
      mkdir -p "$root/usr/$package"
      cp -a "$root/$package/." "$root/usr/$package/"
      rm -rf "${root:?}/$package"
    fi
  done
  rm -rf "$root"/usr/share/{doc,man,lintian,bug,info,locale,bash-completion,gcc,gdb} "$root"/usr/lib/{systemd,tmpfiles.d,ocf} \
    "$root"/etc/{init.d,default,apparmor.d,rsyslog.d,insserv.conf.d}
}

# What is in the folder becomes an RPM; further lines of its spec come on standard input.
pack() { # FOLDER NAME VERSION RELEASE ARCHITECTURE WHERE
  local root=$1 name=$2 version=$3 release=$4 architecture=$5 where=$6
  {
    echo "Name: $name"
    echo "Version: $version"
    echo "Release: $release"
    echo "Summary: $name"
    echo "License: see the Debian package"
    echo "AutoReqProv: no"
    cat
    printf '\n%%description\n%s of the CentOS 7 stand-in.\n\n%%install\ncp -a %s/. %%{buildroot}/\n\n%%files\n%%defattr(-,root,root,-)\n' \
      "$name" "$root"
    (cd "$root" && find . ! -type d -printf '"/%P"\n' -o -type d -empty -printf '%%dir "/%P"\n') |
      sed 's,^"/etc/,%config(noreplace) &,'
  } >"$work/$name.spec"
  rpmbuild -bb --target "$architecture" --define "_topdir $work/rpm" --define "_rpmdir $where" \
    --define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' --define '_binary_payload w1.gzdio' \
    --define 'debug_package %{nil}' --define '__os_install_post %{nil}' --define '_build_id_links none' \
    "$work/$name.spec" >>"$log" 2>&1
}

note "repacking keepalived, haproxy, socat, iputils"
unpack "$work/keepalived" keepalived
mkdir -p "$work/keepalived"/{etc/{sysconfig,keepalived},usr/lib/systemd/system}
echo 'KEEPALIVED_OPTIONS="-D"' >"$work/keepalived/etc/sysconfig/keepalived"
echo '! Configuration File for keepalived' >"$work/keepalived/etc/keepalived/keepalived.conf"
cat >"$work/keepalived/usr/lib/systemd/system/keepalived.service" <<'END'
[Unit]
Description=LVS and VRRP High Availability Monitor
After=syslog.target network-online.target

[Service]
Type=forking
PIDFile=/var/run/keepalived.pid
KillMode=process
EnvironmentFile=-/etc/sysconfig/keepalived
ExecStart=/usr/sbin/keepalived $KEEPALIVED_OPTIONS
ExecReload=/bin/kill -HUP $MAINPID

[Install]
WantedBy=multi-user.target
END
pack "$work/keepalived" keepalived 1.3.5 19.el7 x86_64 /mirror/os/x86_64 <<'END'
%post
ldconfig
systemctl daemon-reload >/dev/null 2>&1 || :
%preun
if [ $1 = 0 ]; then systemctl disable keepalived.service >/dev/null 2>&1; systemctl stop keepalived.service >/dev/null 2>&1; fi || :
END

unpack "$work/haproxy" haproxy
mkdir -p "$work/haproxy"/{etc/{sysconfig,haproxy,logrotate.d},usr/lib/systemd/system,var/lib/haproxy}
rm -rf "$work/haproxy/etc/haproxy/errors" "$work/haproxy/var/lib/haproxy/dev"
printf '# Add extra options to the haproxy daemon here.\nOPTIONS=""\n' >"$work/haproxy/etc/sysconfig/haproxy"
cat >"$work/haproxy/etc/haproxy/haproxy.cfg" <<'END'
# What the package brings, until somebody writes another.
global
    log         127.0.0.1 local2
    chroot      /var/lib/haproxy
    maxconn     4000
    user        haproxy
    group       haproxy
    daemon
    stats socket /var/lib/haproxy/stats

defaults
    mode                    http
    log                     global
    timeout connect         10s
    timeout client          1m
    timeout server          1m
    maxconn                 3000

frontend main
    bind *:5000
    default_backend app

backend app
    balance roundrobin
    server app1 127.0.0.1:5001 check
END
cat >"$work/haproxy/usr/lib/systemd/system/haproxy.service" <<'END'
[Unit]
Description=HAProxy Load Balancer
After=syslog.target network.target

[Service]
EnvironmentFile=/etc/sysconfig/haproxy
ExecStart=/usr/sbin/haproxy-systemd-wrapper -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid $OPTIONS
ExecReload=/bin/kill -USR2 $MAINPID
KillMode=mixed

[Install]
WantedBy=multi-user.target
END
cat >"$work/haproxy/usr/sbin/haproxy-systemd-wrapper" <<'END'
#!/bin/sh
# Its own program until HAProxy 1.8 learnt to do this by itself.
exec /usr/sbin/haproxy -W -db "$@"
END
chmod 0755 "$work/haproxy/usr/sbin/haproxy-systemd-wrapper"
pack "$work/haproxy" haproxy 1.5.18 9.el7_9.1 x86_64 /mirror/os/x86_64 <<'END'
%pre
getent group haproxy >/dev/null || groupadd -g 188 -r haproxy
getent passwd haproxy >/dev/null || useradd -u 188 -r -g haproxy -d /var/lib/haproxy -s /sbin/nologin -c "haproxy" haproxy
%post
ldconfig
systemctl daemon-reload >/dev/null 2>&1 || :
%preun
if [ $1 = 0 ]; then systemctl disable haproxy.service >/dev/null 2>&1; systemctl stop haproxy.service >/dev/null 2>&1; fi || :
END

unpack "$work/socat" socat
pack "$work/socat" socat 1.7.3.2 2.el7 x86_64 /mirror/os/x86_64 <<'END'
%post
ldconfig
END
unpack "$work/iputils" iputils-arping
mkdir -p "$work/iputils/usr/sbin"
ln -sf ../bin/arping "$work/iputils/usr/sbin/arping"
pack "$work/iputils" iputils 20160308 10.el7 x86_64 /mirror/os/x86_64 </dev/null

note "repacking the compiler"
unpack "$work/gcc" gcc
ln -sf gcc "$work/gcc/usr/bin/cc"
pack "$work/gcc" gcc 4.8.5 44.el7 x86_64 /mirror/os/x86_64 <<'END'
%post
ldconfig
END
unpack "$work/make" make
pack "$work/make" make 3.82 24.el7 x86_64 /mirror/os/x86_64 </dev/null
while read -r name version release package; do
  unpack "$work/$name" "$package"
  pack "$work/$name" "$name" "$version" "$release" x86_64 /mirror/os/x86_64 <<'END'
%post
ldconfig
END
done <<'END'
glibc-devel 2.17 326.el7_9 libc6-dev
openssl-devel 1.0.2k 26.el7_9 libssl-dev
pcre-devel 8.32 17.el7 libpcre3-dev
zlib-devel 1.2.7 21.el7_9 zlib1g-dev
systemd-devel 219 78.el7_9.9 libsystemd-dev
END

note "repacking erlang and rabbitmq-server"
mapfile -t erlang < <(apt -s install rabbitmq-server | awk '$1 == "Inst" && $2 ~ /^erlang-/ { print $2 }')
unpack "$work/erlang" "${erlang[@]}"
pack "$work/erlang" erlang 23.3.4.18 1.el7 x86_64 /mirror/rabbitmq <<'END'
%post
ldconfig
END
others='^(erlang-|socat$|libwrap0$)'
unpack "$work/server" rabbitmq-server
others='^$'
mkdir -p "$work/server"/{usr/lib/systemd/system,etc/rabbitmq,var/lib/rabbitmq/mnesia,var/log/rabbitmq}
cat >"$work/server/usr/lib/systemd/system/rabbitmq-server.service" <<'END'
[Unit]
Description=RabbitMQ broker
After=syslog.target network.target

[Service]
Type=notify
User=rabbitmq
Group=rabbitmq
UMask=0027
NotifyAccess=all
TimeoutStartSec=600
LimitNOFILE=32768
Restart=on-failure
RestartSec=10
WorkingDirectory=/var/lib/rabbitmq
ExecStart=/usr/sbin/rabbitmq-server
ExecStop=/usr/sbin/rabbitmqctl shutdown
SuccessExitStatus=69

[Install]
WantedBy=multi-user.target
END
pack "$work/server" rabbitmq-server 3.9.16 1.el7 noarch /mirror/rabbitmq <<'END'
Requires: erlang >= 23.2
Requires: socat
%pre
getent group rabbitmq >/dev/null || groupadd -r rabbitmq
getent passwd rabbitmq >/dev/null || useradd -r -g rabbitmq -d /var/lib/rabbitmq -s /sbin/nologin -c "RabbitMQ messaging server" rabbitmq
%post
chown -R rabbitmq:rabbitmq /var/lib/rabbitmq /var/log/rabbitmq
chgrp rabbitmq /etc/rabbitmq
chmod 0750 /var/lib/rabbitmq /var/log/rabbitmq
systemctl daemon-reload >/dev/null 2>&1 || :
%preun
if [ $1 = 0 ]; then systemctl disable rabbitmq-server.service >/dev/null 2>&1; systemctl stop rabbitmq-server.service >/dev/null 2>&1; fi || :
END

note "fetching HAProxy's source"
# From the release alone: where only packages are mirrored of the security updates, their sources are not there.
sed -n 's/^deb /deb-src /p; q' /etc/apt/sources.list >"$work/sources.list"
mkdir -p "$work/lists/partial"
from=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$work/lists")
(cd "$work" && apt "${from[@]}" update && apt "${from[@]}" source --download-only haproxy) >>"$log" 2>&1
for archive in "$work"/haproxy_*.orig.tar.gz; do
  version=${archive##*/haproxy_}
  cp "$archive" "/mirror/haproxy/haproxy-${version%.orig.tar.gz}.tar.gz"
done

note "making this CentOS 7"
release=$work/centos-release
mkdir -p "$release"/{etc/yum.repos.d,etc/pki/rpm-gpg,usr/lib}
export GNUPGHOME=$work/keys
mkdir -m 0700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'CentOS 7 stand-in' rsa2048 sign never >>"$log" 2>&1
gpg --armor --export >"$release/etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7"
cat >"$release/etc/yum.repos.d/CentOS-Base.repo" <<'END'
# CentOS-Base.repo
#
# The mirror system uses the connecting IP address of the client and the update status of each mirror.
# If the mirrorlist= does not work, the commented baseurl= can be tried instead.

[base]
name=CentOS-$releasever - Base
mirrorlist=http://mirrorlist.centos.org/?release=$releasever&arch=$basearch&repo=os&infra=$infra
#baseurl=http://mirror.centos.org/centos/$releasever/os/$basearch/
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7

[updates]
name=CentOS-$releasever - Updates
mirrorlist=http://mirrorlist.centos.org/?release=$releasever&arch=$basearch&repo=updates&infra=$infra
#baseurl=http://mirror.centos.org/centos/$releasever/updates/$basearch/
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7

[extras]
name=CentOS-$releasever - Extras
mirrorlist=http://mirrorlist.centos.org/?release=$releasever&arch=$basearch&repo=extras&infra=$infra
#baseurl=http://mirror.centos.org/centos/$releasever/extras/$basearch/
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7

[centosplus]
name=CentOS-$releasever - Plus
mirrorlist=http://mirrorlist.centos.org/?release=$releasever&arch=$basearch&repo=centosplus&infra=$infra
#baseurl=http://mirror.centos.org/centos/$releasever/centosplus/$basearch/
gpgcheck=1
enabled=0
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7
END
cat >"$release/usr/lib/os-release" <<'END'
NAME="CentOS Linux"
VERSION="7 (Core)"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="7"
PRETTY_NAME="CentOS Linux 7 (Core)"
ANSI_COLOR="0;31"
CPE_NAME="cpe:/o:centos:centos:7"
CENTOS_MANTISBT_PROJECT="CentOS-7"
CENTOS_MANTISBT_PROJECT_VERSION="7"
REDHAT_SUPPORT_PRODUCT="centos"
REDHAT_SUPPORT_PRODUCT_VERSION="7"
END
echo 'CentOS Linux release 7.9.2009 (Core)' >"$release/etc/centos-release"
ln -s centos-release "$release/etc/redhat-release"
ln -s centos-release "$release/etc/system-release"
pack "$release" centos-release 7 9.2009.1.el7.centos x86_64 /mirror/os/x86_64 <<'END'
Provides: system-release = 7
Provides: system-release(releasever) = 7
END
# What the image has from Debian has to be known to rpm by its CentOS name: it is asked for, and needed by scriptlets.
mkdir "$work/nothing"
for name in bash ca-certificates coreutils curl firewalld gzip hostname iproute logrotate openssh-server openssl procps-ng python sudo \
  systemd tar util-linux; do
  pack "$work/nothing" "$name" 7.9 1.el7 x86_64 /mirror/os/x86_64 <<END
Provides: $([ "$name" != bash ] || echo /bin/sh, /bin/bash,) stand-in($name)
END
done
note "signing and indexing"
rpmsign --define '_gpg_name CentOS 7 stand-in' --define '__gpg /usr/bin/gpg' --addsign /mirror/os/x86_64/*.rpm >>"$log" 2>&1
gpgconf --kill all
for repository in os updates extras; do
  createrepo_c --quiet "/mirror/$repository/x86_64" >>"$log" 2>&1
done
rpm --force-debian -i /mirror/os/x86_64/{centos-release-,*-7.9-1.el7.}*.rpm >>"$log" 2>&1
cat >/etc/yum.conf <<'END'
[main]
cachedir=/var/cache/yum/$basearch/$releasever
keepcache=0
gpgcheck=1
plugins=1
installonly_limit=5
# As yum 3.4 does: of several packages, those that exist are installed.
strict=0
skip_if_unavailable=0
END
ln -sf ../yum.conf /etc/dnf/dnf.conf
mkdir -p /etc/sysconfig /etc/yum/vars
echo stock >/etc/yum/vars/infra

# What CentOS 7 has not goes out of sight.
apt clean
for command in /usr/bin/{apt,apt-*,dpkg,dpkg-*,deb-*,debconf*} /usr/sbin/{dpkg-*,update-rc.d,invoke-rc.d,adduser,addgroup,deluser,delgroup}; do
  if [ -e "$command" ]; then mv "$command" "$own/debian/"; fi
done
ln -s useradd /usr/sbin/adduser
rm -rf /usr/sbin/policy-rc.d /etc/debian_version /etc/apt /etc/dpkg /var/lib/apt/lists /usr/lib/apt
mv /usr/bin/systemctl "$own/systemctl"
cp -L /usr/bin/dnf "$own/dnf"
rm -f /usr/bin/dnf /usr/bin/dnf-3 /usr/bin/dnf4
cat >/usr/bin/yum <<'END'
#!/bin/bash
# yum 3.4's command line before dnf: what it does not know fails as it would there.
for word in "$@"; do
  case $word in
  --allowerasing | --best | --nobest | --refresh | --forcearch* | --repo | --repo=* | --advisory* | --setopt=*.module_hotfixes*)
    printf 'Usage: yum [options] COMMAND\n\nCommand line error: no such option: %s\n' "${word%%=*}" >&2
    exit 1
    ;;
  module | alias | builddep | copr | config-manager | download | mark)
    printf 'No such command: %s. Please use /usr/bin/yum --help\n' "$word" >&2
    exit 1
    ;;
  esac
done
case " $* " in
*" install "*) ;;
*) exec /usr/lib/stand-in/dnf "$@" ;;
esac
# Where none of the packages exists, yum fails.
said=$(mktemp)
trap 'rm -f "$said"' EXIT
/usr/lib/stand-in/dnf "$@" 2>&1 | tee "$said"
code=${PIPESTATUS[0]}
if [ "$code" = 0 ] && grep -q '^No match for argument' "$said" && grep -qx 'Nothing to do.' "$said"; then
  echo 'Error: Nothing to do' >&2
  exit 1
fi
exit "$code"
END
cat >/usr/bin/systemctl <<'END'
#!/bin/bash
# systemd 219's command line: what came later fails as it would there.
for word in "$@"; do
  case $word in
  --now | --value | --wait | --with-dependencies | --what* | --show-transaction)
    printf "systemctl: unrecognized option '%s'\n" "$word" >&2
    exit 1
    ;;
  revert | clean | freeze | thaw | bind | mount-image | service-log-level | log-level)
    printf "Unknown operation '%s'.\n" "$word" >&2
    exit 1
    ;;
  esac
done
exec -a "${0##*/}" /usr/lib/stand-in/systemctl "$@"
END
chmod 0755 /usr/bin/yum /usr/bin/systemctl
echo 'Defaults secure_path="/sbin:/bin:/usr/sbin:/usr/bin"' >/etc/sudoers.d/secure-path
rm -f /etc/systemd/system/timers.target.wants/dnf-makecache.timer
rm -rf "$work"
echo "stand-in: done ($SECONDS s)"
