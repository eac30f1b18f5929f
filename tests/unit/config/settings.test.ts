/** Settings with which the program could not work, or that would show a secret. */
import assert from "node:assert/strict";
import test from "node:test";
import { parseConfig } from "../../../config/config.ts";
import { draft, faults, refuses } from "./draft.ts";

type Settings = Readonly<Record<string, string | number | boolean>>;

const refusesSettings = (settings: Settings, lines: readonly string[]): void =>
  refuses({ "rabbitmq.settings": settings }, lines);

const encryptedBlock = new Set(["rabbitmq-ha:rabbitmq"]);
const secretSettings = "rabbitmq-ha:rabbitmq.secretSettings";
const shown =
  "which the stack's file and rabbitmq.conf would show to everybody; remove it here, and give it by npm run -s pulumi -- config set --secret --path";

const accepts = (settings: Settings): void => {
  assert.deepEqual(parseConfig(draft({ "rabbitmq.settings": settings })).rabbitmq.settings, settings);
};

test("refuses a #, with which RabbitMQ's comments begin", () => {
  refusesSettings({ product_name: "Team #1", "a.b": "c#d" }, [
    'rabbitmq.settings.product_name = "Team #1": has a #, from which on RabbitMQ reads a comment; write it without',
    'rabbitmq.settings["a.b"] = "c#d": has a #, from which on RabbitMQ reads a comment; write it without',
  ]);
});

test("refuses what hides the management API or its statistics from verify", () => {
  refusesSettings(
    {
      "management.path_prefix": "/mq",
      "management.tcp.ip": "127.0.0.1",
      "prometheus.tcp.ip": "10.0.0.1",
      "management.listener.ssl": true,
      "management_agent.disable_metrics_collector": true,
      "management.disable_stats": "true",
      "management.disable_basic_auth": true,
    },
    [
      'rabbitmq.settings["management.path_prefix"] = "/mq": npm run verify would not find the management API, which it asks under /api; remove it, and add the prefix in a proxy of your own',
      'rabbitmq.settings["management.tcp.ip"] = "127.0.0.1": all brokers get this one address, so the balancers and npm run verify would not reach their management UI; remove it',
      'rabbitmq.settings["prometheus.tcp.ip"] = "10.0.0.1": all brokers get this one address, so the metrics page would be missing on the others; write 0.0.0.0, or remove it for 127.0.0.1',
      'rabbitmq.settings["management.listener.ssl"] = true: the balancers and npm run verify reach the management UI without TLS; remove it, and write management.ssl.port and management.ssl.certfile for a further port with TLS',
      'rabbitmq.settings["management_agent.disable_metrics_collector"] = true: the brokers would not report network partitions, without which npm run verify never passes; remove it',
      'rabbitmq.settings["management.disable_stats"] = "true": the brokers would not report network partitions, without which npm run verify never passes; remove it',
      'rabbitmq.settings["management.disable_basic_auth"] = true: npm run verify logs in to the management API with a password; remove it',
    ],
  );
  accepts({
    "management.path_prefix": "/",
    "management.tcp.ip": "0.0.0.0",
    "prometheus.tcp.ip": "0.0.0.0",
    "management.listener.ssl": false,
    "management_agent.disable_metrics_collector": false,
    "management.disable_stats": false,
    "management.disable_basic_auth": "false",
  });
});

test("refuses what moves the brokers' own traffic or their data", () => {
  refusesSettings(
    {
      "distribution.listener.interface": "10.0.0.1",
      "distribution.listener.port_range.min": 44000,
      "distribution.listener.port_range.max": "25673",
      "stream.replication.port_range.min": 7000,
      "raft.data_dir": "/srv/quorum",
    },
    [
      'rabbitmq.settings["distribution.listener.interface"] = "10.0.0.1": the brokers already reach each other at one port, 25672, which the firewalls open; remove it',
      'rabbitmq.settings["distribution.listener.port_range.min"] = 44000: the brokers already reach each other at one port, 25672, which the firewalls open; remove it',
      'rabbitmq.settings["distribution.listener.port_range.max"] = "25673": the brokers already reach each other at one port, 25672, which the firewalls open; remove it',
      'rabbitmq.settings["stream.replication.port_range.min"] = 7000: replicas of streams already reach each other at the ports 6000 to 6500, which the firewalls open; remove it',
      'rabbitmq.settings["raft.data_dir"] = "/srv/quorum": the program looks for the data in /var/lib/rabbitmq/mnesia; remove it',
    ],
  );
  accepts({ "distribution.listener.port_range.min": 25672, "distribution.listener.port_range.max": "25672" });
});

