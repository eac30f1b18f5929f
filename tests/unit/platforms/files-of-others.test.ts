/** Files that others wrote: what the probe finds of them in a real bash, and what the precheck says. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, test } from "node:test";
import { execa } from "execa";
import {
  filesOfOthersFaults,
  filesOfOthersNotice,
  parseFilesOfOthers,
  type FilesOfOthers,
} from "../../../platforms/existing/precheck/files-of-others.ts";
import { parseProbeOutput, renderProbeScript } from "../../../platforms/existing/precheck/probe.ts";
import { makeScratchFolder } from "../../support/bash.ts";
import type { IntendedSetup } from "../../../platforms/existing/precheck/probe-target.ts";
import { intendedSetup } from "../../support/intended-setup.ts";

const folder = await makeScratchFolder();
const login = { host: "", port: 22, user: "root", privateKey: "" };
const broker = { name: "mq1", address: "10.0.0.1", role: "broker", login } as const;
const balancer = { name: "lb1", address: "10.0.0.4", role: "balancer", login } as const;
const plan: IntendedSetup = {
  ...intendedSetup,
  machines: [broker, balancer],
  interface: "none",
};
const rocky: IntendedSetup = { ...plan, os: "rocky-9" };

async function put(path: string, text: string): Promise<void> {
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

async function putCommand(name: string, body: string): Promise<void> {
  await put(`bin/${name}`, `#!/bin/bash\n${body}\n`);
  await chmod(join(folder, "bin", name), 0o755);
}

beforeEach(async () => {
  for (const each of ["etc", "var", "bin"]) await rm(join(folder, each), { recursive: true, force: true });
  for (const name of ["dpkg-query", "rpm", "ss", "ip", "getent"]) await putCommand(name, "exit 1");
});

async function probe(machine: typeof broker | typeof balancer, setup = plan): Promise<FilesOfOthers> {
  const script = renderProbeScript(machine, setup).replaceAll(/\/(?=etc\/|var\/lib\/)/g, `${folder}/`);
  const env = { PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}` };
  const { stdout } = await execa("bash", ["-s"], { input: script, env, reject: false });
  const facts = parseProbeOutput(stdout.replaceAll(folder, ""), 0);
  assert.ok("files" in facts);
  return facts.files;
}

const haproxy = `global
  maxconn 9 # frontend no
frontend web
  bind *:8443 ssl crt /etc/x.pem
  bind 10.0.0.4:80
  default_backend b
listen old 10.0.0.4:9000
  balance source
backend b
  server s 10.0.0.9:1
`;

test("a balancer's own frontends and VRRP instances are named", async () => {
  await put("etc/haproxy/haproxy.cfg", haproxy);
  await put(
    "etc/keepalived/keepalived.conf",
    "vrrp_instance VI_1 {\n  authentication {\n    auth_pass secret\n  }\n}\nvrrp_instance VI_2{\n}\n",
  );
  await put("etc/haproxy/conf.d/own.cfg", "frontend more\n  bind :9443\n");
  await put("etc/rabbitmq/rabbitmq.conf", "a broker's file matters on a broker only\n");
  const found = {
    replaced: [
      {
        path: "/etc/haproxy/haproxy.cfg",
        content: "frontend web on *:8443 and 10.0.0.4:80, listen old on 10.0.0.4:9000",
      },
      { path: "/etc/keepalived/keepalived.conf", content: "vrrp_instance VI_1, vrrp_instance VI_2" },
    ],
    beside: [{ path: "/etc/haproxy/conf.d/own.cfg", content: "frontend more on :9443" }],
    instead: [],
    environment: [],
    isComplete: true,
  };
  assert.deepEqual(await probe(balancer, rocky), found);
  // Debian's HAProxy does not read that folder.
  assert.deepEqual(await probe(balancer), { ...found, beside: [] });
});

test("a broker's plug-ins and settings are named, without their values", async () => {
  await put("etc/rabbitmq/rabbitmq.conf", "# comment\nlisteners.ssl.default = 5671\ndefault_pass=secret\n");
  await put("etc/rabbitmq/advanced.config", "[{rabbit, []}].\n");
  await put("etc/rabbitmq/enabled_plugins", "%% theirs\n[rabbitmq_shovel,rabbitmq_stomp].\n");
  await put("etc/rabbitmq/conf.d/10-own.conf", "auth_backends.1 = ldap\n");
  await put("etc/rabbitmq/conf.d/rabbitmq-ha-secrets.conf", "# Written by rabbitmq-ha; a change\na = b\n");
  await put("etc/haproxy/haproxy.cfg", haproxy);
  const { replaced, beside } = await probe(broker);
  assert.deepEqual(replaced, [
    { path: "/etc/rabbitmq/rabbitmq.conf", content: "listeners.ssl.default, default_pass" },
    { path: "/etc/rabbitmq/advanced.config", content: "" },
    { path: "/etc/rabbitmq/enabled_plugins", content: "rabbitmq_shovel, rabbitmq_stomp" },
  ]);
  assert.deepEqual(beside, [{ path: "/etc/rabbitmq/conf.d/10-own.conf", content: "auth_backends.1" }]);
});

test("the program's own files, and those of a machine that it has set up, are nobody else's", async () => {
  await put("etc/haproxy/haproxy.cfg", "# Written by rabbitmq-ha; a change\nlisten rabbitmq_cluster\n");
  assert.deepEqual((await probe(balancer)).replaced, []);
  await put("etc/haproxy/haproxy.cfg", haproxy);
  assert.equal((await probe(balancer)).replaced.length, 1);
  await put("var/lib/rabbitmq-ha/owner", '{"host": "lb1", "role": "balancer"}\n');
  assert.deepEqual((await probe(balancer)).replaced, []);
  await put("var/lib/rabbitmq-ha/owner", '{"host": "lb1", "role": "broker"}\n');
  assert.equal((await probe(balancer)).replaced.length, 1, "it was something else before");
  await put("etc/systemd/system/keepalived.service.d/rabbitmq-ha.conf", "");
  assert.deepEqual((await probe(balancer)).replaced, []);
  await put("etc/rabbitmq/enabled_plugins", "[theirs].");
  await put("etc/systemd/system/rabbitmq-server.service.d/rabbitmq-ha.conf", "");
  assert.deepEqual((await probe(broker)).replaced, []);
});

test("what the package brought, unchanged, is nobody's; an answer that does not come proves nothing", async () => {
  const path = join(folder, "etc/haproxy/haproxy.cfg");
  await put("etc/haproxy/haproxy.cfg", haproxy);
  const digest = (kind: string): string => createHash(kind).update(haproxy).digest("hex");
  const answers = {
    "dpkg-query": `echo; echo ' /etc/other ${digest("md5")}'; echo ' ${path} ${digest("md5")}'`,
    rpm: `echo '${path} ${digest("sha256")}'`,
  };
  for (const [name, answer] of Object.entries(answers)) {
    await putCommand(name, `[ "\${*: -1}" = haproxy ] || exit 1\n${answer}`);
    assert.deepEqual((await probe(balancer)).replaced, [], name);
    for (const bad of ["exit 1", "sleep 30", "echo", `echo ' ${path}'`, `${answer} | tr 0-9a-f f0-9a-e`]) {
      await putCommand(name, bad);
      assert.equal((await probe(balancer)).replaced.length, 1, `${name}: ${bad}`);
    }
    await putCommand(name, answer);
    await put("etc/haproxy/haproxy.cfg", `${haproxy}# changed\n`);
    assert.equal((await probe(balancer)).replaced.length, 1, name);
    await put("etc/haproxy/haproxy.cfg", haproxy);
    await putCommand(name, "exit 1");
  }
});

test("no file, no plug-in: nothing; a link and a file that cannot be read: something", async () => {
  await put("etc/rabbitmq/enabled_plugins", "[].\n");
  await put("etc/haproxy/conf.d/README", "");
  for (const each of [broker, balancer]) {
    const nothing = { replaced: [], beside: [], instead: [], environment: [], isComplete: true };
    assert.deepEqual(await probe(each), nothing);
  }
  await symlink("/nowhere", join(folder, "etc/rabbitmq/rabbitmq.conf"));
  assert.deepEqual((await probe(broker)).replaced, [
    { path: "/etc/rabbitmq/rabbitmq.conf", content: "unreadable" },
  ]);
});

test("the broker's environment, wherever it is set", async () => {
  await put(
    "etc/rabbitmq/rabbitmq-env.conf",
    "#NODENAME=old\nMNESIA_BASE=/data\nexport RABBITMQ_USE_LONGNAME='true'; PLUGINS_DIR=/x\nMY_NODENAME=x\n",
  );
  await put("etc/default/rabbitmq-server", "ulimit -n 1\n");
  await put(
    "etc/systemd/system/rabbitmq-server.service.d/own.conf",
    '[Service]\nEnvironment="RABBITMQ_NODENAME=rabbit@x" ERL_EPMD_ADDRESS=127.0.0.1\n',
  );
  const drop = "/etc/systemd/system/rabbitmq-server.service.d/own.conf";
  assert.deepEqual((await probe(broker)).environment, [
    { path: "/etc/rabbitmq/rabbitmq-env.conf", name: "MNESIA_BASE", value: "/data" },
    { path: "/etc/rabbitmq/rabbitmq-env.conf", name: "RABBITMQ_USE_LONGNAME", value: "true" },
    { path: "/etc/rabbitmq/rabbitmq-env.conf", name: "PLUGINS_DIR", value: "/x" },
    { path: drop, name: "RABBITMQ_NODENAME", value: "rabbit@x" },
    { path: drop, name: "ERL_EPMD_ADDRESS", value: "127.0.0.1" },
  ]);
  await rm(join(folder, "etc/rabbitmq/rabbitmq-env.conf"));
  await mkdir(join(folder, "etc/rabbitmq/rabbitmq-env.conf"));
  assert.deepEqual((await probe(broker)).environment[0], {
    path: "/etc/rabbitmq/rabbitmq-env.conf",
    value: "",
  });
});

test("how a balancer's services are started, wherever that is set", async () => {
  await put(
    "etc/default/haproxy",
    '#CONFIG="/x"\nCONFIG="/etc/haproxy/other.cfg"\nEXTRAOPTS="-f /etc/haproxy/conf.d -q"\n',
  );
  await put("etc/sysconfig/keepalived", 'KEEPALIVED_OPTIONS="-D"\n');
  await put(
    "etc/systemd/system/keepalived.service.d/own.conf",
    '[Service]\nEnvironment="DAEMON_ARGS=-f /srv/x.conf"\nExecStart=\nExecStart=/opt/keepalived -n\n',
  );
  const own =
    '# Written by rabbitmq-ha: a drop-in\n[Service]\nEnvironment="EXTRAOPTS=-f /etc/haproxy/stats.cfg"\n';
  await put("etc/systemd/system/haproxy.service.d/rabbitmq-ha.conf", own);
  await put("etc/systemd/system/haproxy.service", "[Service]\nExecStartPre=/x\nExecStart=/opt/haproxy -W\n");
  const { environment } = await probe(balancer);
  const unit = "/etc/systemd/system/haproxy.service";
  const drop = "/etc/systemd/system/keepalived.service.d/own.conf";
  assert.deepEqual(environment, [
    { path: "/etc/default/haproxy", name: "CONFIG", value: "/etc/haproxy/other.cfg" },
    { path: "/etc/default/haproxy", name: "EXTRAOPTS", value: "-f /etc/haproxy/conf.d -q" },
    { path: "/etc/sysconfig/keepalived", name: "KEEPALIVED_OPTIONS", value: "-D" },
    { path: unit, name: "ExecStart", value: "/opt/haproxy -W" },
    { path: drop, name: "DAEMON_ARGS", value: "-f /srv/x.conf" },
    { path: drop, name: "ExecStart", value: "" },
    { path: drop, name: "ExecStart", value: "/opt/keepalived -n" },
  ]);
  const rest = "which the program does not follow; remove that setting";
  assert.deepEqual(judge({ environment }, true, balancer), [
    `/etc/default/haproxy sets CONFIG to /etc/haproxy/other.cfg, ${rest}`,
    `/etc/default/haproxy sets EXTRAOPTS to -f /etc/haproxy/conf.d -q, ${rest}`,
    `${unit} sets ExecStart to /opt/haproxy -W, ${rest}`,
    `${drop} sets DAEMON_ARGS to -f /srv/x.conf, ${rest}`,
    `${drop} sets ExecStart to /opt/keepalived -n, ${rest}`,
  ]);
  // A compiled HAProxy has its unit there, and what was there before is kept.
  const [, , , replaced] = environment;
  const setup = { ...plan, buildsHaproxy: true };
  const files = { ...none, environment: replaced === undefined ? [] : [replaced] };
  assert.match(
    filesOfOthersFaults(files, balancer, setup).join(),
    /^\S+haproxy\.service was written by others and would be/,
  );
  assert.deepEqual(filesOfOthersFaults(files, balancer, { ...setup, replaceFiles: true }), []);
});

const none = { replaced: [], beside: [], instead: [], environment: [], isComplete: true };
const judge = (
  files: Partial<FilesOfOthers>,
  replaceFiles = false,
  machine: typeof broker | typeof balancer = broker,
): string[] => filesOfOthersFaults({ ...none, ...files }, machine, { ...plan, replaceFiles });

test("a file in the old format, which RabbitMQ reads in place of the program's, is refused whatever the user allows", async () => {
  await put("etc/rabbitmq/rabbitmq.config", "[{rabbit, [{tcp_listeners, [5673]}]}].\n");
  const { instead } = await probe(broker);
  assert.deepEqual(instead, [{ path: "/etc/rabbitmq/rabbitmq.config", content: "" }]);
  assert.deepEqual(judge({ instead }, true), [
    "/etc/rabbitmq/rabbitmq.config is read in place of rabbitmq.conf and advanced.config; take what it sets into rabbitmq.settings or rabbitmq.advanced, and move it away",
  ]);
});

test("arguments of the Erlang VM are the machine's own affair, unless they change name, cookie or distribution", async () => {
  await put(
    "etc/rabbitmq/rabbitmq-env.conf",
    'SERVER_ADDITIONAL_ERL_ARGS="+S 4:4 -kernel shell_history enabled"\nCTL_ERL_ARGS="-proto_dist inet_tls"\nSERVER_ERL_ARGS="-setcookie x"\n',
  );
  const path = "/etc/rabbitmq/rabbitmq-env.conf";
  const rest = "which the program does not follow; remove that setting";
  assert.deepEqual(judge({ environment: (await probe(broker)).environment }), [
    `${path} sets CTL_ERL_ARGS with -proto_dist, ${rest}`,
    `${path} sets SERVER_ERL_ARGS with -setcookie, ${rest}`,
  ]);
});

test("a file of others is refused unless the user says that it may be replaced", () => {
  const replaced = [
    { path: "/etc/haproxy/haproxy.cfg", content: "frontend web on *:8443" },
    { path: "/etc/rabbitmq/advanced.config", content: "" },
  ];
  const remedy =
    "would be replaced; use another machine, or set existing.replaceFiles: true, so that it is kept and destroy gives it back";
  assert.deepEqual(judge({ replaced }), [
    `/etc/haproxy/haproxy.cfg was written by others (frontend web on *:8443) and ${remedy}`,
    `/etc/rabbitmq/advanced.config was written by others and ${remedy}`,
  ]);
  const beside = [{ path: "/etc/rabbitmq/conf.d/a.conf", content: "a.b" }];
  assert.deepEqual(judge({ beside }), [
    "/etc/rabbitmq/conf.d/a.conf was written by others (a.b) and is read beside the program's own files; take what it sets into the " +
      "stack's configuration and remove it, use another machine, or set existing.replaceFiles: true, so that it stays",
  ]);
  assert.deepEqual(judge({ replaced, beside }, true), []);
  assert.equal(
    filesOfOthersNotice([
      { label: "lb1 (10.0.0.4)", files: { ...none, replaced, beside } },
      { label: "lb2 (10.0.0.5)", files: none },
    ]),
    "Files of others:\n" +
      "lb1 (10.0.0.4): kept until destroy gives back: /etc/haproxy/haproxy.cfg (frontend web on *:8443) and /etc/rabbitmq/advanced.config.\n" +
      "lb1 (10.0.0.4): stays, and is read too: /etc/rabbitmq/conf.d/a.conf (a.b).",
  );
  assert.equal(filesOfOthersNotice([{ label: "lb2", files: none }]), undefined);
});

test("a probe that was cut off, and a file that cannot be read, are no permission", () => {
  for (const allowed of [false, true]) {
    const cut = parseFilesOfOthers((key) => (key === "files" ? [] : []));
    assert.deepEqual(filesOfOthersFaults(cut, broker, { ...plan, replaceFiles: allowed }), [
      "did not say which files of others it has, which might be replaced; log in and see what fails there",
    ]);
    const replaced = [{ path: "/etc/rabbitmq/rabbitmq.conf", content: "unreadable" }];
    const environment = [{ path: "/etc/rabbitmq/rabbitmq-env.conf", value: "" }];
    assert.deepEqual(judge({ replaced, environment }, allowed), [
      "/etc/rabbitmq/rabbitmq.conf cannot be read; mend or remove it",
      "/etc/rabbitmq/rabbitmq-env.conf cannot be read; mend or remove it",
    ]);
  }
});

test("a setting of the environment that the program does not follow is refused, each with a line", () => {
  const path = "/etc/rabbitmq/rabbitmq-env.conf";
  const given = (name: string, value: string): string[] => judge({ environment: [{ path, name, value }] });
  const bad = {
    MNESIA_BASE: "/data",
    RABBITMQ_MNESIA_DIR: "/data/mq",
    NODENAME: "rabbit@other",
    USE_LONGNAME: "true",
    NODE_IP_ADDRESS: "127.0.0.1",
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: "4370",
    RABBITMQ_NODE_PORT: "5673",
    DIST_PORT: "1",
    CONFIG_FILE: "/srv/x",
    CONFIG_FILES: "/srv/*.conf",
    ADVANCED_CONFIG_FILE: "/srv/x",
    ENABLED_PLUGINS_FILE: "/srv/x",
    QUORUM_DIR: "/data/quorum",
    STREAM_DIR: "/data/stream",
    FEATURE_FLAGS_FILE: "/data/flags",
    CONF_ENV_FILE: "/srv/env.conf",
    ENABLED_PLUGINS: "rabbitmq_top",
    LOG_BASE: "/srv/log",
    RABBITMQ_LOGS: "-",
    LOG: "error",
    DEFAULT_USER: "ops",
    DEFAULT_VHOST: "orders",
    ExecStart: "/opt/rabbitmq/sbin/rabbitmq-server",
  };
  for (const [name, value] of Object.entries(bad)) {
    assert.deepEqual(given(name, value), [
      `${path} sets ${name} to ${value}, which the program does not follow; remove that setting`,
    ]);
    assert.deepEqual(given(name, ""), []);
  }
  const good = {
    MNESIA_BASE: "/var/lib/rabbitmq/mnesia",
    RABBITMQ_NODENAME: "rabbit@mq1",
    NODENAME: "rabbit",
    RABBITMQ_USE_LONGNAME: "false",
    NODE_IP_ADDRESS: "0.0.0.0",
    NODE_PORT: "5672",
    CONFIG_FILE: "/etc/rabbitmq/rabbitmq",
    LOGS: "/var/log/rabbitmq/rabbit@mq1.log",
    DEFAULT_VHOST: "/",
  };
  for (const [name, value] of Object.entries(good)) assert.deepEqual(given(name, value), [], name);
});

test("a secret of the broker's environment is refused and not shown", () => {
  const path = "/etc/rabbitmq/rabbitmq-env.conf";
  for (const name of ["RABBITMQ_ERLANG_COOKIE", "DEFAULT_PASS"])
    assert.deepEqual(judge({ environment: [{ path, name, value: "hunter2" }] }), [
      `${path} sets ${name}, which the program does not follow; remove that setting`,
    ]);
});
