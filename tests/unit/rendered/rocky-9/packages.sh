script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# Where a version is stated: NAME=VERSION.
names=(erlang rabbitmq-server=3.13.7-1.el8 )
log=/var/log/rabbitmq-ha-packages.log
# What is being installed. Who is killed meanwhile leaves it, and a package that it names may be there by half.
mark=/var/lib/rabbitmq-ha/installing
installed() { rpm -q "${@%%=*}" >/dev/null 2>&1; }
missing=()
again=()
for name in "${names[@]}"; do
  if ! installed "$name"; then
    missing+=("$name")
  elif grep -qsxF "$name" $mark; then
    again+=("$name")
  fi
done
if [ $((${#missing[@]} + ${#again[@]})) = 0 ]; then
  exit 0
fi
mkdir -p "${mark%/*}"
printf '%s\n' "${missing[@]:-}" "${again[@]:-}" >$mark
: >"$log"
# Files that say where packages come from: each is made from what it was before, which is kept.
mirror=''
# shellcheck disable=SC2016 # variables of the installer's own
archive='https?://(dl\.rockylinux\.org/\$contentdir|repo\.almalinux\.org/almalinux)/\$releasever'
# What the files that say where packages come from were before a mirror stood in for the system's own archive.
kept=/var/lib/rabbitmq-ha/sources
give_back() { # every file as it was
  local copy
  for copy in $(cd $kept/files 2>/dev/null && find . -type f); do cp -p "$kept/files/$copy" "/$copy"; done
  rm -rf "${kept:?}"
}
noted=$(cat $kept/mirror 2>/dev/null || true)
point() { # FILE OPTION...: the file as sed makes it, with the mirror in the archive's place
  local file=$1 copy=$kept/files$1 base=$1
  shift
  # What another mirror stands in can no longer be told from what was there before it.
  if [ -e "$copy" ] && [ "$noted" != "$mirror" ]; then base=$copy; fi
  if sed -E "$@" "$base" | cmp -s - "$file"; then return; fi
  if [ "$base" = "$file" ]; then
    mkdir -p "$(dirname "$copy")"
    cp -p "$file" "$copy"
  fi
  cp -p "$file" "$file.rabbitmq-ha"
  sed -E "$@" "$base" >"$file.rabbitmq-ha"
  mv -f "$file.rabbitmq-ha" "$file"
}
note_mirror() {
  mkdir -p $kept
  echo "$mirror" >$kept/mirror
}
if [ -z "$mirror" ]; then
  if [ -n "$noted" ]; then give_back; fi
else
  for file in /etc/yum.repos.d/*.repo; do
    # The addresses that they have as a rule are those of lists of mirrors, CentOS 7's of one that is gone.
    if grep -qsE "^#? ?baseurl=$archive/" "$file" || [ -e "$kept/files$file" ]; then
      point "$file" -e 's!^mirrorlist=!#mirrorlist=!' -e "s!^#? ?baseurl=$archive/!baseurl=$mirror/!"
    fi
  done
  note_mirror
fi
# It waits by itself while somebody else installs.
manage() { dnf -y "$@" </dev/null >>"$log" 2>&1; }
# A package that is not there is no error to yum, so it is looked after.
finish() {
  if ! installed "${names[@]}"; then
    echo "$(hostname): of ${names[*]} not all could be installed; the end of $log:" >&2
    tail -n 20 "$log" >&2
    exit 1
  fi
  rm -f $mark
}
if [ ${#again[@]} != 0 ]; then manage reinstall "${again[@]/=/-}" || true; fi
if [ ${#missing[@]} != 0 ]; then manage install "${missing[@]/=/-}" || true; fi
finish
END_OF_SCRIPT
)
code=0
sudo -n flock -w 930 /run/lock/rabbitmq-ha-packages timeout -k 10 900 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): packages was not done after 900 s and was stopped" >&2
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
