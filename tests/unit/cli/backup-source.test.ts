/** A broker that is asked for its definitions: an answer that is cut, in part, late or none is no answer. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { askDefinitions, giveDefinitions, PartialAnswer, readAnswer } from "../../../cli/backup/broker.ts";
import { askAnyBroker, NoAnswerError } from "../../../cli/backup/source.ts";
import { upToDate } from "../../../hosts/khepri.ts";
import type { Login } from "../../../verify/outputs.ts";
import { newKey } from "../../engine/ssh-keys.ts";
import { SshServer } from "../../engine/ssh-server.ts";
import { definitionsOf, queue, user } from "../definitions/draft.ts";

const { version, ...lists } = definitionsOf({ users: [user("app")], queues: [queue("a")] });
const counts = { vhosts: 1, users: 1, permissions: 0, policies: 0, exchanges: 0, queues: 1, bindings: 0 };
const whole = { definitions: { rabbitmq_version: version, ...lists }, before: counts, after: counts };

/** As Erlang prints a long binary. */
function printed(term: unknown): string {
  const text = Buffer.from(JSON.stringify(term)).toString("base64");
  const lines = text.match(/.{1,60}/g) ?? [];
  return `<<${lines.map((line) => `"${line}"`).join("\n  ")}>>\n`;
}

const key = newKey();
const servers: SshServer[] = [];
after(async () => {
  for (const server of servers) await server.stop();
});

/** A host whose sshd runs this instead of RabbitMQ's tool. */
async function host(name: string, forcedCommand: string): Promise<Login> {
  const server = await SshServer.start({ keys: [key.public], forcedCommand });
  servers.push(server);
  const { public: hostKey } = server.hostKey;
  return { name, host: "127.0.0.1", port: server.port, user: "root", privateKey: key.private, hostKey };
}

const says = (text: string): string => `cat >/dev/null; printf '%s' '${text}'`;

