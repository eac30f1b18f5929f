/** A headless Chromium on a lab's pages: types, clicks, reads the visible text and saves screenshots. */
import { createHash, type X509Certificate } from "node:crypto";
import puppeteer, { type Browser, type ElementHandle, type Page } from "puppeteer-core";
import { relativeToRoot, screenshotPath, publishScreenshot } from "./screenshots.ts";

/** How long a page may take to show what is expected; the management UI refreshes every 5 s. */
const timeoutSeconds = 30;

/**
 * @param hosts the only addresses that the browser may reach, such as `192.168.56.*`
 * @param pins the certificates that it takes although it does not know their authority, by their public keys alone
 */
export async function openBrowser(hosts: string, pins: readonly X509Certificate[] = []): Promise<Browser> {
  return puppeteer.launch({
    executablePath: "/usr/bin/chromium-headless-shell",
    headless: "shell",
    // Chromium ends when the pipe closes, so it does not outlive a killed test.
    pipe: true,
    args: [
      // Chromium's sandbox does not start as root, and the lab needs root. All pages come from the lab's hosts.
      "--no-sandbox",
      // Neither a page nor Chromium itself reaches any host but the lab's.
      `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${hosts}`,
      // It has no option to trust a file.
      ...(pins.length === 0 ? [] : [`--ignore-certificate-errors-spki-list=${pins.map(keyHash).join(",")}`]),
    ],
  });
}

/** @returns the SHA-256 of a certificate's public key (RFC 7469, 2.4) */
function keyHash({ publicKey }: X509Certificate): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
}

/** @returns JavaScript that gives the texts of the visible elements, each as one line */
function visibleTexts(selector: string): string {
  return `[...document.querySelectorAll(${JSON.stringify(selector)})]
    .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
    .map((element) => element.innerText.replaceAll(/\\s+/g, " ").trim())`;
}

/** One page of the browser. */
export class Tab {
  static #failures = 0;
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  static async open(browser: Browser, url: string, height = 800): Promise<Tab> {
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height });
    await page.goto(url, { timeout: timeoutSeconds * 1000 });
    return new Tab(page);
  }

  /** Types into a field, key by key. */
  async type(selector: string, text: string): Promise<void> {
    await this.#within(`a field ${selector}`, "body", async () => {
      const field = await this.#visible(selector);
      await field?.type(text);
    });
  }

  /** Waits until the element of a Puppeteer selector is visible, then clicks in its middle. */
  async click(selector: string): Promise<void> {
    await this.#within(`something to click at ${selector}`, "body", async () => {
      const element = await this.#visible(selector);
      await element?.click();
    });
  }

  /** Clicks a link within the management UI until the page has changed: a redraw of the page can lose a click. */
  async followLink(href: string): Promise<void> {
    const there = `location.hash === ${JSON.stringify(href)}`;
    const deadline = Date.now() + timeoutSeconds * 1000;
    await this.#within(`a link that leads to ${href}`, "body", async () => {
      for (;;) {
        try {
          const link = await this.#visible(`a[href=${JSON.stringify(href)}]`);
          await link?.click();
          await this.#page.waitForFunction(there, { timeout: 3000, polling: 100 });
          return;
        } catch (error) {
          if (Date.now() > deadline) throw error;
        }
      }
    });
  }

  async #visible(selector: string): Promise<ElementHandle | null> {
    // A background tab is not painted, so nothing in it can be clicked.
    await this.#page.bringToFront();
    return this.#page.waitForSelector(selector, { visible: true, timeout: timeoutSeconds * 1000 });
  }

  /** Waits until the text of a visible element matches. @returns its text */
  async waitForText(selector: string, pattern: RegExp, seconds = timeoutSeconds): Promise<string> {
    const found = `${visibleTexts(selector)}.find((text) => ${String(pattern)}.test(text))`;
    return this.#within(`${String(pattern)} in ${selector}`, selector, () => this.#until(found, seconds));
  }

  /** Waits until the visible elements match exactly these patterns, in this order. */
  async waitForTexts(selector: string, patterns: readonly RegExp[], seconds = timeoutSeconds): Promise<void> {
    const found = `((texts, patterns) =>
      texts.length === patterns.length && patterns.every((pattern, index) => pattern.test(texts[index])) && "yes")(
      ${visibleTexts(selector)}, [${patterns.map(String).join(", ")}])`;
    const expected = `${patterns.map(String).join(", ") || "nothing"} in ${selector}`;
    await this.#within(expected, selector, () => this.#until(found, seconds));
  }

  async close(): Promise<void> {
    await this.#page.close();
  }

  /** Saves a screenshot of the window; fails if the page reloads meanwhile. @returns its path within the project */
  async saveScreenshot(name: string): Promise<string> {
    await this.#shoot(name);
    await publishScreenshot(name);
    return relativeToRoot(await screenshotPath(name));
  }

  async #shoot(name: string): Promise<string> {
    await this.#page.bringToFront();
    const path = await screenshotPath(name);
    await this.#page.screenshot({ path });
    return relativeToRoot(path);
  }

  /** Waits until a piece of JavaScript gives a text; runs it again if the page reloads meanwhile. */
  async #until(script: string, seconds: number): Promise<string> {
    const handle = await this.#page.waitForFunction(script, { timeout: seconds * 1000, polling: 100 });
    return String(await handle.jsonValue());
  }

  async #within<T>(expected: string, selector: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      return this.#fail(expected, selector, error);
    }
  }

  /** @throws always, with the page's visible text and the path of a screenshot */
  async #fail(expected: string, selector: string, cause?: unknown): Promise<never> {
    const texts = async (what: string): Promise<string> => {
      const found = await this.#page.evaluate(`${visibleTexts(what)}.join("\\n")`).catch(String);
      return String(found).slice(0, 2000);
    };
    const seen = (await texts(selector)) || (await texts("body")) || "an empty page";
    Tab.#failures += 1;
    const picture = await this.#shoot(`failed-${Tab.#failures}`).catch(String);
    throw new Error(`${this.#page.url()} did not show ${expected}, but:\n${seen}\nScreenshot: ${picture}`, {
      cause,
    });
  }
}
