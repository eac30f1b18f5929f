"""What the tests of the step that makes a broker a member have in common."""

MEMBER = ("member", "--brokers", "b1,b2,b3")
MARK = "/var/lib/rabbitmq-ha/member"
KNOWN = "/var/lib/rabbitmq-ha/brokers"
NOTE = "/var/lib/rabbitmq-ha/leaving/b1"
EMPTYING = ("stop_app", "join_cluster", "forget_cluster_node", "change_cluster_node_type")
