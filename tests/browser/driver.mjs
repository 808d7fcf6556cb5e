// Browsers for the integration tests: reads one JSON command per line on
// stdin, prints one JSON answer per line on stdout. Ends, and ends its
// browsers, when stdin closes.
//
//   {"id":1,"do":"open","kind":"viewer","url":"http://…"}           → {"id":1,"tab":0}
//   {"id":2,"do":"open","kind":"gstwebrtc-api","signalling":"ws://…"} (signalling may be absent: the package's own default)
//   {"id":2,"do":"open","kind":"whep"}                  → {"id":2,"tab":1}      a page of another origin with players of WHEP
//        all take "browser": "chromium" (default) or "firefox", and with Chromium "before": a script that runs before the page's own
//   {"id":3,"do":"tiles","tab":0}                       → {"tiles":[…]}      window.heliograph.tiles()
//   {"id":4,"do":"producers","tab":1}                   → {"producers":[{id,meta}]}
//   {"id":5,"do":"consume","tab":1,"producer":"…"}      → {"viewing":0}
//   {"id":6,"do":"video","tab":1}                       → {"videos":[{sessionId,width,height,framesDecoded,…}]}
//   {"id":7,"do":"mark","tab":0,"tile":0}               → {"counter","clock","ok","width","height"}
//        tile: its place in `tiles` or the feed's id; for the npm client the viewing
//   {"id":8,"do":"wait","tab":0,"expression":"…","timeoutMs":5000} → {"value":…,"waitedMs":…}
//   {"id":9,"do":"eval","tab":0,"expression":"…"}       → {"value":…}
//   {"id":10,"do":"press","tab":0,"key":"Escape"}, {"do":"resize","tab":0,"width":…,"height":…}, {"do":"screenshot","tab":0,"path":"…"}
//   {"id":11,"do":"log","tab":0}                        → {"log":["warning: …"]}  console and page errors
//   {"id":12,"do":"close","tab":0}
//
// An answer carries the command's id; a failure is {"id":…,"error":"sentence"}.
// Commands of different lines run at the same time.

import { createInterface } from "node:readline";
import { startChromium } from "./chromium.mjs";
import { startFirefox } from "./firefox.mjs";
import { call, readMark } from "./in-page.mjs";
import { servePages } from "./serve.mjs";

const POLL_MS = 25;

const starters = { chromium: startChromium, firefox: startFirefox };
const browsers = new Map();
const tabs = [];
let pages = null;

/** The browser of this name, started the first time it is asked for. */
function browser(name) {
  if (!starters[name]) throw new Error(`there is no browser "${name}": use chromium or firefox`);
  if (!browsers.has(name)) browsers.set(name, starters[name]());
  return browsers.get(name);
}

function tab(number) {
  if (!tabs[number]) throw new Error(`there is no tab ${number}`);
  return tabs[number];
}

async function addressOf({ kind, url, signalling }) {
  if (kind === "viewer") return url;
  if (kind !== "gstwebrtc-api" && kind !== "whep") throw new Error(`there is no page of kind "${kind}": use viewer, gstwebrtc-api or whep`);
  pages ??= servePages();
  const page = new URL(kind === "whep" ? "whep/" : "", (await pages).url);
  if (signalling) page.searchParams.set("signalling", signalling);
  return page.href;
}

/** The frame mark of a tile (its place in `tiles`, or its feed's id), or of a viewing of the npm client. */
async function markOf(page, tile) {
  const feed = typeof tile === "string" ? tile : await page.evaluate(`window.heliograph?.tiles()[${tile}]?.peerId ?? null`);
  const read = feed === null ? call(readMark, "video", tile) : call(readMark, `.tile[data-feed=${JSON.stringify(feed)}] video`, 0);
  const mark = await page.evaluate(read);
  if (!mark) throw new Error(`this page shows no picture ${JSON.stringify(tile)}`);
  return mark;
}

async function waitFor(page, expression, timeoutMs) {
  const started = Date.now();
  for (;;) {
    const value = await page.evaluate(expression);
    const waitedMs = Date.now() - started;
    if (value) return { value, waitedMs };
    if (waitedMs > timeoutMs) throw new Error(`after ${timeoutMs} ms this was still not so: ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const commands = {
  async open({ browser: name = "chromium", before, ...page }) {
    const opened = await (await browser(name)).open(await addressOf(page), before);
    return { tab: tabs.push(opened) - 1 };
  },
  tiles: async ({ tab: number }) => ({ tiles: await tab(number).evaluate("window.heliograph.tiles()") }),
  producers: async ({ tab: number }) => ({ producers: await tab(number).evaluate("npmClient.producers()") }),
  consume: async ({ tab: number, producer }) => ({ viewing: await tab(number).evaluate(`npmClient.consume(${JSON.stringify(producer)})`) }),
  video: async ({ tab: number }) => ({ videos: await tab(number).evaluate("window.npmClient ? npmClient.video() : heliograph.tiles()") }),
  mark: ({ tab: number, tile = 0 }) => markOf(tab(number), tile),
  wait: ({ tab: number, expression, timeoutMs = 10_000 }) => waitFor(tab(number), expression, timeoutMs),
  eval: async ({ tab: number, expression }) => ({ value: await tab(number).evaluate(expression) }),
  press: async ({ tab: number, key }) => void (await tab(number).press(key)),
  resize: async ({ tab: number, width, height }) => void (await tab(number).resize(width, height)),
  screenshot: async ({ tab: number, path }) => void (await tab(number).screenshot(path)),
  log: async ({ tab: number }) => ({ log: tab(number).log }),
  async close({ tab: number }) {
    await tab(number).close();
    tabs[number] = null;
  },
};

async function obey(line) {
  let command = {};
  try {
    command = JSON.parse(line);
    if (!commands[command.do]) throw new Error(`there is no command "${command.do}"`);
    return { id: command.id, ...(await commands[command.do](command)) };
  } catch (error) {
    return { id: command.id ?? null, error: error.message };
  }
}

async function end() {
  const closing = [...browsers.values()].map((starting) => starting.then((started) => started.close()));
  await Promise.allSettled(closing);
  if (pages) (await pages).close();
  process.exit(0);
}

const lines = createInterface({ input: process.stdin });
lines.on("line", async (line) => {
  if (line.trim()) console.log(JSON.stringify(await obey(line)));
});
lines.on("close", end);
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, end);
