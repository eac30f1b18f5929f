/** Another SSH key: what the hosts are told and when, what is refused, and what becomes of the state. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { parseRotateOptions } from "../../../cli/rotate.ts";
import { askAll, checkBastion, type AskHost } from "../../../cli/rotate/key-hosts.ts";
import { changeKeyInState, withOtherKey } from "../../../cli/rotate/key-in-state.ts";
import {
  begun,
  finish,
  keyOf,
  makeValid,
  placesOf,
  previewOfStart,
  wantedKey,
} from "../../../cli/rotate/ssh-key.ts";
import { makePrivateKey } from "../../../platforms/ssh-keys.ts";
import { SshError } from "../../../remote/ssh.ts";
import type { Login } from "../../../verify/outputs.ts";

const [used, next, third] = ["one", "two", "three"].map((name) => keyOf(makePrivateKey(name))) as [
  ReturnType<typeof keyOf>,
  ReturnType<typeof keyOf>,
  ReturnType<typeof keyOf>,
];
const end = "npm run rotate -- ssh-key --finish";

/** What the program on each host knows, and which keys sshd accepts there. */
interface FakeHost {
  keys: string[];
  note?: { readonly new: readonly string[]; readonly former: string };
}

let hosts: Record<string, FakeHost>;
/** Each call, as `HOST FLAG KEY-OF-THE-LOG-IN`. */
let calls: string[];
/** The host that answers no more, from the call with this flag on. */
let silent: { readonly host: string; readonly from: string } | undefined;

function startHosts(): void {
  hosts = Object.fromEntries(["mq1", "mq2", "proxy1"].map((name) => [name, { keys: [used.publicKey] }]));
  calls = [];
  silent = undefined;
}
beforeEach(startHosts);

const label = (key: string): string =>
  [used, next, third].findIndex(({ publicKey }) => publicKey === key).toString();

const ask: AskHost = (login, [flag = "look"], input) => {
  const [inUse = "", ...others] = input.trim().split("\n");
  const { publicKey } = keyOf(login.privateKey);
  calls.push(`${login.name} ${flag} ${label(publicKey)}`);
  const host = hosts[login.name];
  const isSilent = login.name === silent?.host && [flag, `${flag} ${label(publicKey)}`].includes(silent.from);
  if (host === undefined || isSilent)
    return Promise.reject(new SshError("timeout", "does not answer by SSH within 10 s"));
  if (!host.keys.includes(publicKey))
    return Promise.reject(new SshError("key", "does not accept the SSH key for the user root"));
  assert.equal(inUse, publicKey);
  if (flag === "--add") {
    host.keys = [...new Set([...host.keys, ...others])];
    host.note = { new: [...(host.note?.new ?? []), ...others], former: inUse };
  } else if (flag === "--finish") {
    host.keys = host.keys.filter((key) => !others.includes(key));
    delete host.note;
  }
  const { note } = host;
  return Promise.resolve(
    JSON.stringify({
      file: "/root/.ssh/authorized_keys",
      new: note?.new.find((key) => key === inUse) ?? note?.new.at(-1) ?? null,
      former:
        note === undefined
          ? []
          : [note.former, ...note.new.filter((key) => key !== inUse && inUse !== note.former)],
    }),
  );
};

function loginsWith({ privateKey }: { readonly privateKey: string }): Login[] {
  return Object.keys(hosts).map((name) => ({ name, host: name, port: 22, user: "root", privateKey }));
}
const places = (key = used) => ({ logins: loginsWith(key), bastion: undefined });
const keysOf = (): string[] => Object.values(hosts).map(({ keys }) => keys.map(label).join("+"));
const finishing = { begin: "npm run rotate -- ssh-key", preview: false };

test("the words of the command", () => {
  assert.equal(parseRotateOptions(["ssh-key", "--key", "~/.ssh/new", "--preview"]).key, "~/.ssh/new");
  for (const [args, message] of [
    [["ssh-key", "mq1"], /ssh-key takes no name/],
    [
      ["ssh-key", "--close-connections"],
      /ssh-key takes no --close-connections, only --stack NAME, --preview, --key/,
    ],
    [["ssh-key", "--finish", "--key", "x"], /--key is for the beginning/],
    [["administrator", "--key", "x"], /administrator takes no --key/],
  ] as const)
    assert.throws(() => parseRotateOptions(args), message);
});

test("both keys are valid on every host before the new one is used, and at the end only that is", async () => {
  const found = await begun(places(), { remedy: "" }, ask, end);
  assert.ok(!found.isInUse);
  assert.match(previewOfStart(found, { remedy: "" })[0] ?? "", /^mq1: a new key would be added to \/root/);
  await makeValid(places(), next, ask);
  assert.deepEqual(keysOf(), ["0+1", "0+1", "0+1"]);
  // Added with the one in use on all, and only then logged in to with the new one.
  assert.deepEqual(
    calls.slice(3).map((call) => call.replace(/^\S+ /, "")),
    [...["--add 0", "--add 0", "--add 0"], ...["look 1", "look 1", "look 1"]],
  );
  assert.ok((await begun(places(next), { remedy: "" }, ask, end)).isInUse);
  assert.match(
    (await finish(places(next), { remedy: "" }, ask, { ...finishing, preview: true }))[0] ?? "",
    /no more$/,
  );
  assert.deepEqual(keysOf(), ["0+1", "0+1", "0+1"]);
  assert.match(
    (await finish(places(next), { remedy: "" }, ask, finishing)).join(),
    /alone is valid in the place of/,
  );
  assert.deepEqual(keysOf(), ["1", "1", "1"]);
});

