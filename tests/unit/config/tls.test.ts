/** The block `tls`, and the keys that belong to it. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { before, test } from "node:test";
import { issueCertificate, makeAuthority, type Identity } from "../../../certificates/issue.ts";
import { parseConfig } from "../../../config/config.ts";
import { draft, refuses } from "./draft.ts";

let authority: Identity;
let broker: Identity;
let ended: Identity;
before(async () => {
  const request = { name: "mq", sanNames: ["mq"], sanAddresses: ["192.168.56.100"] };
  authority = await makeAuthority("test", new Date());
  broker = await issueCertificate({ ...request, issuer: authority, now: new Date() });
  ended = await issueCertificate({ ...request, issuer: authority, now: new Date("2020-03-01T00:00:00Z") });
});
const otherKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const other = otherKey.export({ format: "pem", type: "pkcs8" }).toString();

test("an empty block turns TLS on, and an absent one or its bare key does not", () => {
  assert.deepEqual(parseConfig(draft({ tls: {} })).tls, {
    names: [],
    only: false,
    interNode: false,
    ports: { amqp: 5671, management: 15671 },
    authorities: [1],
    renewal: 1,
  });
  for (const tls of [undefined, "", "null"]) assert.equal(parseConfig(draft({ tls })).tls, undefined);
});

test("with tls.only the stack itself uses the ports with TLS", () => {
  const { amqp, management, prometheus } = parseConfig(draft({ tls: { only: true } })).rabbitmq.ports;
  assert.deepEqual([amqp, management, prometheus], [5671, 15671, 15692]);
});

test("an authority and a certificate of the user's own are taken with their keys", () => {
  parseConfig(draft({ "tls.ca": authority.certificate, tlsCaKey: authority.key }));
  parseConfig(draft({ "tls.certificate": broker.certificate, tlsKey: broker.key }));
  parseConfig(
    draft({ "tls.certificate": broker.certificate, tlsKey: broker.key, "tls.ca": authority.certificate }),
  );
});

test("refuses wrong values, with what to write instead", () => {
  refuses({ tls: "true" }, [
    "tls = true: not a mapping; write it with the keys names, only, interNode, ports, authorities, renewal, ca and certificate",
  ]);
  refuses(
    { tls: { names: ["rabbit.example.org", "a b", "10.0.0.300"], only: "yes", authorities: [], renewal: 0 } },
    [
      'tls.names[1] = "a b": neither a DNS name nor an IPv4 address; write one such as rabbit.example.org',
      'tls.names[2] = "10.0.0.300": neither a DNS name nor an IPv4 address; write one such as rabbit.example.org',
      'tls.only = "yes": neither true nor false; write true if clients shall reach the brokers by TLS alone, or false',
      "tls.authorities = []: empty; write the numbers of the stack's authorities, such as [1]",
      "tls.renewal = 0: not a number; write a whole number from 1 to 999",
    ],
  );
  refuses({ tls: { authorities: [1, 1] } }, ["tls.authorities = [1,1]: has a number twice; write each once"]);
});

const plugins = ["rabbitmq_management", "rabbitmq_prometheus", "rabbitmq_mqtt", "rabbitmq_web_stomp"];

test("the protocols of plug-ins have TLS once their plug-ins are there", () => {
  const { tls } = parseConfig(draft({ tls: { ports: { mqtt: 8884 } }, "rabbitmq.plugins": plugins }));
  assert.deepEqual(tls?.ports, { amqp: 5671, management: 15671, mqtt: 8884, webStomp: 15673 });
  assert.deepEqual(parseConfig(draft({ tls: { ports: { mqtt: 8884 } } })).tls?.ports, {
    amqp: 5671,
    management: 15671,
  });
});

test("refuses a port that another listener has", () => {
  refuses({ tls: { ports: { mqtt: 15673 } }, "rabbitmq.plugins": plugins }, [
    "tls.ports.webStomp = 15673: already the port of rabbitmq-ha:tls.ports.mqtt on the same host; write another",
  ]);
  parseConfig(draft({ tls: { ports: { mqtt: 15671 } } }));
  refuses({ tls: { ports: { amqp: 5672 } } }, [
    "tls.ports.amqp = 5672: already the port of rabbitmq-ha:rabbitmq.ports.amqp on the same host; write another",
  ]);
  refuses({ tls: {}, "haproxy.statsPort": 15671 }, [
    "haproxy.statsPort = 15671: already the port of rabbitmq-ha:tls.ports.management on the same host; write another",
  ]);
});

test("refuses a certificate without its key, with another's, at its end, or that is none", () => {
  const set = (key: string): string =>
    `without its private key; give it by npm run -s pulumi -- config set --secret ${key} < FILE`;
  refuses({ "tls.ca": authority.certificate }, [`tls.ca: ${set("tlsCaKey")}`]);
  refuses({ "tls.certificate": broker.certificate }, [`tls.certificate: ${set("tlsKey")}`]);
  refuses({ "tls.certificate": broker.certificate, tlsKey: other }, [
    "tls.certificate: not the certificate of the key tlsKey; give both of one pair",
  ]);
  refuses({ "tls.ca": broker.certificate, tlsCaKey: broker.key }, [
    "tls.ca: not the certificate of an authority; write one that may sign others",
  ]);
  refuses({ "tls.certificate": ended.certificate, tlsKey: ended.key }, [
    "tls.certificate: ended on 2021-03-01; write one that is valid",
  ]);
  refuses({ "tls.ca": "no certificate" }, [
    'tls.ca = "no certificate": not a certificate; write the whole PEM file, from its -----BEGIN line to its -----END line, after a |',
  ]);
});

test("refuses own terms of the connections between brokers where the program writes them, for TLS", () => {
  const advanced = "[{rabbit, [{a, 1}]},\n {kernel, [{inet_dist_listen_options, [{nodelay, true}]}]}].";
  parseConfig(draft({ tls: {}, "rabbitmq.advanced": advanced }));
  refuses({ "tls.interNode": true, "rabbitmq.advanced": advanced }, [
    "rabbitmq.advanced: line 2: inet_dist_listen_options of kernel: with tls.interNode the program writes it itself; remove it",
  ]);
});

test("refuses TLS between brokers with one certificate for all of them", () => {
  parseConfig(draft({ "tls.interNode": true, "tls.ca": authority.certificate, tlsCaKey: authority.key }));
  refuses({ "tls.interNode": true, "tls.certificate": broker.certificate, tlsKey: broker.key }, [
    "tls.interNode: true beside tls.certificate, which is not for each broker's own name; give tls.ca, which issues one for each, or remove one of them",
  ]);
});

test("refuses a key without a certificate, and one that cannot be used, and shows neither", () => {
  refuses({ tlsKey: broker.key, tlsCaKey: authority.key }, [
    "tlsCaKey: set, and tls is not; write the block tls, or remove the key",
    "tlsKey: set, and tls is not; write the block tls, or remove the key",
  ]);
  refuses({ tls: {}, tlsKey: broker.key, tlsCaKey: authority.key }, [
    "tlsCaKey: without tls.ca; write the certificate of this key, or remove the key",
    "tlsKey: without tls.certificate; write the certificate of this key, or remove the key",
  ]);
  refuses({ "tls.ca": authority.certificate, tlsCaKey: "hunter2" }, [
    "tlsCaKey: not a private key that can be read; set the whole PEM file",
  ]);
  const ed25519 = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" });
  refuses({ "tls.ca": authority.certificate, tlsCaKey: ed25519.toString() }, [
    "tlsCaKey: neither of RSA nor of an elliptic curve; set such a key",
  ]);
});

test("refuses lines of rabbitmq.conf that TLS writes, and leaves those of a stack without it alone", () => {
  const settings = { "ssl_options.certfile": "/etc/cert.pem", "ssl_options.fail_if_no_peer_cert": true };
  parseConfig(draft({ "rabbitmq.settings": settings }));
  refuses({ tls: {}, "rabbitmq.settings": settings }, [
    'rabbitmq.settings["ssl_options.certfile"]: the program writes this line itself where there is tls; remove one of them',
  ]);
  const own = [
    "mqtt.listeners.ssl.default",
    "stream.listeners.ssl",
    "web_mqtt.ssl.port",
    "web_stomp.ssl.versions.1",
  ];
  refuses(
    { tls: {}, "rabbitmq.settings": Object.fromEntries(own.map((key) => [key, 1])) },
    own.map(
      (key) =>
        `rabbitmq.settings["${key}"]: the program writes this line itself where there is tls; remove one of them`,
    ),
  );
  const free = { "web_mqtt.ssl.verify": "verify_peer", "mqtt.ssl_cert_login": true };
  parseConfig(draft({ tls: {}, "rabbitmq.settings": free }));
});
