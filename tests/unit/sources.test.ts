/** What points a host's package sources to a mirror, and takes that back. */
import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { OperatingSystem } from "../../platforms/host.ts";
import { repositories } from "../../remote/sources.ts";
import { systems } from "../../remote/systems.ts";
import { render } from "../../templates/render.ts";
import { bash, scratch, type Outcome } from "../support/bash.ts";

const root = await scratch();
let number = 0;

interface Machine {
  /** Runs the script for a mirror, or for what is usual without one. */
  point(mirror?: string): Promise<Outcome>;
  undo(): Promise<Outcome>;
  read(path: string): Promise<string>;
  write(path: string, content: string): Promise<void>;
}

/** A machine with these files, by their paths. */
async function given(os: OperatingSystem, files: Readonly<Record<string, string>>): Promise<Machine> {
  number += 1;
  const folder = join(root, String(number));
  const write = async (path: string, content: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  };
  for (const [path, content] of Object.entries(files)) await write(path, content);
  const run = (script: string): Promise<Outcome> =>
    bash(script.replaceAll("/etc/", `${folder}/etc/`).replaceAll("=/var/", `=${folder}/var/`));
  return {
    write,
    read: (path) => readFile(join(folder, path), "utf8"),
    undo: () => run(render("remote/sources-undo", {})),
    point: (mirror) =>
      run(
        render(
          systems[os].installer === "apt" ? "remote/sources-apt.sh" : "remote/sources-rpm.sh",
          repositories({ os, packages: mirror === undefined ? {} : { mirror } }),
        ),
      ),
  };
}

const well = { code: 0, stdout: "", stderr: "" };

const base = "etc/yum.repos.d/CentOS-Base.repo";
const centos = `[base]
name=CentOS-$releasever - Base
mirrorlist=http://mirrorlist.centos.org/?release=$releasever&arch=$basearch&repo=os&infra=$infra
#baseurl=http://mirror.centos.org/centos/$releasever/os/$basearch/
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7
`;
const pointed = (mirror: string): string =>
  centos
    .replace("mirrorlist=", "#mirrorlist=")
    .replace("#baseurl=http://mirror.centos.org/centos/$releasever/", `baseurl=${mirror}/`);
const vault = "http://vault.centos.org/7.9.2009";

test("CentOS 7's own addresses become the vault's, and a second run changes nothing", async () => {
  const machine = await given("centos-7", { [base]: centos });
  assert.deepEqual(await machine.point(), well);
  assert.equal(await machine.read(base), pointed(vault));
  assert.deepEqual(await machine.point(), well);
  assert.equal(await machine.read(base), pointed(vault));
});

test("a mirror stands in for it, another one for that, and at the end the file is as it was", async () => {
  const machine = await given("centos-7", { [base]: centos });
  await machine.point();
  await machine.point("http://one.example.org/centos/7/");
  assert.equal(await machine.read(base), pointed("http://one.example.org/centos/7"));
  await machine.point("file:///srv/centos");
  assert.equal(await machine.read(base), pointed("file:///srv/centos"));
  assert.deepEqual(await machine.undo(), well);
  assert.equal(await machine.read(base), centos);
});

test("a file that a package wrote anew is pointed anew, and repositories of others stay", async () => {
  const epel = "[epel]\nmetalink=https://mirrors.fedoraproject.org/metalink?repo=epel-7\n";
  const own = "[own]\nmirrorlist=http://own.example.org/list\nbaseurl=http://own.example.org/el7\n";
  const others = { "etc/yum.repos.d/epel.repo": epel, "etc/yum.repos.d/own.repo": own };
  const machine = await given("centos-7", { [base]: centos, ...others });
  await machine.point();
  const newer = centos.replace("[base]", "[base-anew]");
  await machine.write(base, newer);
  await machine.point();
  assert.equal(await machine.read(base), pointed(vault).replace("[base]", "[base-anew]"));
  for (const [path, content] of Object.entries(others)) assert.equal(await machine.read(path), content);
  await machine.undo();
  assert.equal(await machine.read(base), newer);
});

