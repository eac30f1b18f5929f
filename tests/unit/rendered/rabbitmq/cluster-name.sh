script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
rabbitmqctl -q set_cluster_name rabbitmq_cluster1 </dev/null
END_OF_SCRIPT
)
code=0
flock -w 330 /run/lock/rabbitmq-ha-cluster-name timeout -k 10 300 bash -c "$script" || code=$?
case $code in
124 | 137) echo "$(hostname): cluster-name was not done after 300 s and was stopped" >&2 ;;
esac
exit $code
