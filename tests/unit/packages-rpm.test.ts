/** What installs RPMs, on a host whose yum and rpm only say what they are asked. */
import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { repositories } from "../../remote/sources.ts";
import { render } from "../../templates/render.ts";
import { bash, scratch, type Outcome } from "../support/bash.ts";

const root = await scratch();
let number = 0;

interface Machine {
  /** Runs a script whose yum can install all but `lacking`. */
  run(script: string, lacking?: string): Promise<Outcome>;
  /** What yum was asked since the last time. */
  asked(): Promise<string>;
  readonly folder: string;
}

/** A machine with these packages, and one installation that was cut off half-way. */
async function given(installed: readonly string[], half: readonly string[] = []): Promise<Machine> {
  number += 1;
  const folder = join(root, String(number));
  await mkdir(join(folder, "rabbitmq-ha"), { recursive: true });
  await writeFile(join(folder, "rpms"), installed.map((name) => `${name}\n`).join(""));
  await writeFile(join(folder, "asked"), "");
  if (half.length > 0) await writeFile(join(folder, "rabbitmq-ha", "installing"), `${half.join("\n")}\n`);
  const commands = (lacking: string): string => `
rpm() { shift; local name; for name in "$@"; do grep -qxF "$name" ${folder}/rpms || return 1; done; }
yum() {
  echo "yum $*" | sed 's![^ ]*/rabbitmq-ha\\.[A-Za-z0-9]*/!!g' >>${folder}/asked
  local name; for name in "$@"; do
    name=\${name##*/}; name=\${name%.rpm}
    case $name in -*|install|reinstall|${lacking}) ;; *) echo "$name" >>${folder}/rpms ;; esac
  done
  echo "yum's last words"
}
`;
  return {
    folder,
    run: (script, lacking = "''") =>
      bash(
        commands(lacking) +
          script
            .replaceAll("/var/lib/rabbitmq-ha", `${folder}/rabbitmq-ha`)
            .replaceAll("/var/log/", `${folder}/`)
            .replaceAll("/etc/yum.repos.d", `${folder}/repos`),
      ),
    asked: async () => {
      const text = await readFile(join(folder, "asked"), "utf8");
      await writeFile(join(folder, "asked"), "");
      return text;
    },
  };
}

const common = { proxy: "", installer: "yum", ...repositories({ os: "centos-7" }) };
const names = ["haproxy", "socat"];
const script = render("remote/packages-rpm.sh", { ...common, names });
const well = { code: 0, stdout: "", stderr: "" };

test("where all is there, nothing is asked", async () => {
  const machine = await given(names);
  assert.deepEqual(await machine.run(script), well);
  assert.equal(await machine.asked(), "");
});

test("what is missing is installed, and nothing else", async () => {
  const machine = await given(["socat"]);
  assert.deepEqual(await machine.run(script), well);
  assert.equal(await machine.asked(), "yum -y install haproxy\n");
  assert.deepEqual(await machine.run(script), well);
  assert.equal(await machine.asked(), "");
});

test("the proxy is told to yum alone", async () => {
  const machine = await given([]);
  await machine.run(
    render("remote/packages-rpm.sh", { ...common, names, proxy: "http://p.example.org:3128" }),
  );
  assert.equal(
    await machine.asked(),
    "yum -y --setopt=proxy=http://p.example.org:3128 install haproxy socat\n",
  );
});

test("an installation that was cut off is made good", async () => {
  const machine = await given(["haproxy"], ["haproxy"]);
  assert.deepEqual(await machine.run(script), well);
  assert.equal(await machine.asked(), "yum -y reinstall haproxy\nyum -y install socat\n");
  assert.deepEqual(await machine.run(script), well);
  assert.equal(await machine.asked(), "");
});

test("a package that yum passes over is told, with yum's last words", async () => {
  const machine = await given([]);
  const { code, stderr } = await machine.run(script, "socat");
  assert.equal(code, 1);
  assert.match(stderr, /of haproxy socat not all could be installed; the end of .*:\nyum's last words\n$/);
});

/** The two RPMs, from the machine's own disc. */
function rpms(
  machine: Machine,
  sum = (content: string) => createHash("sha256").update(content).digest("hex"),
) {
  const files = [
    { name: "erlang", key: "erlang" },
    { name: "rabbitmq-server", key: "rabbitmq" },
  ].map((file) => ({ ...file, url: `file://${machine.folder}/${file.key}.rpm`, sha256: sum(file.key) }));
  return render("rabbitmq/rpms.sh", { ...common, files }).replaceAll("/var/tmp/", `${machine.folder}/`);
}

async function downloads(machine: Machine): Promise<void> {
  for (const key of ["erlang", "rabbitmq"]) await writeFile(join(machine.folder, `${key}.rpm`), key);
}

test("both RPMs are fetched, checked and installed in one go", async () => {
  const machine = await given([]);
  await downloads(machine);
  assert.deepEqual(await machine.run(rpms(machine)), well);
  assert.equal(await machine.asked(), "yum -y install erlang.rpm rabbitmq-server.rpm\n");
  for (const key of ["erlang", "rabbitmq"]) await rm(join(machine.folder, `${key}.rpm`));
  assert.deepEqual(await machine.run(rpms(machine)), well);
});

test("an RPM with another sum is not installed", async () => {
  const machine = await given([]);
  await downloads(machine);
  const { code, stderr } = await machine.run(rpms(machine, () => "0".repeat(64)));
  assert.equal(code, 1);
  assert.match(
    stderr,
    /erlang\.rpm has the SHA-256 [0-9a-f]{64} and packages\.erlang\.sha256 says 0{64}; nothing was/,
  );
  assert.equal(await machine.asked(), "");
});

test("an RPM that is not there is told", async () => {
  const machine = await given([]);
  const { code, stderr } = await machine.run(rpms(machine));
  assert.equal(code, 1);
  assert.match(stderr, /erlang could not be fetched from file:.*erlang\.rpm; the end of /);
});
