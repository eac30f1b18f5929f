/** What mounts a broker's volume: an empty one gets a file system, and nothing that holds something ever does. */
import assert from "node:assert/strict";
import { chmod, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { execa } from "execa";
import { render } from "../../templates/render.ts";
import { bash, scratch, type Outcome } from "../support/bash.ts";

const folder = await scratch();
const id = "vol-0123456789abcdef0";
let number = 0;
let root: string;

/** A machine's own files below a folder, with tools that mount nothing; the volume is a file. */
beforeEach(async () => {
  number += 1;
  root = join(folder, String(number));
  for (const path of ["bin", "etc", "dev", "data"]) await mkdir(join(root, path), { recursive: true });
  await writeFile(join(root, "etc", "fstab"), "UUID=root / ext4 defaults 0 1\n");
  const tools = {
    mountpoint: `[ -e ${root}/mounted ]`,
    mount: `echo "$*" >>${root}/mounted`,
    systemctl: ":",
    restorecon: ":",
  };
  for (const [name, text] of Object.entries(tools)) {
    await writeFile(join(root, "bin", name), `#!/bin/sh\n${text}\n`);
    await chmod(join(root, "bin", name), 0o755);
  }
});

const device = (): string => join(root, "dev", `nvme-Amazon_Elastic_Block_Store_${id.replace("-", "")}`);

/** A volume of 32 MiB, all zeros. */
async function attach(): Promise<void> {
  await writeFile(device(), "");
  await truncate(device(), 2 ** 25);
}

function mount(): Promise<Outcome> {
  const script = render("aws/mount.sh", { name: "rabbit1", target: join(root, "data"), patience: 1 })
    .replaceAll("/etc/fstab", join(root, "etc", "fstab"))
    .replaceAll("/dev/disk/by-id", join(root, "dev"))
    .replace("[ -b ", "[ -e ");
  return bash(`PATH=${root}/bin:/usr/sbin:/usr/bin:/sbin:/bin\n${script}`, id);
}

const fstab = (): Promise<string> => readFile(join(root, "etc", "fstab"), "utf8");

test("an empty volume gets a file system, a line in fstab, and its place", async () => {
  await attach();
  const { code, stderr } = await mount();
  assert.equal(code, 0, stderr);
  const [own, line = ""] = (await fstab()).split("\n");
  assert.equal(own, "UUID=root / ext4 defaults 0 1");
  assert.match(line, new RegExp(`^UUID=[0-9a-f-]{36} ${root}/data ext4 defaults,noatime,nofail,`));
  assert.equal(await readFile(join(root, "mounted"), "utf8"), `${root}/data\n`);
});

test("a second run changes nothing, and another machine takes the file system as it is", async () => {
  await attach();
  await mount();
  const before = await fstab();
  assert.equal((await mount()).code, 0);
  assert.equal(await fstab(), before);
  await writeFile(join(root, "etc", "fstab"), "");
  assert.equal((await mount()).code, 0);
  assert.equal(await fstab(), before.split("\n").slice(1).join("\n"));
});

test("a volume that holds something else is left as it is", async () => {
  await attach();
  await execa("/sbin/mkswap", [device()]);
  const before = await readFile(device());
  const { code, stderr } = await mount();
  assert.equal(code, 1);
  assert.equal(
    stderr,
    `rabbit1: the volume ${id} holds something that is no file system; empty it, or take another one\n`,
  );
  assert.ok(before.equals(await readFile(device())));
});

test("data on the machine's own disk is not hidden", async () => {
  await attach();
  await writeFile(join(root, "data", "messages"), "");
  const { code, stderr } = await mount();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /holds data on the machine's own disk, which the volume would hide; move it away first/,
  );
});

test("a volume that does not come is named", async () => {
  const { code, stderr } = await mount();
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^rabbit1: the volume ${id} has not appeared as .* after 1 s\n$`));
});