test("this computer and the program on the hosts have the same text that makes a member with Khepri know all", () => {
  const source = readFileSync(join(import.meta.dirname, "..", "..", "..", "agent", "khepri.py"), "utf8");
  const [, isEnabled = ""] = /^IS_ENABLED = "(.*)"$/m.exec(source) ?? [];
  const [, fence = ""] = /^FENCE = """(.*?)"""/ms.exec(source) ?? [];
  assert.match(fence, /khepri:fence\(rabbitmq_metadata, /);
  assert.match(fence, /rabbit_khepri_queue/);
  assert.equal(upToDate.trim(), fence.replaceAll("{0}", isEnabled).trim());
});

test("a whole answer is taken, in one piece or several", () => {
  assert.deepEqual(readAnswer(printed(whole)).definitions.users, [user("app")]);
  assert.deepEqual(JSON.parse(readAnswer(printed(whole)).text), whole.definitions);
});

test("an answer that is cut anywhere is refused", () => {
  const text = printed(whole).trimEnd();
  for (const length of [0, 1, 2, 3, 30, text.length >> 1, text.length - 2, text.length - 1])
    assert.throws(() => readAnswer(text.slice(0, length)), PartialAnswer, String(length));
  const json = JSON.stringify(whole);
  const half = Buffer.from(json.slice(0, json.length - 9)).toString("base64");
  assert.throws(() => readAnswer(`<<"${half}">>`), /the broker's answer is cut/);
});

test("a list that is missing, or shorter than the broker's count, is refused", () => {
  const { queues: _, ...rest } = whole.definitions;
  const of = (changes: object): string => printed({ ...whole, ...changes });
  assert.throws(() => readAnswer(of({ definitions: rest })), /not whole: they lack the list queues/);
  const six = { ...counts, queues: 6 };
  assert.throws(
    () => readAnswer(of({ before: six, after: six })),
    /the broker has 6 queues, and lists 1 of them/,
  );
  assert.throws(() => readAnswer(of({ after: six })), /queues come or go at this moment \(1, then 6\)/);
  assert.throws(() => readAnswer(of({ before: undefined })), /did not count its objects/);
  assert.throws(() => readAnswer(of({ before: {}, after: {} })), /did not count its vhosts/);
  const { queues: __, ...uncounted } = counts;
  assert.throws(() => readAnswer(of({ before: uncounted, after: uncounted })), /did not count its queues/);
});

test("lists without any user or virtual host are refused, although the broker counts none", () => {
  for (const category of ["users", "vhosts"]) {
    const none = { ...counts, [category]: 0 };
    const definitions = { ...whole.definitions, [category]: [] };
    const text = printed({ definitions, before: none, after: none });
    assert.throws(() => readAnswer(text), new RegExp(`the broker lists no ${category} at all`));
  }
});

test("over SSH: the answer, and in words what keeps a broker from giving it", async () => {
  const good = await host("b1", says(printed(whole)));
  assert.equal((await askDefinitions(good)).definitions.queues.length, 1);
  await assert.rejects(
    askDefinitions(await host("b2", says(printed(whole).slice(0, 50)))),
    /the broker's answer is cut/,
  );
  const failing = await host("b3", "cat >/dev/null; echo 'Error: unable to connect to node' >&2; exit 69");
  await assert.rejects(
    askDefinitions(failing),
    /the command ended with 69: Error: unable to connect to node/,
  );
});

test("the question has no secret on its command line, and names the tool itself", async () => {
  const login = await host("b1", `cat >given; ${says(printed([]))}`);
  const hash = "dGhlIGhhc2g=";
  const given = definitionsOf({ users: [user("app", hash)] });
  await giveDefinitions(login, given);
  const [{ script } = { script: "" }] = servers.at(-1)?.executed ?? [];
  const [, sent = ""] =
    /base64:decode\(<<"([^"]+)">>/.exec(readFileSync(join(servers.at(-1)?.folder ?? "", "given"), "utf8")) ??
    [];
  assert.deepEqual(JSON.parse(Buffer.from(sent, "base64").toString()), given);
  assert.match(script, /rabbitmqctl eval'?$/);
  assert.equal(script.includes(hash) || script.includes(Buffer.from(hash).toString("base64")), false);
});

test("what a broker does not take is named, without the secrets that its words quote", async () => {
  const words = "bad hash c2VjcmV0 of it";
  const login = await host("b1", says(printed([{ category: "users", index: 1, reason: words }])));
  const given = definitionsOf({ users: [user("app"), user("ops", "c2VjcmV0")] });
  assert.deepEqual(await giveDefinitions(login, given), [
    { category: "users", object: user("ops", "c2VjcmV0"), reason: "bad hash *** of it" },
  ]);
});

const login = (name: string): Login => ({ name, host: "", port: 22, user: "root", privateKey: "" });
const answer = readAnswer(printed(whole));

test("the next broker is asked when one fails, or hangs; who is still asked is no longer waited for", async () => {
  const asked: string[] = [];
  let hanging: AbortSignal | undefined;
  const found = await askAnyBroker(["fails", "hangs", "b3", "b4"].map(login), {
    ask: ({ name }, signal) => {
      asked.push(name);
      if (name === "fails") return Promise.reject(new PartialAnswer("cut"));
      if (name === "b3") return Promise.resolve(answer);
      hanging = signal;
      return new Promise(() => undefined);
    },
    patience: 20,
  });
  assert.equal(found.broker, "b3");
  assert.deepEqual(asked, ["fails", "hangs", "b3"]);
  assert.equal(hanging?.aborted, true);
});

test("a slow broker's answer is taken when it comes", async () => {
  const slow = new Promise<typeof answer>((resolve) => setTimeout(resolve, 60, answer));
  const found = await askAnyBroker(["slow", "fails"].map(login), {
    ask: ({ name }) => (name === "slow" ? slow : Promise.reject(new Error("no"))),
    patience: 10,
  });
  assert.equal(found.broker, "slow");
});

test("without a whole answer each broker has a line with its reason", async () => {
  const none = askAnyBroker(["b1", "b2"].map(login), {
    ask: ({ name }) => Promise.reject(new Error(`${name} is off`)),
    patience: 10,
  });
  await assert.rejects(none, { constructor: NoAnswerError, message: "  b1: b1 is off\n  b2: b2 is off" });
});