test("without an answer of one host the former key stays everywhere", async () => {
  silent = { host: "proxy1", from: "look" };
  await assert.rejects(
    begun(places(), { remedy: "" }, ask, end),
    /^Error: nothing was changed:\n {2}proxy1: does not/,
  );
  silent = { host: "mq2", from: "--add" };
  await assert.rejects(
    makeValid(places(), next, ask),
    /is valid on every host; the new one is not yet:\n {2}mq2: /,
  );
  silent = { host: "mq2", from: "look 1" };
  await assert.rejects(makeValid(places(), next, ask), /the key in use stays the one in use/);
  // Run again, it goes on where it ended.
  silent = undefined;
  await makeValid(places(), next, ask);
  assert.deepEqual(keysOf(), ["0+1", "0+1", "0+1"]);
  silent = { host: "mq1", from: "look" };
  calls = [];
  await assert.rejects(
    finish(places(next), { remedy: "" }, ask, finishing),
    /former key stays valid on every host:\n/,
  );
  assert.ok(!calls.some((call) => call.includes("--finish")));
  assert.deepEqual(keysOf(), ["0+1", "0+1", "0+1"]);
});

test("a host that does not accept the new key keeps the others from using it", async () => {
  const deaf: AskHost = async (login, flags, input) => {
    const said = await ask(login, flags, input);
    const host = hosts["mq2"];
    if (host !== undefined) host.keys = [used.publicKey];
    return said;
  };
  await assert.rejects(makeValid(places(), next, deaf), /mq2: does not accept the SSH key/);
  assert.ok(keysOf().every((keys) => keys.startsWith("0")));
});

test("the end that was interrupted goes on, and has to have had a beginning", async () => {
  await assert.rejects(
    finish(places(), { remedy: "" }, ask, finishing),
    /no rotation of the SSH key has begun/,
  );
  await makeValid(places(), next, ask);
  await assert.rejects(
    finish(places(), { remedy: "" }, ask, finishing),
    /does not log in with the new one yet/,
  );
  await assert.rejects(
    finish(places(next), { key: third, remedy: "" }, ask, finishing),
    /the configuration has the key SHA256:.*, and the stack logs in with SHA256:.*; let the configuration have that one/,
  );
  silent = { host: "mq2", from: "--finish" };
  await assert.rejects(
    finish(places(next), { remedy: "" }, ask, finishing),
    /still valid on some hosts; run this again/,
  );
  assert.deepEqual(keysOf(), ["1", "0+1", "1"]);
  silent = undefined;
  await finish(places(next), { remedy: "" }, ask, finishing);
  assert.deepEqual(keysOf(), ["1", "1", "1"]);
});

test("one rotation at a time, and with a new key", async () => {
  const wanted = (key: typeof used) => ({ key, remedy: "give another" });
  await assert.rejects(begun(places(), wanted(used), ask, end), /that key is the one in use; give another/);
  await makeValid(places(), next, ask);
  assert.ok((await begun(places(next), wanted(next), ask, end)).isInUse);
  await assert.rejects(
    begun(places(next), wanted(third), ask, end),
    /has begun; first end it: npm run rotate/,
  );
});

/** A stack's state with one host; a write of a killed run lands after the next one's. */
function stateWith(key: typeof used) {
  const state = {
    text: JSON.stringify({ deployment: { resources: [{ inputs: { privateKey: key.privateKey } }] } }),
  };
  return {
    captureOrThrow: ([, verb]: readonly string[], input = "") => {
      if (verb === "import") state.text = input;
      return Promise.resolve(state.text);
    },
    key: () =>
      [used, next, third].find(({ privateKey }) => state.text.includes(JSON.stringify(privateKey))) ?? used,
  };
}

test("of two runs at once neither takes away the key that the stack logs in with in the end", async () => {
  for (const last of [next, third]) {
    startHosts();
    const state = stateWith(used);
    await makeValid(places(), next, ask);
    await makeValid(places(), third, ask);
    const first = last === next ? third : next;
    await changeKeyInState(state, "prod", used, last);
    await assert.rejects(changeKeyInState(state, "prod", used, first), /no longer has the key that this run/);
    assert.equal(state.key(), last);
    // Run again, it goes on with the key that the state has, and the end leaves that one alone.
    const found = await begun(places(last), { remedy: "" }, ask, end);
    assert.ok(found.isInUse);
    await finish(places(last), { remedy: "" }, ask, finishing);
    assert.deepEqual(
      keysOf(),
      Array.from({ length: 3 }, () => label(last.publicKey)),
    );
  }
});

