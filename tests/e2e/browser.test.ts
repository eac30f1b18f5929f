/**
 * The management UI through the virtual address and both statistics pages, as a browser shows them. The Pulumi CLI alone
 * creates and destroys the lab, without the npm scripts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Browser } from "puppeteer-core";
import { powerOff, powerOn } from "../../testbed/stacks/hosts.ts";
import { LabStack } from "../../testbed/stacks/lab-stack.ts";
import { root } from "../../testbed/stacks/trial-stack.ts";
import { openBrowser, Tab } from "../support/browser.ts";
import { OwnPulumi } from "../support/own-pulumi.ts";
import { clearScreenshots } from "../support/screenshots.ts";
import { useStack } from "../support/trial.ts";

const lab = useStack(new LabStack({ name: "b", net: 63 }), {
  prepare,
  release: async () => {
    await (browser as Browser | undefined)?.close();
    await (own as OwnPulumi | undefined)?.close();
  },
});
const queue = "orders";
const [, , killedBroker = ""] = lab.brokers;
let own: OwnPulumi;
let browser: Browser;
let management: Tab;
let urls: readonly string[];
let statistics: readonly Tab[];

async function prepare(): Promise<void> {
  await clearScreenshots();
  own = await OwnPulumi.open(root);
  await own.runOrThrow("stack", "init", lab.stack);
  await own.runOrThrow("up", "--yes", "--skip-preview", "--stack", lab.stack);
  await fill();
  browser = await openBrowser("192.168.63.*");
  urls = (await output("statsUrls")) as readonly string[];
  assert.equal(urls.length, 2);
  statistics = await Promise.all(urls.map((url) => Tab.open(browser, url, 600)));
}

async function output(name: string): Promise<unknown> {
  return JSON.parse(
    await own.runOrThrow("stack", "output", name, "--json", "--show-secrets", "--stack", lab.stack),
  );
}

let loggedIn = false;

/** Logs in to the management UI, unless an earlier test has. */
async function logIn(): Promise<void> {
  if (loggedIn) return;
  management = await Tab.open(browser, `http://${lab.virtualAddress}:15672`);
  await management.type("input[name=username]", "admin");
  await management.type("input[name=password]", String(await output("adminPassword")));
  await management.click("input[type=submit]");
  await management.waitForText("#logout", /^User admin$/);
  loggedIn = true;
}

/** Declares the queue through the virtual address and publishes 1000 messages to it, with confirms. */
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

/** The rows of the table of nodes. @param words what the row of the killed broker shows */
function nodes(words: string): RegExp[] {
  return lab.brokers.map((host) => new RegExp(`^rabbit@${host} .*${host === killedBroker ? words : "disc"}`));
}

/** Waits until a statistics page shows these words as the killed broker's status, and UP for all others. */
async function shows(page: Tab, words: string, seconds?: number): Promise<void> {
  // A fraction such as "1/3" and an arrow after "UP" would mean that some checks have failed already.
  const status = (host: string): string =>
    `^${host} .*\\d[dhms] ${host === killedBroker ? words : "UP"}(?! \\d+/\\d+)`;
  const expected = lab.brokers.map((host) => new RegExp(status(host)));
  for (const proxy of ["rabbitmq_cluster", "rabbitmq_management"]) {
    await page.waitForTexts(`tr:not(.frontend, .backend):has(a[name^="${proxy}/"])`, expected, seconds);
  }
}

async function bothShow(words: string, seconds?: number): Promise<void> {
  await Promise.all(statistics.map((page) => shows(page, words, seconds)));
}

/** Saves a screenshot of the first statistics page, without its automatic refresh. */
async function saveStatistics(name: string, words: string): Promise<void> {
  const page = await Tab.open(browser, `${urls[0]};norefresh`, 600);
  await shows(page, words);
  await page.saveScreenshot(name);
  await page.close();
}

test("the management UI shows, through the virtual address, the cluster's name and three disc nodes", async () => {
  await logIn();
  await management.waitForText("#topnav li", /^Cluster rabbitmq_cluster1$/);
  await management.waitForTexts(nodeRows, nodes("disc"));
  // Without the totals the nodes fit into the screenshot.
  await management.click("::-p-xpath(//h2[.='Totals'])");
  await management.waitForTexts("#main h3", []);
  await management.saveScreenshot("management-overview");
});

test("the page of each node shows the type disc", async () => {
  await logIn();
  for (const host of lab.brokers) {
    await management.followLink("#/");
    await management.followLink(`#/nodes/rabbit%40${host}`);
    await management.waitForTexts("#main h1", [new RegExp(`^Node rabbit@${host}$`)]);
    await management.waitForText("#main table.facts tr", /^Type Disc$/);
  }
});

test("the page of policies lists the policy with its pattern and definition", async () => {
  await logIn();
  await management.followLink("#/users");
  await management.followLink("#/policies");
  await management.waitForTexts(`#main tbody tr:has(a[href^="#/policies/"]) > td`, [
    ...[/^ha-all$/, /^\^$/, /^all$/, /^ha-mode: all ha-sync-mode: automatic$/, /^0$/],
  ]);
  await management.saveScreenshot("management-policy");
});

test("the list of queues shows two mirrors of the queue, and the queue's page names them", async () => {
  await logIn();
  await management.followLink("#/queues");
  await management.waitForTexts(`#main tbody tr:has(a[href^="#/queues/"])`, [
    new RegExp(`^${queue} rabbit@\\w+ \\+2 classic D ha-all \\w+ 1,000 0 1,000 `),
  ]);
  await management.followLink(`#/queues/%2F/${queue}`);
  await management.waitForTexts("#main h1", [new RegExp(`^Queue ${queue}$`)]);
  const facts = "#main table.facts > tbody > tr";
  await management.waitForText(facts, /^Policy ha-all$/);
  const leader = await management.waitForText(facts, /^Node rabbit@\w+$/);
  const mirrors = await management.waitForText(facts, /^Mirrors rabbit@\w+ rabbit@\w+$/);
  const names = `${leader} ${mirrors}`.match(/(?<=rabbit@)\w+/g) ?? [];
  assert.deepEqual(names.sort(), lab.brokers);
  await management.saveScreenshot("management-queue");
});

test("both statistics pages show three brokers UP", async () => {
  await bothShow("UP");
  await saveStatistics("statistics-up", "UP");
});

test("both statistics pages show a killed broker DOWN, and UP again when it is back", async () => {
  await logIn();
  await management.followLink("#/");
  await management.waitForTexts(nodeRows, nodes("disc"));
  try {
    await powerOff(killedBroker);
    await bothShow("DOWN", 60);
    await saveStatistics("statistics-down", "DOWN");
    await management.waitForTexts(nodeRows, nodes("not running"), 60);
  } finally {
    await powerOn(killedBroker);
  }
  await bothShow("UP", 90);
  await management.waitForTexts(nodeRows, nodes("disc"), 60);
});

test("the CLI alone finds nothing to change, and its destroy leaves nothing", async () => {
  const how = ["--yes", "--skip-preview", "--stack", lab.stack];
  await own.runOrThrow("up", "--expect-no-changes", ...how);
  await own.runOrThrow("destroy", ...how);
  assert.deepEqual(await lab.findLeftovers(), []);
});