test("refuses the PROXY protocol in the brokers alone, and names the key for both sides", () => {
  refusesSettings({ proxy_protocol: true }, [
    "rabbitmq.settings.proxy_protocol = true: the brokers would refuse every client whose connection comes without the header of this protocol; remove it, and write haproxy.proxyProtocol: true, which has HAProxy send it",
  ]);
  refusesSettings({ proxy_protocol: "true" }, [
    'rabbitmq.settings.proxy_protocol = "true": the brokers would refuse every client whose connection comes without the header of this protocol; remove it, and write haproxy.proxyProtocol: true, which has HAProxy send it',
  ]);
  accepts({ proxy_protocol: false });
});

test("refuses another default virtual host", () => {
  refusesSettings({ default_vhost: "orders" }, [
    'rabbitmq.settings.default_vhost = "orders": the virtual host / would be missing, to which the policy, the administrator and npm run verify belong; remove it, and add other virtual hosts to the definitions',
  ]);
  accepts({ default_vhost: "/" });
});

test("refuses authentication without the store that has the administrator", () => {
  const lacking = (key: string, value: string, next: number): string =>
    `rabbitmq.settings["${key}"] = "${value}": without the backend internal the administrator cannot log in, so npm run verify never passes; write auth_backends.${String(next)}: internal too`;
  refusesSettings({ "auth_backends.1": "ldap" }, [lacking("auth_backends.1", "ldap", 2)]);
  refusesSettings({ "auth_backends.1": "ldap", "auth_backends.7": "rabbit_auth_backend_http" }, [
    lacking("auth_backends.1", "ldap", 8),
  ]);
  refusesSettings({ "auth_backends.1.authn": "ldap", "auth_backends.1.authz": "internal" }, [
    lacking("auth_backends.1.authn", "ldap", 2),
  ]);
  refusesSettings({ "auth_backends.1": "cache", "auth_cache.cached_backend": "ldap" }, [
    lacking("auth_backends.1", "cache", 2),
  ]);
});

test("accepts authentication that also asks the store of the administrator", () => {
  accepts({ "auth_backends.1": "ldap", "auth_backends.2": "internal" });
  accepts({ "auth_backends.1": "rabbit_auth_backend_internal" });
  accepts({ "auth_backends.1.authn": "internal", "auth_backends.1.authz": "internal" });
  accepts({ "auth_backends.1": "cache" });
  accepts({
    "auth_backends.1": "cache",
    "auth_cache.cached_backend": "internal",
    "auth_cache.cache_ttl": 500,
  });
});

test("refuses what takes the log away from where the program reads it", () => {
  refusesSettings(
    { "log.dir": "/srv/log", "log.file": false, "log.file.level": "warning", "log.default.level": "none" },
    [
      'rabbitmq.settings["log.dir"] = "/srv/log": up and --force-boot read the broker\'s log in /var/log/rabbitmq when it does not start; remove it, and write log.console or log.syslog to have the log elsewhere too',
      'rabbitmq.settings["log.file"] = false: up and --force-boot read the broker\'s log under its own name when it does not start; remove it, and write log.console or log.syslog to have the log elsewhere too',
      'rabbitmq.settings["log.file.level"] = "warning": the log would not say for which brokers a broker waits, which up and --force-boot read there; write info or debug',
      'rabbitmq.settings["log.default.level"] = "none": the log would not say for which brokers a broker waits, which up and --force-boot read there; write info or debug',
    ],
  );
  accepts({
    "log.dir": "/var/log/rabbitmq/",
    "log.file.level": "debug",
    "log.connection.level": "error",
    "log.file.rotation.size": 1000000,
    "log.console": true,
    "log.syslog": true,
  });
});

test("refuses passwords and other secrets, and does not show them", () => {
  const keys = [
    "ssl_options.password",
    "auth_ldap.dn_lookup_bind.password",
    "mqtt.default_pass",
    "anonymous_login_pass",
    "management.oauth_client_secret",
    "management.credential_encryption_secret",
    "ssl_options.key.RSAPrivateKey",
    "default_users.ops.password",
  ];
  refusesSettings(
    Object.fromEntries(keys.map((key) => [key, "hunter2"])),
    keys.map((key) => {
      const path = key.includes(".") ? `["${key}"]` : `.${key}`;
      return `rabbitmq.settings${path} = (not shown): a secret, ${shown} '${secretSettings}${path}'`;
    }),
  );
  refusesSettings({ "auth_http.user_path": "http://me:hunter2@auth/user" }, [
    'rabbitmq.settings["auth_http.user_path"] = "http://…@auth/user": a URL with a password, ' +
      `${shown} '${secretSettings}["auth_http.user_path"]'`,
  ]);
  accepts({
    "ssl_options.keyfile": "/etc/rabbitmq/key.pem",
    password_hashing_module: "rabbit_password_hashing_sha512",
    "auth_http.user_path": "http://auth:8000/user",
  });
});

