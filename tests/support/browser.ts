/** A headless Chromium at a lab: does what a person does there, reads what a person sees, keeps pictures of it. */
import puppeteer, { type Browser, type ElementHandle, type Page } from "puppeteer-core";
import { fromRoot, picturePath, publishPicture } from "./pictures.ts";

/** Seconds until a page has to show what is expected of it; the management UI asks anew every 5 s. */
const patience = 30;

/** @param hosts the only addresses that the browser may reach, such as `192.168.56.*` */
export async function openBrowser(hosts: string): Promise<Browser> {
  return puppeteer.launch({
    executablePath: "/usr/bin/chromium-headless-shell",
    headless: "shell",
    // Chromium ends when the pipe does, so it never outlives a test that was killed.
    pipe: true,
    args: [
      // Chromium's sandbox does not start as root, and the lab needs root; all its pages come from the lab's hosts.
      "--no-sandbox",
      // Whatever a page or Chromium itself asks for, only the lab is found.
      `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${hosts}`,
    ],
  });
}

/** @returns JavaScript for the texts of the elements that can be seen, each on one line */
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
    await page.goto(url, { timeout: patience * 1000 });
    return new Tab(page);
  }

  /** Types into a field, key by key. */
  async type(selector: string, text: string): Promise<void> {
    await this.#within(`a field ${selector}`, "body", async () => {
      const field = await this.#visible(selector);
      await field?.type(text);
    });
  }

  /** Clicks with the mouse in the middle of what a selector of Puppeteer's finds, once it can be seen. */
  async click(selector: string): Promise<void> {
    await this.#within(`something to click at ${selector}`, "body", async () => {
      const element = await this.#visible(selector);
      await element?.click();
    });
  }

  /** Clicks on a link within the management UI until it leads there: a click is lost when the page redraws under it. */
  async follow(href: string): Promise<void> {
    const there = `location.hash === ${JSON.stringify(href)}`;
    const deadline = Date.now() + patience * 1000;
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
    // A tab in the background is never painted, so nothing in it could be clicked.
    await this.#page.bringToFront();
    return this.#page.waitForSelector(selector, { visible: true, timeout: patience * 1000 });
  }

  /** Waits until one of the elements that can be seen has a text that matches. @returns its text */
  async shows(selector: string, pattern: RegExp, seconds = patience): Promise<string> {
    const found = `${visibleTexts(selector)}.find((text) => ${String(pattern)}.test(text))`;
    return this.#within(`${String(pattern)} in ${selector}`, selector, () => this.#until(found, seconds));
  }

  /** Waits until the elements that can be seen are these and no more, in this order. */
  async lists(selector: string, patterns: readonly RegExp[], seconds = patience): Promise<void> {
    const found = `((texts, patterns) =>
      texts.length === patterns.length && patterns.every((pattern, index) => pattern.test(texts[index])) && "yes")(
      ${visibleTexts(selector)}, [${patterns.map(String).join(", ")}])`;
    const expected = `${patterns.map(String).join(", ") || "nothing"} in ${selector}`;
    await this.#within(expected, selector, () => this.#until(found, seconds));
  }

  async close(): Promise<void> {
    await this.#page.close();
  }

  /** Keeps a picture of what is in the window; a page that loads anew meanwhile makes it fail. @returns its path within the project */
  async picture(name: string): Promise<string> {
    await this.#shoot(name);
    await publishPicture(name);
    return fromRoot(await picturePath(name));
  }

  async #shoot(name: string): Promise<string> {
    await this.#page.bringToFront();
    const path = await picturePath(name);
    await this.#page.screenshot({ path });
    return fromRoot(path);
  }

  /** Waits for a text from a piece of JavaScript; a page that loads anew meanwhile is asked again. */
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

  /** @throws always: says what is on the page instead, and where a picture of it is */
  async #fail(expected: string, selector: string, cause?: unknown): Promise<never> {
    const texts = async (what: string): Promise<string> => {
      const found = await this.#page.evaluate(`${visibleTexts(what)}.join("\\n")`).catch(String);
      return String(found).slice(0, 2000);
    };
    const seen = (await texts(selector)) || (await texts("body")) || "an empty page";
    Tab.#failures += 1;
    const picture = await this.#shoot(`failed-${Tab.#failures}`).catch(String);
    throw new Error(
      `${this.#page.url()} did not show ${expected}, but:\n${seen}\nA picture of it: ${picture}`,
      { cause },
    );
  }
}
