/** When a broker leaves its cluster, and when it does not: against commands that only play a cluster. */
import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { render } from "../../templates/render.ts";
import { bash, scratch, type Outcome } from "../support/bash.ts";

const root = await scratch();
let folder = "";
let number = 0;

/** A cluster as its members tell of it; `$host` is the folder with its state, a name on each line of a file. */
const commands: Readonly<Record<string, string>> = {
  rabbitmqctl: `
all=$*
list() { sed 's/.*/"rabbit@&"/' $host/$1 | paste -sd,; }
gone() { sed -i "/^$2$/d" $host/$1; }
case "$*" in
*cluster_status*) echo "{\\"disk_nodes\\":[$(list members)],\\"ram_nodes\\":[],\\"running_nodes\\":[$(list running)]}" ;;
*list_vhosts*) echo / ;;
*list_queues*) cat $host/queues ;;
*is_being_drained*) name=\${all##*rabbit@}; if grep -qx "\${name%%\\'*}" $host/draining; then echo true; else echo false; fi ;;
*nodes*) echo false ;;
*stop_and_halt*) echo stop >>$host/asked; gone running b3; [ ! -e $host/unled ] || cp $host/unled $host/queues ;;
*forget_cluster_node*) echo "forget \${all##*@}" >>$host/asked; gone members "\${all##*@}" ;;
*drain*) echo drain >>$host/asked ;;
*revive*) echo revive >>$host/asked ;;
esac`,
  "rabbitmq-queues": `
case "$*" in
--help) echo check_if_node_is_mirror_sync_critical ;;
*) echo "\${*:2}" >>$host/asked ;;
esac`,
};

async function put(name: string, lines: readonly string[]): Promise<void> {
  await writeFile(join(folder, name), lines.map((line) => `${line}\n`).join(""));
}

const asked = async (): Promise<string[]> =>
  (await readFile(join(folder, "asked"), "utf8")).split("\n").filter((line) => line !== "");

/** Lines of `list_queues`: name, type, exclusive, members, leader, mirrors in sync. */
const mirrored = "orders\tclassic\tfalse\t\t<rabbit@b3.1.2.0>\t[<rabbit@b1.1.3.0>]";
const quorum = "bills\tquorum\t\t[rabbit@b1, rabbit@b2, rabbit@b3]\t<rabbit@b3.1.4.0>\t";
const single = "alone\tclassic\tfalse\t\t<rabbit@b3.1.5.0>\t[]";
const exclusive = "mine\tclassic\ttrue\t\t<rabbit@b3.1.6.0>\t[]";

beforeEach(async () => {
  number += 1;
  folder = join(root, String(number));
  await mkdir(join(folder, "bin"), { recursive: true });
  for (const [name, text] of Object.entries(commands)) {
    await writeFile(join(folder, "bin", name), `#!/bin/bash\nhost=${folder}\n${text}\n`);
    await chmod(join(folder, "bin", name), 0o755);
  }
  for (const name of ["members", "running", "brokers"]) await put(name, ["b1", "b2", "b3"]);
  await put("queues", [mirrored, quorum, exclusive]);
  await put("draining", []);
  await put("asked", []);
});

/** Without patience, and with what the host knows in the folder. */
async function run(script: string): Promise<Outcome> {
  const own = script
    .replaceAll("/var/lib/rabbitmq-ha/", `${folder}/`)
    .replaceAll("/var/lib/rabbitmq/", `${folder}/`)
    .replace("SECONDS + 60", "SECONDS");
  return bash(`set -eu\nPATH=${folder}/bin:$PATH\n${own}`);
}

const leave = (): Promise<Outcome> =>
  run(render("rabbitmq/leave.sh", { self: "b1", name: "b3", brokers: ["b1", "b2", "b3"] }));
const members = (...brokers: string[]): Promise<Outcome> =>
  run(render("rabbitmq/members.sh", { name: "b1", brokers }));

async function refused(words: RegExp): Promise<void> {
  const { code, stderr } = await leave();
  assert.equal(code, 1);
  assert.match(stderr, words);
}

test("a broker that runs is drained, gives up its places, stops, and is forgotten", async () => {
  const { code, stdout, stderr } = await leave();
  assert.equal(code, 0, stderr);
  assert.deepEqual(await asked(), ["drain", "shrink rabbit@b3", "stop", "forget b3"]);
  assert.match(stdout, /^b3: has left; members are b1 b2$/m);
  assert.equal((await leave()).code, 0);
  assert.equal((await asked()).length, 4, "it left twice");
});

test("one that does not run is forgotten as it is", async () => {
  await put("running", ["b1", "b2"]);
  assert.equal((await leave()).code, 0);
  assert.deepEqual(await asked(), ["forget b3"]);
});

test("nobody leaves while another one is away, and nothing is done", async () => {
  await put("running", ["b1", "b3"]);
  await refused(/^b3 does not leave the cluster: b2 would have to run beside it as members/);
  await put("members", ["b1", "b3"]);
  await refused(/b2 would have to run beside it/);
  assert.deepEqual(await asked(), []);
});

test("a majority of the members stays", async () => {
  await put("members", ["b1", "b2", "b3", "x4", "x5"]);
  await refused(/2 of 5 members would run without it, and that is no majority/);
  assert.deepEqual(await asked(), []);
});

test("a queue whose only copy is there keeps it, by its name", async () => {
  await put("queues", [mirrored, quorum, single, "down\tclassic\tfalse\t\t\t"]);
  await refused(/it has the only copy of 2 queues: alone \(classic, virtual host \/\); down \(classic/);
  assert.deepEqual(await asked(), []);
});

test("a queue that nobody leads once it has stopped is not forgotten with it", async () => {
  await put("unled", [quorum, "orders\tclassic\tfalse\t\t\t"]);
  await refused(/it has the only copy of 1 queues: orders/);
  assert.deepEqual(await asked(), ["drain", "shrink rabbit@b3", "stop"]);
});

test("of two that leave at the same moment none does: it serves again", async () => {
  await put("draining", ["b2"]);
  await refused(/b2 is being drained\. One broker leaves at a time/);
  assert.deepEqual(await asked(), ["drain", "revive"]);
});

test("who is no broker of the stack any more leaves; a member that somebody else has added stays", async () => {
  await put("members", ["b1", "b2", "b3", "x4"]);
  await put("running", ["b1", "b2", "b3", "x4"]);
  const { code, stderr } = await members("b1", "b2");
  assert.equal(code, 0, stderr);
  assert.deepEqual((await asked()).at(-1), "forget b3");
  assert.equal(await readFile(join(folder, "members"), "utf8"), "b1\nb2\nx4\n");
});

test("where all members are brokers, no Erlang is started to see it", async () => {
  await mkdir(join(folder, "mnesia", "rabbit@b1"), { recursive: true });
  await put("mnesia/rabbit@b1/cluster_nodes.config", ["{[rabbit@b1,rabbit@b2,rabbit@b3],[rabbit@b1]}."]);
  await chmod(join(folder, "bin", "rabbitmqctl"), 0o000);
  assert.equal((await members("b1", "b2", "b3")).code, 0);
});
