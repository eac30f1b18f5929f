/** Unknown keys, values of the wrong shape, and secrets. */
import test from "node:test";
import { refuses } from "./draft.ts";

test("refuses an unknown platform", () => {
  refuses({ platform: "labb" }, ['platform = "labb": unknown platform; write lab, existing or aws']);
});

test("refuses the block `aws` on the platform lab", () => {
  refuses({ aws: { region: "eu-central-1" } }, [
    "aws = {…}: not used on platform lab; write platform: aws, or remove the block",
  ]);
});

test("refuses a system that the lab does not offer", () => {
  refuses({ os: "centos-7" }, ['os = "centos-7": not a system of the lab; write debian-12 or debian-13']);
});

test("refuses an unknown system", () => {
  refuses({ os: "debian-11" }, [
    'os = "debian-11": unknown system; write debian-12, debian-13, ubuntu-24.04, ubuntu-26.04, rocky-8, rocky-9, rocky-10 or centos-7',
  ]);
});

test("refuses an unknown key that resembles a known one", () => {
  refuses({ broker: "[]" }, ["broker = []: unknown key; did you mean brokers?"]);
});

test("refuses an unknown key that resembles no known one", () => {
  refuses({ colour: "red" }, [
    'colour = "red": unknown key; the keys here are platform, os, brokers, balancers, virtualAddress, clusterName, rabbitmq, haproxy, keepalived, metricsFrom, tls, packages, lab, existing, aws, definitions, rotation, closeConnections, adminPassword, erlangCookie, sshPrivateKey, statsPassword, tlsCaKey, tlsKey and userPasswords',
  ]);
});

test("refuses an unknown key in a block", () => {
  refuses({ "haproxy.checkIntervall": "5s" }, [
    'haproxy.checkIntervall = "5s": unknown key; did you mean checkInterval?',
  ]);
});

test("refuses an unknown key two levels down", () => {
  refuses({ "haproxy.timeouts.clinet": "3h" }, [
    'haproxy.timeouts.clinet = "3h": unknown key; did you mean client?',
  ]);
});

test("refuses an unknown key of a host", () => {
  refuses(
    {
      brokers: [
        { name: "a", addres: "192.168.56.9", address: "192.168.56.9" },
        { name: "b", address: "192.168.56.10" },
        { name: "c", address: "192.168.56.11" },
      ],
    },
    ['brokers[0].addres = "192.168.56.9": unknown key; did you mean address?'],
  );
});

test("refuses a misspelt name of a secret, and does not show the secret", () => {
  refuses({ adminPasword: "hunter2" }, [
    "adminPasword = (not shown): unknown key; did you mean adminPassword?",
  ]);
});

test("refuses a secret inside a block", () => {
  refuses({ "rabbitmq.adminPassword": "hunter2" }, [
    "rabbitmq.adminPassword = (not shown): a top-level key, not one of this block; write it as rabbitmq-ha:adminPassword",
  ]);
});

test("refuses a block that is a number", () => {
  refuses({ rabbitmq: "5" }, [
    "rabbitmq = 5: not a mapping; write it with the keys adminUser, plugins, pluginFiles, queues, policy, settings, secretSettings, advanced, ports, netTickTime and cookieRenewal",
  ]);
});

test("refuses a block that is text", () => {
  refuses({ keepalived: "fast" }, [
    'keepalived = "fast": not a mapping; write it with the keys virtualRouterId, advertisementInterval, preempt, interface and prefixLength',
  ]);
});

test("refuses a block that is a list", () => {
  refuses({ haproxy: "[1,2]" }, [
    "haproxy = [1,2]: not a mapping; write it with the keys maxConnections, balance, checkInterval, rise, fall, avoidAlarms, proxyProtocol, timeouts, statsPort, statsPath, statsRefresh, source and brokers",
  ]);
});

test("refuses a list that is text", () => {
  refuses({ brokers: "cent120" }, [
    'brokers = "cent120": not a list; write three or more hosts with a name and an address each; Pulumi.dev.yaml shows how',
  ]);
});

test("refuses an inner block left empty", () => {
  refuses({ "haproxy.timeouts": null }, [
    "haproxy.timeouts = null: not a mapping; write it with the keys connect, client and server",
  ]);
});

test("refuses an empty password", () => {
  refuses({ adminPassword: "" }, [
    "adminPassword: empty; set one with pulumi config set --secret, or remove the key",
  ]);
});

test("refuses a password with a line break", () => {
  refuses({ adminPassword: "hunter2\n" }, [
    "adminPassword: has line breaks or other control characters; set one without",
  ]);
});

test("refuses an invalid cookie", () => {
  refuses({ erlangCookie: "hunter2!" }, [
    "erlangCookie: not an Erlang cookie; set 1 to 255 letters and digits",
  ]);
});

test("refuses an invalid private key", () => {
  refuses({ sshPrivateKey: "hunter2" }, [
    "sshPrivateKey: not a private key; set the whole file, from its -----BEGIN line to its -----END line",
  ]);
});

test("refuses a private key that only looks like one, and does not show it", () => {
  for (const kind of ["OPENSSH PRIVATE KEY", "RSA PRIVATE KEY", "PRIVATE KEY"]) {
    refuses({ sshPrivateKey: `-----BEGIN ${kind}-----\nhunter2\n-----END ${kind}-----\n` }, [
      "sshPrivateKey: not a key that can be read; make one with ssh-keygen -t ed25519 and set its whole file",
    ]);
  }
});

test("refuses a private key with a passphrase", () => {
  refuses(
    { sshPrivateKey: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nhunter2\n-----END ENCRYPTED PRIVATE KEY-----" },
    ["sshPrivateKey: has a passphrase, which cannot be entered here; set a key without one"],
  );
});

test("refuses a password that HAProxy cannot read", () => {
  refuses({ statsPassword: "hunter 2" }, [
    "statsPassword: has characters that HAProxy does not accept; set one of ASCII characters without spaces, quotes, \\, # and $",
  ]);
});

test("refuses an unknown key that suggests a secret, and does not show its value", () => {
  refuses({ "rabbitmq.token": "hunter2" }, [
    "rabbitmq.token = (not shown): unknown key; the keys here are adminUser, plugins, pluginFiles, queues, policy, settings, secretSettings, advanced, ports, netTickTime and cookieRenewal",
  ]);
});

test("refuses a policy's unknown key", () => {
  refuses({ "rabbitmq.policy.priority": 1 }, [
    "rabbitmq.policy.priority = 1: unknown key; the keys here are name, pattern and definition",
  ]);
});

test("refuses a broker's key on a balancer", () => {
  refuses({ "balancers.0.type": "disc" }, [
    'balancers[0].type = "disc": unknown key; the keys here are name and address',
  ]);
});

test("refuses an empty virtual address", () => {
  refuses({ virtualAddress: "" }, ["virtualAddress: missing; write an IPv4 address such as 192.168.56.100"]);
});

test("refuses an empty list of brokers", () => {
  refuses({ brokers: [] }, [
    "brokers: missing; write three or more hosts with a name and an address each; Pulumi.dev.yaml shows how",
  ]);
});

test("refuses an empty list of balancers", () => {
  refuses({ balancers: [] }, [
    "balancers: missing; write two or more hosts with a name and an address each; Pulumi.dev.yaml shows how",
  ]);
});
