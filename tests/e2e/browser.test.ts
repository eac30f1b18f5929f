/**
 * What a person sees in a browser: the management UI through the virtual address, and both statistics pages. The lab
 * is made, and taken away, by the Pulumi CLI alone, without the npm scripts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Browser } from "puppeteer-core";
import { powerOff, powerOn } from "../../testbed/labs/hosts.ts";
import { LabStack } from "../../testbed/labs/lab-stack.ts";
import { root } from "../../testbed/labs/trial-stack.ts";
import { openBrowser, Tab } from "../support/browser.ts";
import { OwnPulumi } from "../support/own-pulumi.ts";
import { clearPictures } from "../support/pictures.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "b", net: 63 }), {
  prepare,
  release: async () => {
    await (browser as Browser | undefined)?.close();
    await (own as OwnPulumi | undefined)?.close();
  },
});
const queue = "orders";
const [, , victim = ""] = lab.brokers;
let own: OwnPulumi;
let browser: Browser;
let management: Tab;
let urls: readonly string[];
let statistics: readonly Tab[];

async function prepare(): Promise<void> {
  await clearPictures();
  own = await OwnPulumi.open(root);
  await own.must("stack", "init", lab.stack);
  await own.must("up", "--yes", "--skip-preview", "--stack", lab.stack);
  await fill();
  browser = await openBrowser("192.168.63.*");
  urls = (await output("statsUrls")) as readonly string[];
  assert.equal(urls.length, 2);
  statistics = await Promise.all(urls.map((url) => Tab.open(browser, url, 600)));
}

async function output(name: string): Promise<unknown> {
  return JSON.parse(
    await own.must("stack", "output", name, "--json", "--show-secrets", "--stack", lab.stack),
  );
}

let loggedIn = false;

/** Logs in to the management UI unless a test before has. */
async function logIn(): Promise<void> {
  if (loggedIn) return;
  management = await Tab.open(browser, `http://${lab.virtualAddress}:15672`);
  await management.type("input[name=username]", "admin");
  await management.type("input[name=password]", String(await output("adminPassword")));
  await management.click("input[type=submit]");
  await management.shows("#logout", /^User admin$/);
  loggedIn = true;
}

/** Declares the queue through the virtual address and puts 1000 confirmed messages into it. */
async function fill(): Promise<void> {
  const connection = await lab.connect(String(await output("amqpUri")));
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true });
  for (let index = 0; index < 1000; index += 1) {
    channel.sendToQueue(queue, Buffer.from(`order ${index}`), { persistent: true });
  }
  await channel.waitForConfirms();
  await connection.close();
}

const nodeRows = `#main table.list tr:has(a[href^="#/nodes/"])`;

/** The rows of the nodes' table, with these words of the one that is killed. */
function nodes(words: string): RegExp[] {
  return lab.brokers.map((host) => new RegExp(`^rabbit@${host} .*${host === victim ? words : "disc"}`));
}

/** Waits until a statistics page shows these words in the victim's status, and all other brokers UP. */
async function shows(page: Tab, words: string, seconds?: number): Promise<void> {
  // After "UP", a fraction such as "1/3" and an arrow would say that it is on its way down.
  const status = (host: string): string =>
    `^${host} .*\\d[dhms] ${host === victim ? words : "UP"}(?! \\d+/\\d+)`;
  const expected = lab.brokers.map((host) => new RegExp(status(host)));
  for (const proxy of ["rabbitmq_cluster", "rabbitmq_management"]) {
    await page.lists(`tr:not(.frontend, .backend):has(a[name^="${proxy}/"])`, expected, seconds);
  }
}

async function bothShow(words: string, seconds?: number): Promise<void> {
  await Promise.all(statistics.map((page) => shows(page, words, seconds)));
}

/** Keeps a picture of the first statistics page as it stands still, without its refresh. */
async function keepStatistics(name: string, words: string): Promise<void> {
  const page = await Tab.open(browser, `${urls[0]};norefresh`, 600);
  await shows(page, words);
  await page.picture(name);
  await page.close();
}

test("logging in through the virtual address shows the cluster's name and three disc nodes", async () => {
  await logIn();
  await management.shows("#topnav li", /^Cluster rabbitmq_cluster1$/);
  await management.lists(nodeRows, nodes("disc"));
  // The totals fold away, for a picture with the nodes in it.
  await management.click("::-p-xpath(//h2[.='Totals'])");
  await management.lists("#main h3", []);
  await management.picture("management-overview");
});

test("each node has a page of its own, of type disc", async () => {
  await logIn();
  for (const host of lab.brokers) {
    await management.follow("#/");
    await management.follow(`#/nodes/rabbit%40${host}`);
    await management.lists("#main h1", [new RegExp(`^Node rabbit@${host}$`)]);
    await management.shows("#main table.facts tr", /^Type Disc$/);
  }
});

test("the policy is there, with its pattern and definition", async () => {
  await logIn();
  await management.follow("#/users");
  await management.follow("#/policies");
  await management.lists(`#main tbody tr:has(a[href^="#/policies/"]) > td`, [
    ...[/^ha-all$/, /^\^$/, /^all$/, /^ha-mode: all ha-sync-mode: automatic$/, /^0$/],
  ]);
  await management.picture("management-policy");
});

test("a queue has two mirrors in the list, and names them on its page", async () => {
  await logIn();
  await management.follow("#/queues");
  await management.lists(`#main tbody tr:has(a[href^="#/queues/"])`, [
    new RegExp(`^${queue} rabbit@\\w+ \\+2 classic D ha-all \\w+ 1,000 0 1,000 `),
  ]);
  await management.follow(`#/queues/%2F/${queue}`);
  await management.lists("#main h1", [new RegExp(`^Queue ${queue}$`)]);
  const facts = "#main table.facts > tbody > tr";
  await management.shows(facts, /^Policy ha-all$/);
  const leader = await management.shows(facts, /^Node rabbit@\w+$/);
  const mirrors = await management.shows(facts, /^Mirrors rabbit@\w+ rabbit@\w+$/);
  const names = `${leader} ${mirrors}`.match(/(?<=rabbit@)\w+/g) ?? [];
  assert.deepEqual(names.sort(), lab.brokers);
  await management.picture("management-queue");
});

test("both statistics pages show three brokers UP", async () => {
  await bothShow("UP");
  await keepStatistics("statistics-up", "UP");
});

test("a broker that is killed is DOWN on both pages, and UP again when it is back", async () => {
  await logIn();
  await management.follow("#/");
  await management.lists(nodeRows, nodes("disc"));
  try {
    await powerOff(victim);
    await bothShow("DOWN", 60);
    await keepStatistics("statistics-down", "DOWN");
    await management.lists(nodeRows, nodes("not running"), 60);
  } finally {
    await powerOn(victim);
  }
  await bothShow("UP", 90);
  await management.lists(nodeRows, nodes("disc"), 60);
});

test("the CLI alone finds nothing to change, and takes everything away", async () => {
  const how = ["--yes", "--skip-preview", "--stack", lab.stack];
  await own.must("up", "--expect-no-changes", ...how);
  await own.must("destroy", ...how);
  assert.deepEqual(await lab.remains(), []);
});
