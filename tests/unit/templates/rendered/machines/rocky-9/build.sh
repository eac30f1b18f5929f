set -eu
# Runs in a container of the lab's base image, which becomes the stand-in; /mirror becomes the mirror.
export DEBIAN_FRONTEND=noninteractive
own=/usr/lib/stand-in
work=$(mktemp -d /var/tmp/stand-in.XXXXXX)
log=$work/log
mkdir -p "$own/debian" "$work/debs" /mirror/{BaseOS,AppStream,extras}/x86_64/os /mirror/{rabbitmq,haproxy}
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
    printf '\n%%description\n%s of the Rocky 9 stand-in.\n\n%%install\ncp -a %s/. %%{buildroot}/\n\n%%files\n%%defattr(-,root,root,-)\n' \
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
After=network-online.target syslog.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=all
PIDFile=/run/keepalived.pid
KillMode=process
EnvironmentFile=-/etc/sysconfig/keepalived
ExecStart=/usr/sbin/keepalived --dont-fork $KEEPALIVED_OPTIONS
ExecReload=/bin/kill -HUP $MAINPID

[Install]
WantedBy=multi-user.target
END
pack "$work/keepalived" keepalived 2.2.8 4.el9_5 x86_64 /mirror/AppStream/x86_64/os <<'END'
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
After=network-online.target
Wants=network-online.target

[Service]
Environment="CONFIG=/etc/haproxy/haproxy.cfg" "PIDFILE=/run/haproxy.pid" "CFGDIR=/etc/haproxy/conf.d"
EnvironmentFile=/etc/sysconfig/haproxy
ExecStartPre=/usr/sbin/haproxy -f $CONFIG -f $CFGDIR -c -q $OPTIONS
ExecStart=/usr/sbin/haproxy -Ws -f $CONFIG -f $CFGDIR -p $PIDFILE $OPTIONS
ExecReload=/usr/sbin/haproxy -f $CONFIG -f $CFGDIR -c -q $OPTIONS
ExecReload=/bin/kill -USR2 $MAINPID
KillMode=mixed
SuccessExitStatus=143
Type=notify

[Install]
WantedBy=multi-user.target
END
mkdir "$work/haproxy/etc/haproxy/conf.d"
pack "$work/haproxy" haproxy 2.4.22 3.el9_5.1 x86_64 /mirror/AppStream/x86_64/os <<'END'
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
pack "$work/socat" socat 1.7.4.1 6.el9 x86_64 /mirror/AppStream/x86_64/os <<'END'
%post
ldconfig
END
unpack "$work/iputils" iputils-arping
mkdir -p "$work/iputils/usr/sbin"
ln -sf ../bin/arping "$work/iputils/usr/sbin/arping"
pack "$work/iputils" iputils 20210202 10.el9_5 x86_64 /mirror/BaseOS/x86_64/os </dev/null

note "repacking the compiler"
unpack "$work/gcc" gcc
ln -sf gcc "$work/gcc/usr/bin/cc"
pack "$work/gcc" gcc 11.5.0 5.el9_5 x86_64 /mirror/AppStream/x86_64/os <<'END'
%post
ldconfig
END
unpack "$work/make" make
pack "$work/make" make 4.3 8.el9 x86_64 /mirror/AppStream/x86_64/os </dev/null
while read -r name version release package; do
  unpack "$work/$name" "$package"
  pack "$work/$name" "$name" "$version" "$release" x86_64 /mirror/AppStream/x86_64/os <<'END'
%post
ldconfig
END
done <<'END'
glibc-devel 2.34 125.el9_5.1 libc6-dev
openssl-devel 3.2.2 6.el9_5 libssl-dev
pcre-devel 8.44 4.el9 libpcre3-dev
zlib-devel 1.2.11 40.el9 zlib1g-dev
systemd-devel 252 46.el9_5.2 libsystemd-dev
END

note "repacking erlang and rabbitmq-server"
mapfile -t erlang < <(apt -s install rabbitmq-server | awk '$1 == "Inst" && $2 ~ /^erlang-/ { print $2 }')
unpack "$work/erlang" "${erlang[@]}"
pack "$work/erlang" erlang 26.2.5.6 1.el9 x86_64 /mirror/rabbitmq <<'END'
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
pack "$work/server" rabbitmq-server 3.13.7 1.el8 noarch /mirror/rabbitmq <<'END'
Requires: erlang >= 26.0
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

note "making this Rocky 9"
release=$work/rocky-release
mkdir -p "$release"/{etc/yum.repos.d,etc/pki/rpm-gpg,usr/lib}
export GNUPGHOME=$work/keys
mkdir -m 0700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'Rocky 9 stand-in' rsa2048 sign never >>"$log" 2>&1
gpg --armor --export >"$release/etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9"
mkdir -p "$release/etc/dnf/vars"
cat >"$release/etc/yum.repos.d/rocky.repo" <<'END'
# rocky.repo
#
# The mirrorlist system uses the connecting IP address of the client and the update status of each mirror.
# If the mirrorlist does not work for you, you can try the commented out baseurl line instead.

