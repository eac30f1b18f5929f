# The program on the machine removes all that it has put there, and at last itself.
if [ -x /usr/local/bin/rabbitmq-ha ]; then
  exec /usr/local/bin/rabbitmq-ha clean-up --role balancer --stack-id 0123456789abcdef --host cent123
fi
# Where it was never put, there is nothing else of it; earlier releases had no program there.
for left in /etc/systemd/system/*.service.d/rabbitmq-ha.conf; do
  if [ -e "$left" ]; then
    echo "/usr/local/bin/rabbitmq-ha is missing, and $left is there: run npm run up, and this again" >&2
    exit 1
  fi
done
