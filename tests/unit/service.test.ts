/** When a service is started, reloaded or restarted, and when its restart is left to a later script. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { render } from "../../templates/render.ts";
import { bash, scratch, type Outcome } from "../support/bash.ts";

const root = await scratch();
const watched = { restart: ["unit.conf"], reload: ["haproxy.cfg"] };
const values = { unit: "haproxy", watched };
const service = render("remote/service.sh", { ...values, address: "10.0.0.100" });
/** What waits for the services of all hosts. */
const later = render("remote/service.sh", { ...values, address: "" });

let folder: string;
let number = 0;

/** A host whose service runs with its files. */
beforeEach(async () => {
  number += 1;
  folder = join(root, String(number));
  await mkdir(folder);
  for (const name of ["unit.conf", "haproxy.cfg"]) await writeFile(join(folder, name), "old\n");
  await writeFile(join(folder, "active"), "");
  await writeFile(join(folder, "addresses"), "2: eth0 inet 10.0.0.4/24 scope global eth0\n");
  await run("read_files");
});

async function run(script: string): Promise<Outcome> {
  const commands = `
cd ${folder}
read_files() {
  sha256sum <unit.conf >haproxy.restart
  sha256sum <haproxy.cfg >haproxy.reload
}
systemctl() {
  case "$*" in
  *is-enabled* | daemon-reload | reset-failed*) ;;
  *is-active*) [ -e active ] ;;
  *) echo "$1"; touch active; read_files ;;
  esac
}
ip() { cat addresses; }
hostname() { echo lb1; }
`;
  return bash(commands + script.replaceAll("/run/rabbitmq-ha/", `${folder}/`));
}

const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
const holds = async (): Promise<void> => {
  const addresses = await readFile(join(folder, "addresses"), "utf8");
  await write("addresses", `${addresses}2: eth0 inet 10.0.0.100/24 scope global secondary eth0\n`);
};
const printed = async (script: string): Promise<string> => {
  const { code, stdout, stderr } = await run(script);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
};

test("a service that runs with its files is left alone", async () => {
  assert.equal(await printed(service), "");
  assert.equal(await printed(later), "");
});

test("a host without the address restarts at once", async () => {
  await write("unit.conf", "new\n");
  assert.equal(await printed(service), "restart\n");
  assert.equal(await printed(later), "");
});

test("the host with the address leaves its restart to the script that waits for all", async () => {
  await holds();
  await write("unit.conf", "new\n");
  assert.equal(
    await printed(service),
    "lb1: holds 10.0.0.100, so haproxy is restarted here after the others\n",
  );
  assert.equal(
    await printed(service),
    "lb1: holds 10.0.0.100, so haproxy is restarted here after the others\n",
  );
  assert.equal(await printed(later), "restart\n");
  assert.equal(await printed(service), "");
});

test("a longer address that begins alike is another one", async () => {
  await write("addresses", "2: eth0 inet 110.0.0.100/24 scope global eth0\n3: eth1 inet 10.0.0.1/24\n");
  await write("unit.conf", "new\n");
  assert.equal(await printed(service), "restart\n");
});

test("it does not wait with a reload, nor with the start of a service that does not run", async () => {
  await holds();
  await write("haproxy.cfg", "new\n");
  assert.equal(await printed(service), "reload\n");
  await run("rm active");
  await write("unit.conf", "new\n");
  assert.equal(await printed(service), "start\n");
});
