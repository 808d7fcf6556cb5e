// Firefox ESR from the distribution, driven over WebDriver BiDi: Debian has no
// geckodriver, and playwright-core speaks to stock Firefox only in versions
// newer than an ESR.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Bidi } from "./bidi.mjs";

const START_LIMIT_MS = 30_000;

const PREFERENCES = {
  // Loopback ICE needs addresses, not the .local names that hide them, and the loopback interface itself.
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.peerconnection.ice.loopback": true,
  "media.autoplay.default": 0,
  // Nobody but the server under test is to be spoken to.
  "app.update.enabled": false,
  "browser.safebrowsing.downloads.remote.enabled": false,
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "extensions.update.enabled": false,
  "media.gmp-manager.updateEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
  "toolkit.telemetry.enabled": false,
};

/** Key names as playwright and the DOM have them, to the code points of WebDriver. */
const KEYS = { Enter: "\uE007", Escape: "\uE00C", Tab: "\uE004" };

/** Starts Firefox with a fresh profile. Answers { open(url) → tab, close() }. */
export async function startFirefox() {
  const profile = await mkdtemp(join(tmpdir(), "heliograph-firefox-"));
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  await writeFile(join(profile, "user.js"), lines.join("\n"));
  const child = spawn(
    process.env.FIREFOX ?? "/usr/bin/firefox-esr",
    ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0", "--width=1280", "--height=800"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const bidi = await Bidi.connect(`${await debuggingAddress(child)}/session`);
  await bidi.send("session.new", { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
  await bidi.send("session.subscribe", { events: ["log.entryAdded"] });
  return {
    name: "firefox",
    open: (url) => openTab(bidi, url),
    async close() {
      await bidi.send("browser.close").catch(() => {});
      const killer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await gone;
      clearTimeout(killer);
      bidi.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** Firefox prints where it listens, because it was asked to choose the port itself. */
function debuggingAddress(child) {
  return new Promise((resolve, reject) => {
    const said = [];
    const timer = setTimeout(() => fail(`it opened no debugging port in ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS);
    const fail = (why) => reject(new Error(`Firefox could not be driven: ${why}. It said: ${said.slice(-5).join(" / ")}`));
    child.once("error", ({ message }) => fail(message));
    child.once("exit", (code) => fail(`it ended with code ${code}`));
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      const [, address] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
      if (!address) return;
      clearTimeout(timer);
      resolve(address);
    });
  });
}

async function openTab(bidi, url) {
  // A window, not a tab: a page behind another gets no frames.
  const { context } = await bidi.send("browsingContext.create", { type: "window" });
  const log = [];
  bidi.on("log.entryAdded", ({ level, text, source }) => source.context === context && log.push(`${level}: ${text}`));
  await bidi.send("browsingContext.navigate", { context, url, wait: "complete" });
  return {
    log,
    evaluate: (expression) => evaluate(bidi, context, expression),
    resize: (width, height) => bidi.send("browsingContext.setViewport", { context, viewport: { width, height } }),
    press: (key) => press(bidi, context, KEYS[key] ?? key),
    async screenshot(path) {
      const { data } = await bidi.send("browsingContext.captureScreenshot", { context });
      await writeFile(path, Buffer.from(data, "base64"));
    },
    close: () => bidi.send("browsingContext.close", { context }),
  };
}

/** Through JSON: BiDi's own form of values says more than a test wants to know. */
async function evaluate(bidi, context, expression) {
  const answer = await bidi.send("script.evaluate", {
    expression: `(async () => JSON.stringify({ value: await (${expression}) }))()`,
    target: { context },
    awaitPromise: true,
  });
  if (answer.type === "exception") throw new Error(answer.exceptionDetails.text);
  return JSON.parse(answer.result.value).value;
}

function press(bidi, context, value) {
  const actions = [{ type: "key", id: "keyboard", actions: ["keyDown", "keyUp"].map((type) => ({ type, value })) }];
  return bidi.send("input.performActions", { context, actions });
}
