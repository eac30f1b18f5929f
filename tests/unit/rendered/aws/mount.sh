script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# Standard input is the ID of the volume that holds the broker's data; it stays when the machine is another one.
volume=$(cat)
target=/var/lib/rabbitmq
link=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volume/-/}
until [ -b "$link" ]; do
  if [ $SECONDS -ge 60 ]; then
    echo "cent120: the volume $volume has not appeared as $link after 60 s" >&2
    exit 1
  fi
  sleep 1
done
# An empty volume, and only such a one, gets a file system.
code=0
found=$(blkid -p -o export "$link") || code=$?
if [ $code = 2 ]; then
  mkfs.ext4 -q -m 1 "$link"
  found=$(blkid -p -o export "$link")
fi
if ! grep -qx USAGE=filesystem <<<"$found"; then
  echo "cent120: the volume $volume holds something that is no file system; empty it, or take another one" >&2
  exit 1
fi
field() { sed -n "s/^$1=//p" <<<"$found"; }
line="UUID=$(field UUID) $target $(field TYPE) defaults,noatime,nofail,x-systemd.device-timeout=60 0 2"
mkdir -p "$target"
if ! grep -qxF "$line" /etc/fstab; then
  candidate=$(mktemp /etc/fstab.XXXXXX)
  awk -v target="$target" '$2 != target' /etc/fstab >"$candidate"
  echo "$line" >>"$candidate"
  chmod 0644 "$candidate"
  mv -f "$candidate" /etc/fstab
  systemctl daemon-reload
fi
if ! mountpoint -q "$target"; then
  if [ -n "$(ls -A "$target")" ]; then
    echo "cent120: $target holds data on the machine's own disk, which the volume would hide; move it away first" >&2
    exit 1
  fi
  mount "$target"
fi
# Data of an earlier machine's belongs to a user of that machine's; the package's own user gets the same number.
owner=$(stat -c %u "$target")
group=$(stat -c %g "$target")
if [ "$owner" != 0 ] && ! getent passwd rabbitmq >/dev/null; then
  if getent passwd "$owner" >/dev/null; then
    echo "cent120: the data on $volume belongs to user $owner, who is somebody else on this image; chown it to a free number" >&2
    exit 1
  fi
  getent group "$group" >/dev/null || groupadd -r -g "$group" rabbitmq
  useradd -r -u "$owner" -g "$group" -d "$target" -M -s /usr/sbin/nologin rabbitmq
fi
if command -v restorecon >/dev/null; then restorecon "$target" || true; fi
END_OF_SCRIPT
)
code=0
sudo -n flock -w 210 /run/lock/rabbitmq-ha-cent120-mount timeout -k 10 180 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent120-mount was not done after 180 s and was stopped" >&2
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