test("a repository of the software collections goes to the vault too", async () => {
  const path = "etc/yum.repos.d/CentOS-SCLo-scl-rh.repo";
  const machine = await given("centos-7", {
    [path]: "[sclo]\nbaseurl=http://mirror.centos.org/centos/7/sclo/$basearch/rh/\n",
  });
  await machine.point();
  assert.equal(await machine.read(path), `[sclo]\nbaseurl=${vault}/sclo/$basearch/rh/\n`);
});

const rebuilds: readonly (readonly [OperatingSystem, string])[] = [
  ["rocky-9", "#baseurl=http://dl.rockylinux.org/$contentdir/$releasever/BaseOS/$basearch/os/"],
  ["rocky-8", "# baseurl=https://repo.almalinux.org/almalinux/$releasever/BaseOS/$basearch/os/"],
];
for (const [os, line] of rebuilds) {
  test(`${os}: only a mirror that is asked for stands in, and it goes with the configuration`, async () => {
    const path = "etc/yum.repos.d/base.repo";
    const content = `[baseos]\nmirrorlist=https://mirrors.example.org/?repo=BaseOS\n${line}\n`;
    const machine = await given(os, { [path]: content });
    assert.deepEqual(await machine.point(), well);
    assert.equal(await machine.read(path), content);
    await machine.point("http://mirror.example.org/9");
    assert.equal(
      await machine.read(path),
      "[baseos]\n#mirrorlist=https://mirrors.example.org/?repo=BaseOS\nbaseurl=http://mirror.example.org/9/BaseOS/$basearch/os/\n",
    );
    assert.deepEqual(await machine.point(), well);
    assert.equal(await machine.read(path), content);
  });
}

test("Debian's and Ubuntu's archive in both forms of file; security of Debian and others stay", async () => {
  const list = "etc/apt/sources.list";
  const sources = "etc/apt/sources.list.d/own.sources";
  const machine = await given("debian-12", {
    [list]:
      "# deb http://deb.debian.org/debian old main\ndeb [arch=amd64] http://deb.debian.org/debian bookworm main\n" +
      "deb http://deb.debian.org/debian-security bookworm-security main\ndeb https://own.example.org/apt bookworm main\n",
    [sources]: "Types: deb\nURIs: http://deb.debian.org/debian/\nSuites: bookworm-updates\n",
  });
  assert.deepEqual(await machine.point("http://mirror.example.org/d"), well);
  assert.equal(
    await machine.read(list),
    "# deb http://deb.debian.org/debian old main\ndeb [arch=amd64] http://mirror.example.org/d bookworm main\n" +
      "deb http://deb.debian.org/debian-security bookworm-security main\ndeb https://own.example.org/apt bookworm main\n",
  );
  assert.equal(
    await machine.read(sources),
    "Types: deb\nURIs: http://mirror.example.org/d\nSuites: bookworm-updates\n",
  );
  await machine.point();
  assert.match(await machine.read(sources), /^URIs: http:\/\/deb\.debian\.org\/debian\/$/m);
});

test("a mirror that has no place is told", async () => {
  const machine = await given("ubuntu-24.04", {
    "etc/apt/sources.list": "deb https://own.example.org/apt noble main\n",
  });
  const { code, stderr } = await machine.point("http://mirror.example.org/ubuntu");
  assert.equal(code, 1);
  assert.match(stderr, /packages\.mirror \(http:\/\/mirror\.example\.org\/ubuntu\) has no place to stand in/);
});

test("nothing to take back is no fault", async () => {
  const machine = await given("debian-12", { "etc/apt/sources.list": "" });
  assert.deepEqual(await machine.point(), well);
  assert.deepEqual(await machine.undo(), well);
  await rm(join(root, String(number)), { recursive: true });
});
