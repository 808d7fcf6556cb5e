// The driver as the Rust tests use it: a process, JSON lines in and out.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { startChromium } from "./chromium.mjs";
import { MockServer } from "./mock/server.mjs";

let server;
let studio;
let driver;
const waiting = new Map();
let count = 0;
const screenshot = join(tmpdir(), `heliograph-driver-${process.pid}.png`);

function ask(command) {
  const id = ++count;
  driver.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
  return new Promise((resolve) => waiting.set(id, resolve));
}

before(async () => {
  server = await MockServer.start();
  studio = await startChromium();
  await studio.open(`${server.url}/camera?id=cam&name=Front`);
  driver = spawn(process.execPath, [new URL("driver.mjs", import.meta.url).pathname], { stdio: ["pipe", "pipe", "inherit"] });
  createInterface({ input: driver.stdout }).on("line", (line) => {
    const answer = JSON.parse(line);
    waiting.get(answer.id)?.(answer);
  });
});

after(async () => {
  driver?.kill();
  await studio?.close();
  await rm(screenshot, { force: true });
  server?.close();
});

test("the viewer page: tiles, wait, mark, screenshot", async () => {
  const { tab } = await ask({ do: "open", kind: "viewer", url: server.url });
  const { value, waitedMs } = await ask({ do: "wait", tab, expression: "heliograph.tiles()[0]?.framesDecoded > 5", timeoutMs: 10_000 });
  assert.ok(value && waitedMs > 0);
  const { tiles } = await ask({ do: "tiles", tab });
  assert.equal(tiles[0].name, "Front");
  for (const tile of [0, "cam"]) {
    const mark = await ask({ do: "mark", tab, tile });
    assert.ok(mark.ok && mark.counter > 0, JSON.stringify(mark));
  }
  await ask({ do: "screenshot", tab, path: screenshot });
  assert.ok((await stat(screenshot)).size > 1000);
});

test("the same in Firefox", async () => {
  const { tab } = await ask({ do: "open", browser: "firefox", kind: "viewer", url: server.url });
  await ask({ do: "wait", tab, expression: "heliograph.tiles()[0]?.framesDecoded > 5" });
  assert.ok((await ask({ do: "mark", tab })).ok);
  await ask({ do: "press", tab, key: "i" });
  await ask({ do: "wait", tab, expression: "/VP8/.test(document.body.innerText)" });
});

test("the npm client: producers, consume, video, mark", async () => {
  const { tab } = await ask({ do: "open", kind: "gstwebrtc-api", signalling: server.url.replace("http", "ws") });
  await ask({ do: "wait", tab, expression: "npmClient.producers().length" });
  const { producers } = await ask({ do: "producers", tab });
  assert.deepEqual(producers, [{ id: "cam", meta: { name: "Front" } }]);
  await ask({ do: "consume", tab, producer: "cam" });
  await ask({ do: "wait", tab, expression: "npmClient.video().then(([video]) => video?.framesDecoded > 5 && video.width > 0)" });
  const { videos } = await ask({ do: "video", tab });
  assert.equal(videos.length, 1);
  assert.deepEqual([videos[0].width, videos[0].height, videos[0].codec, videos[0].closed], [640, 360, "video/VP8", false]);
  assert.ok((await ask({ do: "mark", tab })).ok);
  assert.deepEqual((await ask({ do: "log", tab })).log.filter((line) => line.startsWith("error")), []);
  assert.deepEqual(await ask({ do: "close", tab }), { id: count });
});

test("what cannot be done is an error with the command's id", async () => {
  assert.match((await ask({ do: "tiles", tab: 77 })).error, /no tab 77/);
  assert.match((await ask({ do: "dance" })).error, /no command "dance"/);
  const late = await ask({ do: "wait", tab: 0, expression: "false", timeoutMs: 100 });
  assert.match(late.error, /after 100 ms this was still not so: false/);
});

test("it ends with its browsers when stdin closes", async () => {
  driver.stdin.end();
  const [code] = await once(driver, "exit");
  assert.equal(code, 0);
});
