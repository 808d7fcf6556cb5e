// Chromium from the distribution, driven by playwright-core.

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
  // The npm client asks public STUN servers unless told otherwise; tests speak to nobody outside, 198.18.* being networks of their own.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1], EXCLUDE 198.18.*",
];

/** Starts Chromium with a fresh profile. Answers { open(url, before) → tab, close() }; `before` runs in the page before its own scripts. */
export async function startChromium() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
  });
  return {
    name: "chromium",
    open: (url, before) => openWindow(browser, url, before),
    close: () => browser.close(),
  };
}

/** A window for every page: Chromium draws a tab behind another once a second, and its pictures would rightly count as stale. */
async function openWindow(browser, url, before) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ignoreHTTPSErrors: true });
  if (before) await context.addInitScript(before);
  return tabOf(await context.newPage(), url);
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
    close: () => page.context().close(),
  };
}
