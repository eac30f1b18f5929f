script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# The program that does everything else here; its text is on standard input.
if ! /usr/bin/python3 -c '' 2>/dev/null; then
  log=/var/log/rabbitmq-ha-packages.log
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  manage() { apt-get -o DPkg::Lock::Timeout=300 -y "$@" </dev/null >>"$log" 2>&1; }
  manage install --no-install-recommends python3-minimal ||
    { manage update && manage install --no-install-recommends python3-minimal; } || true
  if ! /usr/bin/python3 -c '' 2>/dev/null; then
    echo "$(hostname): /usr/bin/python3, which all other steps need, could not be installed; the end of $log:" >&2
    tail -n 10 "$log" >&2
    exit 1
  fi
fi
installer=$(
  cat <<'END_OF_INSTALLER'
import base64, compileall, os, sys, zlib

version, home, launcher = sys.argv[1:4]
data = zlib.decompress(base64.b64decode(sys.stdin.read()))
folder = os.path.join(home, version)


def is_there(path, text, mode):
    try:
        with open(path, "rb") as file:
            return file.read() == text and os.stat(path).st_mode & 0o777 == mode
    except OSError:
        return False


def write(path, text, mode):
    if is_there(path, text, mode):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "wb") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    os.rename(path + ".new", path)


files = {}
while data:
    name, length, data = data.split(b"\n", 2)
    files[name.decode()], data = data[: int(length)], data[int(length) :]
for name, text in files.items():
    write(os.path.join(folder, name), text, 0o644)
compileall.compile_dir(folder, quiet=1)
current = os.path.join(home, "current")
if not os.path.islink(current) or os.readlink(current) != version:
    if os.path.islink(current + ".new"):
        os.unlink(current + ".new")
    os.symlink(version, current + ".new")
    os.rename(current + ".new", current)
write(launcher, files["agent/rabbitmq-ha"], 0o755)
sys.path.insert(0, current)
from agent import installed

installed.finish(home, version)
END_OF_INSTALLER
)
/usr/bin/python3 -IS -c "$installer" PROGRAM-VERSION /usr/local/lib/rabbitmq-ha /usr/local/bin/rabbitmq-ha
END_OF_SCRIPT
)
code=0
flock -w 330 /run/lock/rabbitmq-ha-ready timeout -k 10 300 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): program was not done after 300 s and was stopped" >&2
  # What has left the script's process group, as su's commands do, would keep the connection open for ever.
  out=$(readlink /proc/$$/fd/1)
  case $out in
  pipe:* | socket:*)
    for left in $(find /proc -maxdepth 3 -path '/proc/[0-9]*/fd/1' -lname "${out//[][]/?}" 2>/dev/null | cut -d / -f 3); do
      [ "$left" = $$ ] || kill -KILL "$left" 2>/dev/null
    done
    ;;
  esac
  ;;
esac
exit $code
