script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# The running broker is told, since it reads the file at its start only; the tool writes the file too.
# A plug-in that failed too often, or what it is built on, has ended for good while the broker serves on. This starts
# what has ended of those that are enabled, and lists it in brackets. The management agent still counts as running when
# its supervisor alone has ended (seen with 3.10.8), so it is stopped where the process that tells of the node is missing.
start_plugins() {
  timeout 60 rabbitmqctl -q eval "Plugins = [$(tr -d '[]. \n' </etc/rabbitmq/enabled_plugins)],
  whereis(rabbit_mgmt_external_stats) =:= undefined andalso application:stop(rabbitmq_management_agent),
  lists:append([begin {ok, Started} = application:ensure_all_started(App), Started end || Plugin <- Plugins,
    {ok, Needs} <- [application:get_key(Plugin, applications)], App <- Needs ++ [Plugin]])." </dev/null
}
file=/etc/rabbitmq/enabled_plugins
wanted=rabbitmq_management,rabbitmq_prometheus
enabled=$(tr -d '[]. \n' <$file 2>/dev/null || true)
if [ "$(tr , '\n' <<<"$enabled" | sort)" = "$(tr , '\n' <<<"$wanted" | sort)" ]; then
  if systemctl -q is-active rabbitmq-server; then start_plugins >/dev/null; fi
  exit 0
fi
if systemctl -q is-active rabbitmq-server; then
  rabbitmq-plugins -q set rabbitmq_management rabbitmq_prometheus </dev/null
else
  candidate=$(mktemp $file.XXXXXX)
  echo "[$wanted]." >"$candidate"
  chmod 0644 "$candidate"
  mv -f "$candidate" $file
fi
END_OF_SCRIPT
)
code=0
flock -w 330 /run/lock/rabbitmq-ha-cent120-plugins timeout -k 10 300 bash -c "$script" || code=$?
case $code in
124 | 137)
  echo "$(hostname): cent120-plugins was not done after 300 s and was stopped" >&2
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
