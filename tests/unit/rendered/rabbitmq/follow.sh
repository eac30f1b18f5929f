# Started again where it is not at it by itself; this returns once the broker has booted.
systemctl start rabbitmq-server || systemctl start rabbitmq-server
