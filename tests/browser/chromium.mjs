// Chromium from the distribution, driven by playwright-core.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
  // Loopback ICE needs addresses, not the .local names that hide them.
  "--disable-features=WebRtcHideLocalIpsWithMdns",
];

/** Starts Chromium with a fresh profile. Answers { open(url) → tab, close() }. */
export async function startChromium() {
  const profile = await mkdtemp(join(tmpdir(), "heliograph-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
    viewport: { width: 1280, height: 800 },
    ignoreHTTPSErrors: true,
  });
  return {
    name: "chromium",
    open: async (url) => tabOf(await context.newPage(), url),
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

async function tabOf(page, url) {
  const log = [];
  page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => log.push(`error: ${error.message}`));
  await page.goto(url);
  return {
    log,
    /** Value of a JavaScript expression in the page; promises are awaited. */
    evaluate: (expression) => page.evaluate(expression),
    resize: (width, height) => page.setViewportSize({ width, height }),
    press: (key) => page.keyboard.press(key),
    screenshot: (path) => page.screenshot({ path }),
    close: () => page.close(),
  };
}
