/** The settings of the brokers. */
import test from "node:test";
import { refuses } from "./draft.ts";

test("refuses an empty cluster name", () => {
  refuses({ clusterName: "" }, [
    'clusterName = "": not a cluster\'s name; write letters, digits and . _ @ -, such as rabbitmq_cluster1',
  ]);
});

test("refuses a cluster name with a space", () => {
  refuses({ clusterName: "my cluster" }, [
    'clusterName = "my cluster": not a cluster\'s name; write letters, digits and . _ @ -, such as rabbitmq_cluster1',
  ]);
});

test("refuses guest as administrator", () => {
  refuses({ "rabbitmq.adminUser": "guest" }, [
    'rabbitmq.adminUser = "guest": RabbitMQ\'s own user, whose password is public; write another, such as admin',
  ]);
});

test("refuses an administrator without a name", () => {
  refuses({ "rabbitmq.adminUser": "" }, [
    'rabbitmq.adminUser = "": not a user\'s name; write letters, digits and . _ @ -, such as admin',
  ]);
});

test("refuses an administrator with odd characters", () => {
  refuses({ "rabbitmq.adminUser": "a b" }, [
    'rabbitmq.adminUser = "a b": not a user\'s name; write letters, digits and . _ @ -, such as admin',
  ]);
});

test("refuses plug-ins without the management UI", () => {
  refuses({ "rabbitmq.plugins": ["rabbitmq_prometheus"] }, [
    'rabbitmq.plugins = ["rabbitmq_prometheus"]: without rabbitmq_management there is no management UI, and the broker\'s state cannot be queried; add it',
  ]);
});

test("refuses plug-ins without the metrics page if alarms shall be avoided", () => {
  refuses({ "rabbitmq.plugins": ["rabbitmq_management"], "haproxy.avoidAlarms": true }, [
    'rabbitmq.plugins = ["rabbitmq_management"]: without rabbitmq_prometheus nothing reports that a broker is in alarm, which haproxy.avoidAlarms needs; add it',
  ]);
});

test("refuses plug-ins that are not a list", () => {
  refuses({ "rabbitmq.plugins": "rabbitmq_management" }, [
    'rabbitmq.plugins = "rabbitmq_management": not a list; write the names of plug-ins, one a line',
  ]);
});

test("refuses an invalid plug-in name", () => {
  refuses({ "rabbitmq.plugins": ["rabbitmq_management", "a b"] }, [
    'rabbitmq.plugins[1] = "a b": not a plug-in\'s name; write one such as rabbitmq_shovel',
  ]);
});

test("refuses a policy without a name", () => {
  refuses({ "rabbitmq.policy.name": "" }, [
    'rabbitmq.policy.name = "": not a policy\'s name; write one that does not start with a hyphen or a space, such as ha-all',
  ]);
});

test("refuses a policy with an empty pattern", () => {
  refuses({ "rabbitmq.policy.pattern": "" }, [
    'rabbitmq.policy.pattern = "": empty; write a regular expression on queue names, such as ^ for all of them',
  ]);
});

test("refuses a policy with an invalid pattern", () => {
  refuses({ "rabbitmq.policy.pattern": "(" }, [
    'rabbitmq.policy.pattern = "(": not a regular expression; write one on queue names, such as ^ for all of them',
  ]);
});

test("refuses a definition that is not a mapping", () => {
  refuses({ "rabbitmq.policy.definition": "ha-mode: all" }, [
    'rabbitmq.policy.definition = "ha-mode: all": not a mapping; write key: value pairs under it',
  ]);
});

test("refuses an empty definition", () => {
  refuses({ "rabbitmq.policy.definition": {} }, [
    'rabbitmq.policy.definition = {…}: empty; write what the policy sets, such as {"ha-mode": "all", "ha-sync-mode": "automatic"}',
  ]);
});

test("refuses an unknown mode", () => {
  refuses({ "rabbitmq.policy.definition": { "ha-mode": "most" } }, [
    'rabbitmq.policy.definition.ha-mode = "most": not a value of ha-mode; write all, exactly or nodes',
  ]);
});

test("refuses the mode `exactly` without a number", () => {
  refuses({ "rabbitmq.policy.definition": { "ha-mode": "exactly" } }, [
    'rabbitmq.policy.definition.ha-params: missing: ha-mode "exactly" needs the number of copies; write a whole number, 1 or more',
  ]);
});

test("refuses the mode `exactly` with an invalid number", () => {
  refuses({ "rabbitmq.policy.definition": { "ha-mode": "exactly", "ha-params": 0 } }, [
    'rabbitmq.policy.definition.ha-params = 0: wrong: ha-mode "exactly" needs the number of copies; write a whole number, 1 or more',
  ]);
});

test("refuses the mode `nodes` without a list", () => {
  refuses({ "rabbitmq.policy.definition": { "ha-mode": "nodes", "ha-params": "rabbit@cent120" } }, [
    'rabbitmq.policy.definition.ha-params = "rabbit@cent120": wrong: ha-mode "nodes" needs a list of nodes; write one such as ["rabbit@cent120"]',
  ]);
});

test("refuses the mode `all` with parameters", () => {
  refuses({ "rabbitmq.policy.definition": { "ha-mode": "all", "ha-params": 2 } }, [
    'rabbitmq.policy.definition.ha-params = 2: ha-mode "all" takes no parameters; leave the key out',
  ]);
});

test("refuses mirroring without a mode", () => {
  refuses({ "rabbitmq.policy.definition": { "ha-sync-mode": "automatic" } }, [
    "rabbitmq.policy.definition.ha-mode: missing, but needed for ha-sync-mode; write all, exactly or nodes",
  ]);
});

