/** What brokers are asked in a migration: of each member itself, and what a part of an answer is taken for. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { readFenced } from "../../../migration/broker-answers.ts";
import * as fence from "../../../migration/fence.ts";
import * as orders from "../../../migration/broker-orders.ts";
import * as questions from "../../../migration/broker-questions.ts";
import { stateQuestion } from "../../../migration/question.ts";

const texts = { ...questions, ...orders, ...fence };
const { fenceOrder, noteOrder, unfenceOrder, shovelQuestion, shovelRemoval, exchangeRemoval } = texts;
/** All that a decision rests on; what shovels say of their troubles is only shown. */
const deciding: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(texts).filter(([name]) => /(Question|Order|Removal|End)$/.test(name))),
  fenceOrder: fenceOrder("forth"),
  noteOrder: noteOrder(undefined),
  unfenceOrder: unfenceOrder("back"),
  waitingNoteOrder: texts.waitingNoteOrder("back", "note", { agreements: "{}", shovels: [] }),
  shovelQuestion: shovelQuestion("own."),
  shovelRemoval: shovelRemoval("own."),
  exchangeRemoval: exchangeRemoval("own."),
  sourceQuestion: texts.sourceQuestion([]),
  shovelEnd: texts.shovelEnd([{ vhost: "/", shovel: "own.log" }]),
  copyRemoval: texts.copyRemoval([{ vhost: "/", name: "log" }]),
  troubleQuestion: "",
};

test("a member whose tables are not there yet answers nothing, instead of empty lists", () => {
  for (const [name, text] of Object.entries(deciding)) {
    if (name === "troubleQuestion") continue;
    assert.match(text, / khepri:fence\(/, name);
    assert.match(text, /rabbit_khepri_global_rtparam/, name);
    const [before = ""] = text.split("rabbit_khepri_global_rtparam");
    assert.doesNotMatch(before, /:(value_global|list|lookup|get_user)/, name);
  }
});

test("a function that is named has its module: rabbitmqctl eval knows no other (erl_eval, seen with 3.10.8)", () => {
  const folders = [
    "agent",
    "agent/steps",
    "cli/backup",
    "cli/migrate",
    "definitions",
    "migration",
    "verify/checks",
  ];
  const files = folders.flatMap((folder) => {
    const place = new URL(`../../../${folder}/`, import.meta.url);
    return readdirSync(place)
      .filter((name) => /\.(ts|py)$/.test(name))
      .map((name) => new URL(name, place));
  });
  assert.ok(files.length > 150);
  for (const file of files)
    assert.doesNotMatch(readFileSync(file, "utf8"), /\bfun [a-z]\w*\/\d/, file.pathname);
});

test("connections are asked of each member, since RabbitMQ's own lists leave out one that does not answer", () => {
  for (const text of [...Object.values(deciding), stateQuestion([])])
    assert.doesNotMatch(text, /rabbit_connection_tracking:list|list_of_user/);
  for (const text of [fenceOrder("back", "note"), texts.emptyQuestion]) {
    assert.match(text, /Members = \(try rabbit_nodes:all\(\)/);
    assert.match(text, /Call\(At, rabbit_connection_tracking, list_on_node, \[At\]\)/);
    assert.match(text, /Call\(At, rabbit_auth_backend_internal, get_user_limits, \[\]\)/);
    assert.match(text, /Users =\/= \[\]/);
    assert.match(
      text,
      /Up = fun\(\) -> \[At \|\| At <- Members, not lists:member\(.*, \[stopped, booting\]\)\] end/,
    );
    assert.equal(text.split("At <- Up()").length, 3);
  }
});

test("what is ordered while clients wait is done only if the cluster's own note says that they do, in this direction", () => {
  for (const [name, asked] of [
    ["fenceOrder", "forth"],
    ["unfenceOrder", "back"],
    ["waitingNoteOrder", "back"],
  ] as const) {
    const [before = "", after = ""] = (deciding[name] ?? "").split("exit({late, Other})");
    const wanted = `<<"direction">> := <<"${asked}">>, <<"phase">> := Phase} when Phase =:= <<"closing">>; Phase =:= <<"opening">>`;
    assert.ok(before.includes(wanted), name);
    assert.doesNotMatch(before, /:(set|clear)_global/, name);
    assert.match(after, /:(set|clear)_global/, name);
  }
});

test("a member that does not answer, or lets clients in, is no fence", () => {
  const queues = [{ vhost: "/", name: "q", messages: 0, consumers: null }];
  const whole = { connections: 1, users: ["app"], queues, streams: [] };
  assert.deepEqual(readFenced(whole).users, ["app"]);
  assert.throws(
    () => readFenced({ silent: "rabbit@old3" }),
    /^Error: old3 does not say who is connected to it/,
  );
  assert.throws(() => readFenced({ open: "rabbit@old3.example" }), /^Error: old3 still lets clients in/);
  for (const part of ["connections", "users", "queues", "streams"] as const)
    assert.throws(() => readFenced({ ...whole, [part]: undefined }), part);
});
