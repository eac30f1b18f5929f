script=$(cat <<'END_OF_SCRIPT'
set -eu
umask 022
# Nothing to do: this resource is there for the sake of its undo.
:
END_OF_SCRIPT
)
code=0
flock -w 330 /run/lock/rabbitmq-ha-mirror-policy-undo timeout -k 10 300 bash -c "$script" || code=$?
case $code in
124 | 137) echo "$(hostname): mirror-policy-undo was not done after 300 s and was stopped" >&2 ;;
esac
exit $code
