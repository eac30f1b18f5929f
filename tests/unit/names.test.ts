/** What writes the stack's names into a host's /etc/hosts. */
import assert from "node:assert/strict";
import { chmod, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { render } from "../../templates/render.ts";
import { bash, scratch } from "../support/bash.ts";

const folder = await scratch();
const peers = [
  { name: "cent120", address: "192.168.56.120" },
  { name: "cent121", address: "192.168.56.121" },
];
const block = "# rabbitmq-ha: begin\n192.168.56.120 cent120\n192.168.56.121 cent121\n# rabbitmq-ha: end\n";
let number = 0;

interface Names {
  /** Runs the script. @returns what it asked of the system, one command a line */
  run(of?: { readonly host?: string; readonly peers?: typeof peers }): Promise<string>;
  readonly path: string;
  hosts(): Promise<string>;
}

/** A hosts file with some content, and a host that is called cent120. */
async function given(content: string): Promise<Names> {
  number += 1;
  const path = join(folder, `hosts-${number}`);
  await writeFile(path, content);
  return {
    path,
    hosts: () => readFile(path, "utf8"),
    async run({ host = "cent120", peers: others = peers } = {}) {
      const script = render("remote/names.sh", { name: host, peers: others }).replaceAll("/etc/hosts", path);
      const system = `hostname() { echo cent120; }\nhostnamectl() { echo "hostnamectl $*"; }\n`;
      const { code, stdout, stderr } = await bash(system + script);
      assert.deepEqual([code, stderr], [0, ""]);
      return stdout;
    },
  };
}

test("the names come after what is there, and the host's own name stays when it is right", async () => {
  const names = await given("127.0.0.1 localhost\n::1 localhost ip6-localhost\n");
  assert.equal(await names.run(), "");
  assert.equal(await names.hosts(), `127.0.0.1 localhost\n::1 localhost ip6-localhost\n${block}`);
  assert.equal((await stat(names.path)).mode & 0o7777, 0o644);
});

test("another host name is set", async () => {
  const names = await given("");
  assert.equal(await names.run({ host: "cent121" }), "hostnamectl set-hostname cent121\n");
});

test("a second run leaves the file alone", async () => {
  const names = await given("127.0.0.1 localhost\n");
  await names.run();
  const { ino, mtimeMs } = await stat(names.path);
  await names.run();
  assert.deepEqual([(await stat(names.path)).ino, (await stat(names.path)).mtimeMs], [ino, mtimeMs]);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith(`hosts-${number}.`)),
    [],
  );
});

test("the block follows the stack: what went is gone, what came is there", async () => {
  const names = await given("127.0.0.1 localhost\n");
  await names.run();
  await names.run({ peers: [{ name: "cent120", address: "10.0.0.1" }] });
  assert.equal(
    await names.hosts(),
    "127.0.0.1 localhost\n# rabbitmq-ha: begin\n10.0.0.1 cent120\n# rabbitmq-ha: end\n",
  );
});

test("lines that say otherwise of these names go: Debian's 127.0.1.1 breaks clustering", async () => {
  const names = await given(
    "127.0.1.1\tcent120\n127.0.1.1 cent120.example.org cent120\n192.168.56.9 cent121\n",
  );
  await names.run();
  assert.equal(await names.hosts(), `127.0.1.1 cent120.example.org\n${block}`);
});

test("other lines stay to the byte: comments, blank lines, spaces, names that only look like ours", async () => {
  const foreign = [
    ...[
      "# cent120 was here",
      "  # cent121",
      "",
      "   ",
      "10.0.0.9   db  db.example.org\t# cent-side",
      "fe80::1%eth0 router",
    ],
    ...["10.0.0.8 cent1200 xcent120 cent120.example.org", "127.0.0.1 localhost"],
  ].join("\n");
  const names = await given(`${foreign}\n`);
  await names.run();
  assert.equal(await names.hosts(), `${foreign}\n${block}`);
});

test("of a line with other names, only ours go", async () => {
  const names = await given("127.0.0.1 localhost cent120\n10.0.0.7 db cent121 db2\n");
  await names.run();
  assert.equal(await names.hosts(), `127.0.0.1 localhost\n10.0.0.7 db db2\n${block}`);
});

test("the rest of a file whose last line has no end is kept", async () => {
  const names = await given("127.0.0.1 localhost\n10.0.0.7 db");
  await names.run();
  assert.equal(await names.hosts(), `127.0.0.1 localhost\n10.0.0.7 db\n${block}`);
});

test("what was written after the block stays, before it", async () => {
  const names = await given(`127.0.0.1 localhost\n${block}10.0.0.7 db\n`);
  await names.run();
  assert.equal(await names.hosts(), `127.0.0.1 localhost\n10.0.0.7 db\n${block}`);
});

test("every user can read the file, whatever its mode was", async () => {
  const names = await given("127.0.0.1 localhost\n");
  await chmod(names.path, 0o600);
  await names.run();
  assert.equal((await stat(names.path)).mode & 0o7777, 0o644);
});