test("keeps settings with a secret apart, out of the configuration that can be shown", () => {
  const given = {
    "ssl_options.password": "hunter2",
    "auth_http.user_path": "http://me:hunter2@auth/user",
    anonymous_login_pass: 12345,
  };
  const config = parseConfig(draft({ "rabbitmq.secretSettings": given }), { encrypted: encryptedBlock });
  assert.doesNotMatch(JSON.stringify(config), /hunter2|12345/);
  assert.deepEqual(config.rabbitmq.settings, {});
});

test("refuses a secret setting that RabbitMQ or the program could not read, and shows none", () => {
  const refusesSecrets = (settings: Settings, ends: readonly string[]): void => {
    const lines = faults(draft({ "rabbitmq.secretSettings": settings }), { encrypted: encryptedBlock });
    assert.deepEqual(
      lines,
      Object.keys(settings).map((key, index) => {
        const path = key.includes(".") ? `["${key}"]` : `.${key}`;
        return `rabbitmq.secretSettings${path}: ${ends[index] ?? ""}`;
      }),
    );
  };
  const hidden =
    "starts with a quote or has a $(, which RabbitMQ does not take as they are; set another secret";
  refusesSecrets(
    {
      "a.password": "hunter#2",
      "b.password": "hunter2\nlisteners.tcp.1 = 1",
      "c.password": "'hunter2'",
      "d.password": "hunter$(HOME)2",
      default_pass: "hunter2",
      "auth_backends.1": "ldap",
      proxy_protocol: true,
    },
    [
      "has a #, from which on RabbitMQ reads a comment; write it without",
      "empty or several lines; write a text for one line of rabbitmq.conf",
      hidden,
      hidden,
      "the program writes this line itself; write adminPassword, with pulumi config set --secret",
      "no secret, and the program has to read it; write it under rabbitmq.settings, in the clear",
      "the brokers would refuse every client whose connection comes without the header of this protocol; remove it, and write haproxy.proxyProtocol: true, which has HAProxy send it",
    ],
  );
});

test("refuses secret settings in the clear, and does not show them", () => {
  refuses({ "rabbitmq.secretSettings": { "a.password": "hunter#2" } }, [
    "rabbitmq.secretSettings: not encrypted; give each of its values by npm run -s pulumi -- config set --secret --path",
  ]);
  assert.doesNotThrow(() => parseConfig(draft({ "rabbitmq.secretSettings": {} })));
});

test("refuses an encrypted block without secret settings, and shows no value of one with them", () => {
  const encrypted = encryptedBlock;
  assert.match(
    faults(draft({ "rabbitmq.secretSettings": {}, "rabbitmq.plugins": ["x"] }), { encrypted })[0] ?? "",
    /^rabbitmq: encrypted, but would be shown in the clear;/,
  );
  const changes = {
    "rabbitmq.secretSettings": { "a.password": "hunter2" },
    "rabbitmq.settings": { "a.b": "hunter#2" },
    "rabbitmq.plugins": ["hunter2"],
  };
  const lines = faults(draft(changes), { encrypted });
  assert.equal(lines.length, 2);
  assert.doesNotMatch(lines.join(), /hunter/);
});

test("refuses the same setting in the clear and as a secret", () => {
  const changes = {
    "rabbitmq.secretSettings": { "acme.key": "hunter2" },
    "rabbitmq.settings": { "acme.key": "hunter3" },
  };
  assert.deepEqual(faults(draft(changes), { encrypted: encryptedBlock }), [
    'rabbitmq.settings["acme.key"]: also in rabbitmq.secretSettings; remove one of them',
  ]);
});

test("refuses a user and a password in the URLs of proxy, mirror and packages, and does not show them", () => {
  const message =
    "has a user or a password, which the hosts' files and logs would show; write it without, and let the server accept the hosts by their addresses";
  refuses({ "packages.proxy": "http://me:hunter2@proxy:3128" }, [
    `packages.proxy = "http://…@proxy:3128": ${message}`,
  ]);
  refuses({ "packages.mirror": "https://me@mirror/debian" }, [
    `packages.mirror = "https://…@mirror/debian": ${message}`,
  ]);
  const source = { version: "2.8.26", url: "https://me:hunter2@host/x.tar.gz", sha256: "a".repeat(64) };
  refuses({ "haproxy.source": source }, [`haproxy.source.url = "https://…@host/x.tar.gz": ${message}`]);
});