[baseos]
name=Rocky Linux $releasever - BaseOS
mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype
#baseurl=http://dl.rockylinux.org/$contentdir/$releasever/BaseOS/$basearch/os/
gpgcheck=1
enabled=1
countme=1
metadata_expire=6h
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9

[appstream]
name=Rocky Linux $releasever - AppStream
mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=AppStream-$releasever$rltype
#baseurl=http://dl.rockylinux.org/$contentdir/$releasever/AppStream/$basearch/os/
gpgcheck=1
enabled=1
countme=1
metadata_expire=6h
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9

[crb]
name=Rocky Linux $releasever - CRB
mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=CRB-$releasever$rltype
#baseurl=http://dl.rockylinux.org/$contentdir/$releasever/CRB/$basearch/os/
gpgcheck=1
enabled=0
countme=1
metadata_expire=6h
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9
END
cat >"$release/etc/yum.repos.d/rocky-extras.repo" <<'END'
# rocky-extras.repo
#
# The mirrorlist system uses the connecting IP address of the client and the update status of each mirror.
# If the mirrorlist does not work for you, you can try the commented out baseurl line instead.

[extras]
name=Rocky Linux $releasever - Extras
mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=extras-$releasever$rltype
#baseurl=http://dl.rockylinux.org/$contentdir/$releasever/extras/$basearch/os/
gpgcheck=1
enabled=1
countme=1
metadata_expire=6h
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9
END
cat >"$release/usr/lib/os-release" <<'END'
NAME="Rocky Linux"
VERSION="9.5 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.5"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Rocky Linux 9.5 (Blue Onyx)"
ANSI_COLOR="0;32"
LOGO="fedora-logo-icon"
CPE_NAME="cpe:/o:rocky:rocky:9::baseos"
HOME_URL="https://rockylinux.org/"
VENDOR_NAME="RESF"
SUPPORT_END="2032-05-31"
ROCKY_SUPPORT_PRODUCT="Rocky-Linux-9"
ROCKY_SUPPORT_PRODUCT_VERSION="9.5"
REDHAT_SUPPORT_PRODUCT="Rocky Linux"
REDHAT_SUPPORT_PRODUCT_VERSION="9.5"
END
echo pub/rocky >"$release/etc/dnf/vars/contentdir"
echo >"$release/etc/dnf/vars/rltype"
echo 'Rocky Linux release 9.5 (Blue Onyx)' >"$release/etc/rocky-release"
ln -s rocky-release "$release/etc/redhat-release"
ln -s rocky-release "$release/etc/system-release"
pack "$release" rocky-release 9.5 1.2.el9 x86_64 /mirror/BaseOS/x86_64/os <<'END'
Provides: system-release = 9
Provides: system-release(releasever) = 9
END
# What the image has from Debian has to be known to rpm by its Rocky name: it is asked for, and needed by scriptlets.
mkdir "$work/nothing"
for name in bash ca-certificates coreutils curl firewalld gzip hostname iproute logrotate openssh-server openssl procps-ng python3 sudo \
  systemd tar util-linux; do
  pack "$work/nothing" "$name" 9.5 1.el9 x86_64 /mirror/BaseOS/x86_64/os <<END
Provides: $([ "$name" != bash ] || echo /bin/sh, /bin/bash,) stand-in($name)
END
done
note "signing and indexing"
rpmsign --define '_gpg_name Rocky 9 stand-in' --define '__gpg /usr/bin/gpg' --addsign /mirror/{BaseOS,AppStream}/x86_64/os/*.rpm >>"$log" 2>&1
gpgconf --kill all
for repository in BaseOS AppStream extras; do
  createrepo_c --quiet "/mirror/$repository/x86_64/os" >>"$log" 2>&1
done
rpm --force-debian -i /mirror/BaseOS/x86_64/os/{rocky-release-,*-9.5-1.el9.}*.rpm >>"$log" 2>&1
cat >/etc/dnf/dnf.conf <<'END'
[main]
gpgcheck=1
installonly_limit=3
clean_requirements_on_remove=True
best=True
skip_if_unavailable=False
END
ln -s dnf/dnf.conf /etc/yum.conf
mkdir -p /etc/sysconfig

# What Rocky 9 has not goes out of sight.
apt clean
for command in /usr/bin/{apt,apt-*,dpkg,dpkg-*,deb-*,debconf*} /usr/sbin/{dpkg-*,update-rc.d,invoke-rc.d,adduser,addgroup,deluser,delgroup}; do
  if [ -e "$command" ]; then mv "$command" "$own/debian/"; fi
done
ln -s useradd /usr/sbin/adduser
rm -rf /usr/sbin/policy-rc.d /etc/debian_version /etc/apt /etc/dpkg /var/lib/apt/lists /usr/lib/apt
ln -s dnf-3 /usr/bin/yum
rm /usr/bin/python
echo 'Defaults secure_path="/sbin:/bin:/usr/sbin:/usr/bin"' >/etc/sudoers.d/secure-path
rm -f /etc/systemd/system/timers.target.wants/dnf-makecache.timer
rm -rf "$work"
echo "stand-in: done ($SECONDS s)"
