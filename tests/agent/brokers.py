"""A cluster that answers as RabbitMQ does: its members, its queues, and which brokers are being drained."""

import base64

from agent import erlang

from .support import Atom, HostTest, cluster, node

# What a leave does that cannot be taken back by asking again.
DESTRUCTIVE = ("rabbit_maintenance, drain", "shrink", "stop_and_halt", "forget_cluster_node")
MODULES = {"classic": "rabbit_classic_queue", "quorum": "rabbit_quorum_queue", "stream": "rabbit_stream_queue"}


def names_in(text, names):
    """Returns those of the brokers whose node an expression names."""
    return [name for name in names if erlang.text("rabbit@" + name) in text]


class Queue:
    """in_sync: the members or mirrors that have the messages; by default all members, and no mirror."""

    def __init__(
        self, name, kind="classic", leader="b3", members=(), mirrors=(), in_sync=None, vhost="/", exclusive=False
    ):
        self.name, self.kind, self.vhost, self.exclusive = name, kind, vhost, exclusive
        self.leader, self.members, self.mirrors = leader, list(members), list(mirrors)
        # The members change as the cluster does.
        self.in_sync = self.members if in_sync is None and members else list(in_sync or ())

    @property
    def code(self):
        return base64.b64encode(self.name.encode("utf-8")).decode()

    def row(self):
        return (
            self.vhost,
            self.code,
            Atom(MODULES.get(self.kind, self.kind)),
            self.exclusive,
            node(self.leader) if self.leader else None,
            [node(each) for each in self.members] if self.kind in ("quorum", "stream") else None,
            [node(each) for each in self.mirrors],
            [node(each) for each in self.in_sync],
        )


def mirrored(name="orders", leader="b3", on=("b1",)):
    return Queue(name, leader=leader, mirrors=on, in_sync=on)


def quorum(name="bills", members=("b1", "b2", "b3"), leader="b3"):
    return Queue(name, "quorum", leader=leader, members=members)


class ClusterTest(HostTest):
    """Base class of the tests of joining and leaving. self.told: what was done to the cluster, in order."""

    name = "b1"

    def cluster(self, *members, queues=(), version="3.10.8", khepri=False, title="cluster1"):
        self.members = list(members or ("b1", "b2", "b3"))
        self.running = list(self.members)
        self.disc = list(self.members)
        self.queues = list(queues)
        self.vhosts = sorted({"/"} | {queue.vhost for queue in self.queues})
        self.vhosts_then = None
        self.draining = set()
        self.told = []
        self.version, self.khepri, self.title = version, khepri, title
        self.is_unreachable = False
        self.disabled = []
        # The brokers among which MQTT's leader is elected.
        self.mqtt = []
        self.on_question("cluster_name()", self.status)
        self.on_question("list_down", self.listed)
        self.on_question("is_being_drained_consistent_read", self.drains)
        self.on_question(", nodes())", lambda call: any(n in self.running for n in names_in(call.stdin, self.members)))
        self.on_question("rabbit_nodes, all_running", self.views)
        self.delayed = 0
        self.on_question("rabbit_delayed_message", lambda call: self.delayed)
        self.on("rabbit_maintenance, drain", self.drain)
        self.on("rabbit_maintenance, revive", self.revive)
        self.on("stop_and_halt", self.stop_broker)
        self.on("add_member", self.add_members)
        self.on("shrink", self.shrink)
        self.on("rabbitmq-queues grow", self.grow)
        self.on("forget_cluster_node", self.forget)
        self.on_question("ra:members({mqtt_node", lambda _call: [node(name) for name in self.mqtt])
        self.on("ra:remove_member({mqtt_node", self.remove_from_mqtt)

    # Answers

    def status(self, _call):
        return cluster(
            *self.members,
            running=self.running,
            disc=[name for name in self.disc if name in self.members],
            name=self.title,
            version=self.version,
            khepri=self.khepri,
            disabled=self.disabled,
            has_queues=bool(self.queues),
        )

    def listed(self, _call):
        rows = [queue.row() for queue in self.queues]
        return {
            Atom("version"): self.version,
            Atom("queues"): rows,
            Atom("count"): len(rows),
            Atom("vhosts"): list(self.vhosts),
            Atom("vhosts_then"): list(self.vhosts if self.vhosts_then is None else self.vhosts_then),
            Atom("running"): [node(name) for name in self.running],
        }

    def drains(self, call):
        return [(node(name), name in self.draining) for name in names_in(call.stdin, set(self.members) | self.draining)]

    def views(self, call):
        asked = names_in(call.stdin, self.members)
        return [(node(name), [node(n) for n in self.members], [node(n) for n in self.running]) for name in asked]

    # Changes

    def one(self, call):
        return names_in(call.stdin, self.members)[0]

    def drain(self, call):
        self.told.append("drain")
        self.draining.add(self.one(call))
        return "ok\n"

    def revive(self, call):
        self.told.append("revive")
        self.draining.discard(self.one(call))
        return "ok\n"

    def stop_broker(self, call):
        self.told.append("stop")
        self.running.remove(self.one(call))
        return "{badrpc,nodedown}\n"

    def shrink(self, call):
        name = call.words[-1].split("@")[1]
        self.told.append("shrink " + name)
        for queue in self.queues:
            # A drain stops the replicas of its broker, and only a majority can remove a member.
            alive = [each for each in queue.members if each in self.running and each not in self.draining]
            if name in queue.members and queue.kind == "quorum" and 2 * len(alive) > len(queue.members):
                queue.members.remove(name)

    def remove_from_mqtt(self, call):
        (name,) = names_in(call.stdin, self.mqtt)
        self.told.append("remove {} from MQTT".format(name))
        self.mqtt.remove(name)
        return "{ok,ok,{mqtt_node,rabbit@b1}}\n"

    def add_members(self, call):
        name = self.one(call)
        given = [q for q in self.queues if q.kind == "quorum" and '"{}"'.format(q.code) in call.stdin]
        self.told.append("add {} on {}".format(" ".join(sorted(queue.name for queue in given)), name))
        for queue in given:
            queue.members.append(name)
        return "0\n"

    def grow(self, call):
        name = call.words[-2].split("@")[1]
        self.told.append("grow " + name)
        for queue in self.queues:
            if queue.kind == "quorum" and name not in queue.members:
                queue.members.append(name)

    def forget(self, call):
        name = call.words[-1].split("@")[1]
        self.told.append("forget " + name)
        for names in (self.members, self.running):
            if name in names:
                names.remove(name)