test("refuses a plug-in's name that resembles a shipped one", () => {
  const given = {
    rabbitmq_promethues: "rabbitmq_prometheus",
    "rabbitmq-shovel": "rabbitmq_shovel",
    federation: "rabbitmq_federation",
    Rabbitmq_Top: "rabbitmq_top",
    rabbitmq_stream_managment: "rabbitmq_stream_management",
  };
  for (const [name, meant] of Object.entries(given)) {
    refuses({ "rabbitmq.plugins": ["rabbitmq_management", name] }, [
      `rabbitmq.plugins[1] = "${name}": not a plug-in of RabbitMQ; did you mean ${meant}?`,
    ]);
  }
});

test("accepts plug-ins from elsewhere: the step on the host knows whether they are there", () => {
  const plugins = [
    "rabbitmq_management",
    "rabbitmq_delayed_message_exchange",
    "rabbitmq_lvc_exchange",
    "rabbitmq_message_timestamp",
    "rabbitmq_auth_backend_ip_range",
    "acme_audit",
  ];
  assert.deepEqual(parseConfig(draft({ "rabbitmq.plugins": plugins })).rabbitmq.plugins, plugins);
});

test("refuses control characters in a policy", () => {
  refuses({ "rabbitmq.policy.pattern": "^a\n|^b" }, [
    'rabbitmq.policy.pattern = "^a\\n|^b": has line breaks or other control characters; write a regular expression such as ^, without them',
  ]);
  for (const definition of [
    { "ha-mode": "all", "dead-letter-exchange": "a\u0007" },
    { "ha-mode": "all", "a\tb": 1 },
    { "ha-mode": "nodes", "ha-params": ["rabbit@a\n"] },
  ]) {
    refuses({ "rabbitmq.policy.definition": definition }, [
      "rabbitmq.policy.definition = {…}: has line breaks or other control characters; write it without",
    ]);
  }
});

test("refuses control characters in URLs and paths", () => {
  for (const path of ["packages.mirror", "haproxy.statsPath"]) {
    assert.match(
      faults(draft({ [path]: "http://m/\u0001" }))[0] ?? "",
      /: has line breaks or other control characters; write .*, without them$/,
    );
  }
});

test("refuses an administrator's password with outer blanks, and does not show it", () => {
  for (const password of [" hunter2", "hunter2 ", "\u00a0hunter2"]) {
    refuses({ adminPassword: password }, ["adminPassword: starts or ends with a blank; set one without"]);
  }
  assert.doesNotThrow(() => parseConfig(draft({ adminPassword: "two words" })));
});

test("refuses a cookie that Debian's and Ubuntu's package would replace, and accepts it elsewhere", () => {
  const erlangCookie = "ABCDEFGHIJKLMNOPQRST";
  const line =
    "erlangCookie: twenty capitals, which the package rabbitmq-server replaces at its next upgrade; set one with digits too, on a running cluster while all its brokers are stopped";
  refuses({ erlangCookie }, [line]);
  for (const other of [`${erlangCookie}U`, "ABCDEFGHIJKLMNOPQRS", "ABCDEFGHIJKLMNOPQRS1"]) {
    assert.doesNotThrow(() => parseConfig(draft({ erlangCookie: other })));
  }
  const lines = faults(draft({ erlangCookie, platform: "existing", os: "rocky-9" }));
  assert.equal(
    lines.some((text) => text.startsWith("erlangCookie")),
    false,
  );
});

test("refuses the listeners of further protocols, and names the key for their ports", () => {
  refuses({ "rabbitmq.settings": { "mqtt.listeners.tcp.1": 1884, "web_stomp.tcp.port": 15679 } }, [
    'rabbitmq.settings["mqtt.listeners.tcp.1"] = 1884: the program writes this line itself; write rabbitmq.ports.mqtt',
    'rabbitmq.settings["web_stomp.tcp.port"] = 15679: the program writes this line itself; write rabbitmq.ports.webStomp',
  ]);
});

test("refuses one advertised address for all brokers, and a header that HAProxy does not send", () => {
  const found = faults(
    draft({
      "rabbitmq.settings": { "stream.advertised_host": "rabbit.example.org", "mqtt.proxy_protocol": true },
    }),
  );
  assert.equal(found.length, 2);
  assert.match(found.join("\n"), /let clients connect to the virtual address[^]*would refuse every client/);
});