test("half an answer is none, and an earlier release's program is named", async () => {
  const whole = (text: string) => askAll(places().logins.slice(0, 1), () => Promise.resolve(text), "nothing");
  for (const text of ["", "{", '{"file": "x"}', "[]"])
    await assert.rejects(whole(text), /mq1: its answer is not whole/);
  const earlier = () => Promise.reject(new SshError("command", "usage", { code: 2 }));
  await assert.rejects(askAll(places().logins, earlier, "nothing"), /mq1: .* earlier release; first run up/);
});

test("a bastion of the user's own has to accept the key before, the stack's own is a host", async () => {
  const proxy = { host: "jump", port: 22, user: "ops", privateKey: used.privateKey };
  const ssh = places().logins.map((login) => ({ ...login, proxy }));
  assert.equal(placesOf({ ssh }, []).bastion?.host, "jump");
  const own = placesOf({ ssh }, [{ urn: "urn:pulumi:s::p::aws:ec2/instance:Instance::aws-bastion-machine" }]);
  assert.deepEqual(
    [own.bastion, own.logins.map(({ host }) => host)],
    [undefined, ["jump", "mq1", "mq2", "proxy1"]],
  );
  const fails = (reason: "key" | "command") => () => Promise.reject(new SshError(reason, "refused"));
  await assert.rejects(checkBastion(proxy, fails("key")), (error: Error) => {
    assert.match(error.message, /the bastion jump does not accept the new key \(refused\)/);
    assert.ok(error.message.endsWith(used.publicKey));
    return true;
  });
  await checkBastion(proxy, fails("command"));
  assert.match(
    (await finishOnBastion(proxy)).join("\n"),
    /on the bastion jump, remove the former key yourself:\nssh-/,
  );
});

async function finishOnBastion(proxy: NonNullable<Login["proxy"]>): Promise<string[]> {
  await makeValid(places(), next, ask);
  return finish({ ...places(next), bastion: proxy }, { remedy: "" }, ask, finishing);
}

test("the wanted key: the configuration's file, another file, a secret, or one that is made", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "rabbitmq-ha-test-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const [one, two] = [file("one", used.privateKey), file("two", next.privateKey)];
  const broken = file("broken", next.privateKey.slice(0, 200));
  const existing = `config:\n  rabbitmq-ha:platform: existing\n  rabbitmq-ha:existing: { privateKeyFile: ${one} } # mine\n`;
  const pulumi = { captureOrThrow: () => Promise.resolve(third.privateKey) };
  const want = (text: string, given?: string) => wantedKey(pulumi, "prod", given, text);
  assert.deepEqual((await want(existing)).key, used);
  assert.equal((await want(existing)).edit, undefined);
  const other = await want(existing, two);
  assert.deepEqual([other.key, other.edit?.(existing)], [next, existing.replace(one, two)]);
  await assert.rejects(want(existing, join(folder, "none")), /none cannot be read; give the path/);
  await assert.rejects(want(existing, broken), (error: Error) => {
    assert.match(error.message, /broken is no private key that can be read/);
    assert.ok(!error.message.includes(next.privateKey.split("\n")[1] ?? ""));
    return true;
  });
  const secret = `${existing}  rabbitmq-ha:sshPrivateKey:\n    secure: v1:x\n`;
  assert.deepEqual((await want(secret)).key, third);
  await assert.rejects(want(secret, two), /sshPrivateKey is a secret of your own: set another one/);
  assert.equal((await want("config: {}\n")).key, undefined);
  await assert.rejects(want("config: {}\n", two), /--key is for machines of your own/);
});

test("the state has the new key wherever the former one was, and nothing else is changed", () => {
  const sign = (value: unknown) => ({
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    plaintext: JSON.stringify(value),
  });
  const state = (key: typeof used) => ({
    version: 3,
    deployment: {
      manifest: { magic: "x" },
      resources: [
        {
          type: "command:remote:Command",
          inputs: { connection: sign({ host: "mq1", privateKey: sign(key.privateKey) }) },
          outputs: {
            connection: sign({ host: "mq1", privateKey: sign(key.privateKey) }),
            triggers: [1, null],
          },
        },
        {
          type: "command:local:Command",
          inputs: {
            create: `printf '%s\\n' '${key.publicKey}' >x`,
            stdin: sign(JSON.stringify({ login: key })),
          },
        },
        {
          type: "pulumi:index:Stash",
          outputs: { output: sign(key.privateKey), other: sign(third.privateKey) },
        },
        { type: "pulumi:pulumi:Stack", outputs: { ssh: sign([{ privateKey: key.privateKey }]) } },
        { type: "aws:ec2/instance:Instance", inputs: { userData: sign(`- ${used.publicKey}`) } },
      ],
    },
  });
  assert.deepEqual(withOtherKey(state(used), used, next), state(next));
  assert.deepEqual(withOtherKey(state(used), third, third), state(used));
});