test("refuses an unknown sync mode", () => {
  refuses({ "rabbitmq.policy.definition": { "ha-mode": "all", "ha-sync-mode": "auto" } }, [
    'rabbitmq.policy.definition.ha-sync-mode = "auto": not a value of ha-sync-mode; write automatic or manual',
  ]);
});

test("refuses an invalid batch size", () => {
  refuses({ "rabbitmq.policy.definition": { "ha-mode": "all", "ha-sync-batch-size": "1" } }, [
    'rabbitmq.policy.definition.ha-sync-batch-size = "1": not a number of messages; write a whole number, 1 or more',
  ]);
});

test("refuses settings that the program writes itself", () => {
  refuses(
    {
      "rabbitmq.settings": {
        "cluster_formation.classic_config.nodes.1": "rabbit@a",
        "listeners.tcp.default": 1,
        "management.tcp.port": 2,
        "prometheus.tcp.port": 3,
        load_definitions: "/x",
        net_ticktime: 8,
        cluster_name: "x",
        default_user: "x",
        default_pass: "hunter2",
      },
    },
    [
      'rabbitmq.settings["cluster_formation.classic_config.nodes.1"] = "rabbit@a": the program writes this line itself; remove it, since it follows from brokers',
      'rabbitmq.settings["listeners.tcp.default"] = 1: the program writes this line itself; write rabbitmq.ports.amqp',
      'rabbitmq.settings["management.tcp.port"] = 2: the program writes this line itself; write rabbitmq.ports.management',
      'rabbitmq.settings["prometheus.tcp.port"] = 3: the program writes this line itself; write rabbitmq.ports.prometheus',
      'rabbitmq.settings.load_definitions = "/x": the program writes this line itself; write definitions',
      "rabbitmq.settings.net_ticktime = 8: the program writes this line itself; write rabbitmq.netTickTime",
      'rabbitmq.settings.cluster_name = "x": the program writes this line itself; write clusterName',
      'rabbitmq.settings.default_user = "x": the program writes this line itself; write rabbitmq.adminUser',
      "rabbitmq.settings.default_pass = (not shown): the program writes this line itself; write adminPassword, with pulumi config set --secret",
    ],
  );
});

test("refuses a setting that is not a single value", () => {
  refuses({ "rabbitmq.settings": { log: { console: true } } }, [
    "rabbitmq.settings.log = {…}: not a single value; write a text, a number, true or false, and nested keys with dots (a.b: value)",
  ]);
});

test("refuses a setting with a line break", () => {
  refuses({ "rabbitmq.settings": { "log.dir": "/a\nb = c" } }, [
    'rabbitmq.settings["log.dir"] = "/a\\nb = c": empty or several lines; write a text for one line of rabbitmq.conf',
  ]);
});

test("refuses a setting with an invalid key", () => {
  refuses({ "rabbitmq.settings": { "a = b": 1 } }, [
    'rabbitmq.settings["a = b"] = 1: not a key of rabbitmq.conf; write one such as vm_memory_high_watermark.relative',
  ]);
});

test("refuses an unknown partition handling", () => {
  refuses({ "rabbitmq.settings": { cluster_partition_handling: "pause" }, "brokers.2": undefined }, [
    'rabbitmq.settings.cluster_partition_handling = "pause": not a partition handling; write pause_minority, autoheal, ignore or pause_if_all_down',
  ]);
});

test("refuses invalid ports", () => {
  refuses(
    { "rabbitmq.ports.amqp": 0, "rabbitmq.ports.management": 65536, "rabbitmq.ports.prometheus": "15692" },
    [
      "rabbitmq.ports.amqp = 0: not a TCP port; write a whole number from 1 to 65535",
      "rabbitmq.ports.management = 65536: not a TCP port; write a whole number from 1 to 65535",
      'rabbitmq.ports.prometheus = "15692": a text, because of its quotes; write a whole number from 1 to 65535',
    ],
  );
});

test("refuses the same port twice on a broker", () => {
  refuses({ "rabbitmq.ports.amqp": 25672, "rabbitmq.ports.prometheus": 15672 }, [
    "rabbitmq.ports.amqp = 25672: already the port of Erlang's distribution on the same host; write another",
    "rabbitmq.ports.prometheus = 15672: already the port of rabbitmq-ha:rabbitmq.ports.management on the same host; write another",
  ]);
});

test("refuses an invalid tick time", () => {
  refuses({ "rabbitmq.netTickTime": 0.5 }, [
    "rabbitmq.netTickTime = 0.5: not a tick time; write a whole number of seconds, 1 or more",
  ]);
});

test("refuses the mode `nodes` with an invalid list", () => {
  refuses({ "rabbitmq.policy.definition": { "ha-mode": "nodes", "ha-params": [""] } }, [
    'rabbitmq.policy.definition.ha-params = [""]: wrong: ha-mode "nodes" needs a list of nodes; write one such as ["rabbit@cent120"]',
  ]);
});

test("refuses settings that are not a mapping", () => {
  refuses({ "rabbitmq.settings": ["a = b"] }, [
    'rabbitmq.settings = ["a = b"]: not a mapping; write key: value pairs under it',
  ]);
});

test("refuses the ports of sshd and epmd", () => {
  refuses({ "rabbitmq.ports.amqp": 22, "rabbitmq.ports.management": 4369 }, [
    "rabbitmq.ports.amqp = 22: already the port of sshd on the same host; write another",
    "rabbitmq.ports.management = 4369: already the port of epmd on the same host; write another",
  ]);
});
