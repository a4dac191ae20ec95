import { afterAll, beforeAll, describe, test } from "bun:test";
import { type Browser, chromium } from "playwright-core";

/* Runs Debian's chromium by playwright-core, which includes no browser. */

const EXECUTABLE = Bun.which("chromium");
const QUIET = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", ...QUIET];

/**
 * Declares tests that need a browser. It starts with an empty profile and ends with the group.
 * Without chromium the tests are skipped with a reason. Under CI that is a failure, because nobody
 * reads there what was skipped.
 */
export function withBrowser(title: string, body: (browser: () => Browser) => void): void {
  if (EXECUTABLE === null && process.env.CI === "true") {
    test(title, () => {
      throw new Error("CI needs a browser for this: apt-get install chromium");
    });
    return;
  }
  if (EXECUTABLE === null) console.log(`Skipped: ${title}. There is no chromium here (apt-get install chromium).`);
  describe.skipIf(EXECUTABLE === null)(title, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: EXECUTABLE ?? "", args: ARGS });
    });
    afterAll(async () => browser?.close());
    body(() => {
      if (browser === undefined) throw new Error("The browser is not started yet");
      return browser;
    });
  });
}
