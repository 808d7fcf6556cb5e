// The viewer page by itself: a mock server, a camera that is a page in
// Chromium, and a viewer in each browser. Run with `node --test`.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startChromium } from "./chromium.mjs";
import { startFirefox } from "./firefox.mjs";
import { call, readMark } from "./in-page.mjs";
import { MockServer } from "./mock/server.mjs";

const START_MS = 10_000;

let server;
/** Where the viewer page runs; the camera is always in Chromium. */
let browser;
let studio;
let camera;
let viewer;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, condition, limitMs = START_MS) {
  const started = performance.now();
  for (;;) {
    const value = await condition();
    if (value) return { value, took: performance.now() - started };
    assert.ok(performance.now() - started < limitMs, `after ${limitMs} ms still not: ${what}; the page says ${JSON.stringify(await tiles().catch(String))}`);
    await sleep(20);
  }
}

const tiles = () => viewer.evaluate("heliograph.tiles()");
const tile = async (peerId = "cam") => (await tiles()).find((each) => each.peerId === peerId);
const words = (peerId = "cam") => viewer.evaluate(`document.querySelector('.tile[data-feed="${peerId}"]').innerText`);
/** What a person sees: live, stale, waiting or unable. */
const look = (peerId = "cam") => viewer.evaluate(`document.querySelector('.tile[data-feed="${peerId}"]')?.dataset.look ?? null`);
const live = () => until("the feed is live", async () => (await look()) === "live" && !(await tile()).stale);
const openCamera = (id, name, hue) => studio.open(`${server.url}/camera?id=${id}&name=${encodeURIComponent(name)}&hue=${hue}`);
const feed = (state, text = "") => ({ peerId: "cam", name: "Front gate", state, text, staleAfterMs: 1000 });

/** The frame on screen: its RTP timestamp, its age by the mark in the picture, and its age as the page has it. */
function frameOnScreen() {
  return viewer.evaluate(`new Promise((resolve) => document.querySelector("video").requestVideoFrameCallback((_, { rtpTimestamp }) => {
    const mark = ${call(readMark, "video", 0)};
    const now = Date.now();
    resolve({ rtpTimestamp, mark, now, markAgeMs: (now - mark.clock) | 0, ageMs: heliograph.tiles().find(({ peerId }) => peerId === "cam").ageMs });
  }))`);
}

/** Says once what Heliograph says every second: when one frame was captured (here: as its mark tells, or earlier). */
async function tellCaptureTime(earlierMs = 0) {
  const { rtpTimestamp, mark, now, markAgeMs } = await frameOnScreen();
  assert.ok(mark.ok, `the frame mark is readable: ${JSON.stringify(mark)}`);
  const captureTime = now - markAgeMs + server.clockAheadMs - earlierMs;
  server.sendPicture((await tile()).sessionId, { rtpTimestamp, captureTime });
}

async function setUp(startBrowser) {
  server = await MockServer.start();
  studio = await startChromium();
  browser = startBrowser === startChromium ? studio : await startBrowser();
  camera = await openCamera("cam", "Front gate", 210);
}

async function tearDown() {
  if (browser !== studio) await browser?.close();
  await studio?.close();
  server?.close();
}

for (const startBrowser of [startChromium, startFirefox]) {
  describe(`the viewer page, ${startBrowser.name.replace("start", "")}`, () => {
    before(() => setUp(startBrowser));
    after(tearDown);
    pageTests();
  });
}

function pageTests() {
  test("a page without feeds says so", async () => {
    const empty = await MockServer.start();
    const tab = await browser.open(empty.url);
    await sleep(500);
    assert.match(await tab.evaluate("document.body.innerText"), /No feeds yet/);
    await tab.close();
    empty.close();
  });

  test("a feed appears, plays and is live", async () => {
    viewer = await browser.open(server.url);
    server.setFeeds([feed("live", "Live, 1 viewer.")]);
    await live();
    await until("60 frames are decoded", async () => (await tile()).framesDecoded > 60);
    const { name, width, height, sessions, ageMs, sinceFrameMs } = await tile();
    assert.deepEqual([name, width, height, sessions], ["Front gate", 640, 360, 1]);
    assert.equal(ageMs, null, "nobody has said yet when a frame was captured");
    assert.ok(sinceFrameMs < 300);
    assert.match(await words(), /LIVE\s+frame \d+ ms ago/);
  });

  test("a feed without sound has no button for it", async () => {
    assert.equal(await viewer.evaluate(`document.querySelector(".sound").hidden`), true);
    assert.deepEqual([(await tile()).hasSound, (await tile()).audible], [false, false]);
  });

  test("the age is what the frame mark says, on the server's clock", async () => {
    await tellCaptureTime();
    await until("the age is known", async () => (await tile()).ageMs !== null);
    await sleep(1000);
    const { ageMs, markAgeMs } = await frameOnScreen();
    assert.ok(Math.abs(ageMs - markAgeMs) < 80, `the page says ${ageMs} ms, the mark of another frame ${markAgeMs} ms`);
    await until("the tile shows it", async () => /LIVE\s+\d+ ms/.test(await words()));
  });

  test("a picture that flows but is too old is not live", async () => {
    await tellCaptureTime(3000);
    await until("it is stale", async () => (await tile()).stale);
    await until("the words say so", async () => /NOT LIVE\s+last picture 3\.\d s ago\s+Pictures arrive, but late/.test(await words()));
    await tellCaptureTime();
    await live();
  });

  test("a picture that stops is not live within 500 ms, and live again when it moves", async () => {
    await camera.evaluate("camera.pause()");
    const { took } = await until("it is not live", async () => (await look()) === "stale");
    assert.ok(took > 150 && took < 500, `took ${took} ms`);
    assert.match(await words(), /NOT LIVE/);
    assert.match(await words(), /No new picture arrives/);
    await camera.evaluate("camera.resume()");
    const { took: back } = await live();
    assert.ok(back < 1500, `took ${back} ms`);
    assert.equal((await tile()).sessions, 1, "the session is the same");
  });

  test("what the server says of a camera in trouble is shown, and never passes as live", async () => {
    server.setFeeds([feed("backoff", "The camera does not answer. Retrying in 8 s.")]);
    await until("it is stale", async () => (await tile()).stale);
    await sleep(100);
    assert.match(await words(), /NOT LIVE[\s\S]*The camera does not answer\. Retrying in 8 s\./);
    server.setFeeds([feed("live")]);
    await live();
  });

  test("a feed that starts on demand is asked for, and is not live before it says so", async () => {
    server.setFeeds([feed("standby", "Ready: starts when somebody watches.")]);
    await until("it is stale", async () => (await tile()).stale);
    server.endSession((await tile()).sessionId);
    const { sessions } = await tile();
    await until("it asks for another session", async () => (await tile()).sessions > sessions);
    assert.match(await words(), /Ready: starts when somebody watches\./);
    server.setFeeds([feed("live")]);
    await live();
  });

  test("a session that ends is replaced, and the last picture stays until then", async () => {
    const before = await tile();
    server.endSession(before.sessionId);
    await until("the still is shown", () => viewer.evaluate(`document.querySelector(".tile").dataset.look === "stale" && !!document.querySelector(".picture canvas")`));
    await live();
    const now = await tile();
    assert.equal(now.sessions, before.sessions + 1);
    assert.notEqual(now.sessionId, before.sessionId);
    assert.equal(await viewer.evaluate(`document.querySelectorAll(".picture > *").length`), 1, "the still is gone");
  });

  test("who is asked to come again sees the old picture until the new one is there", async () => {
    const before = await tile();
    await viewer.evaluate(`(() => {
      const shown = document.querySelector('.tile[data-feed="cam"]');
      window.looks = new Set([shown.dataset.look]);
      new MutationObserver(() => looks.add(shown.dataset.look)).observe(shown, { attributeFilter: ["data-look"] });
    })()`);
    server.rejoin(before.sessionId);
    await until("its successor has taken over", async () => (await tile()).sessionId !== before.sessionId);
    await until("the one before is over", () => !server.sessions.has(before.sessionId));
    const now = await tile();
    assert.equal(now.sessions, before.sessions + 1);
    assert.ok(now.sinceFrameMs < 300, JSON.stringify(now));
    assert.deepEqual(await viewer.evaluate("[...looks]"), ["live"]);
    assert.equal(await viewer.evaluate(`document.querySelectorAll(".picture > *").length`), 1, "the old picture is gone");
    const { framesPresented } = await tile();
    await until("it goes on", async () => (await tile()).framesPresented > framesPresented + 30);
  });

  test("a successor that comes to nothing costs nobody the picture", async () => {
    const before = await tile();
    server.withholds = true;
    server.rejoin(before.sessionId);
    await until("it is asked for", async () => (await tile()).sessions > before.sessions);
    const successor = [...server.sessions.keys()].at(-1);
    server.withholds = false;
    server.endSession(successor);
    await sleep(500);
    const { sessionId, stale, sessions } = await tile();
    assert.deepEqual([sessionId, stale, sessions], [before.sessionId, false, before.sessions + 1]);
    assert.equal(await viewer.evaluate(`document.querySelectorAll(".picture > *").length`), 1);
    server.rejoin(sessionId);
    await until("asked again, it comes again", async () => (await tile()).sessionId !== sessionId);
    await live();
  });

  test("a lost connection is noticed, said and mended", async () => {
    const { sessions } = await tile();
    server.dropViewers();
    await until("it says so", async () => /connection to the server is lost/.test(await words()), 1000);
    await live();
    assert.equal((await tile()).sessions, sessions + 1);
  });

  test("media that break off are asked for again", async () => {
    const { sessions } = await tile();
    await camera.evaluate("camera.cut()");
    await until("it is not live", async () => (await look()) === "stale", 500);
    await until("it is live in another session", async () => (await look()) === "live" && (await tile()).sessions > sessions, 30_000);
  });

  test("a server that no longer takes the token is quoted", async () => {
    server.locked = true;
    server.dropViewers();
    await until("it says so", async () => /This server asks for a token/.test(await words()));
    server.locked = false;
    await live();
  });

  test("a codec that this browser cannot decode gets a sentence", async () => {
    server.offerCodec("X-FUTURE");
    const sentence = /This browser cannot decode X-FUTURE\. Switch the feed to VP8/;
    await until("the sentence", async () => sentence.test(await words("X-FUTURE").catch(() => "")));
    assert.equal((await tile("X-FUTURE")).sessions, 1, "it is not asked for again and again");
  });

  test("Firefox without OpenH264 says what it lacks", async (t) => {
    const known = await viewer.evaluate(`RTCRtpReceiver.getCapabilities("video").codecs.some(({ mimeType }) => mimeType === "video/H264")`);
    if (known) return t.skip("this browser decodes H.264");
    server.offerCodec("H264");
    const sentence = /This browser cannot decode H\.264\. Use Chromium, or switch the feed to VP8\./;
    await until("the sentence", async () => sentence.test(await words("H264").catch(() => "")));
  });

  test("Enter opens a feed, the others rest, Esc goes back", async () => {
    await viewer.evaluate(`document.querySelector('.tile[data-feed="cam"] .open').focus()`);
    await viewer.press("Enter");
    await until("the feed's page", () => viewer.evaluate(`location.pathname === "/feed/cam" && document.title === "Front gate · Heliograph"`));
    assert.equal(await viewer.evaluate(`document.querySelector('.tile[data-feed="X-FUTURE"]').hidden`), true);
    await live();
    await viewer.press("i");
    await until("the details", async () => /VP8/.test(await words()) && /fps/.test(await words()));
    await viewer.press("i");
    await viewer.press("Escape");
    await until("the wall", () => viewer.evaluate(`location.pathname === "/" && !document.querySelector('.tile[data-feed="X-FUTURE"]').hidden`));
  });

  test("tiles fill a large screen and scroll on a small one, never over each other", async () => {
    const boxes = () => viewer.evaluate(`[...document.querySelectorAll(".tile:not([hidden])")].map((tile) => tile.getBoundingClientRect().toJSON())`);
    for (const [width, height, scrolls] of [[1920, 1080, false], [390, 200, true]]) {
      await viewer.resize(width, height);
      await sleep(200);
      const [first, second] = await boxes();
      assert.ok(second.left >= first.right || second.top >= first.bottom, JSON.stringify([first, second]));
      assert.ok(Math.abs(first.width / first.height - 16 / 9) < 0.02, JSON.stringify(first));
      assert.equal(second.bottom > height, scrolls, JSON.stringify(second));
    }
    await viewer.resize(1280, 800);
  });

  test("a feed that leaves goes from the wall, and returns with its camera", async () => {
    await camera.close();
    server.setFeeds([]);
    await until("it is not live", async () => (await tile()).stale, 1000);
    await until("it is gone", async () => !(await tile()));
    camera = await openCamera("cam", "Front gate", 120);
    await live();
  });

  test("nothing broke the page's policy or was left unhandled", () => {
    const errors = viewer.log.filter((line) => line.startsWith("error") && !/WebSocket connection|401|can.t establish a connection/.test(line));
    assert.deepEqual(errors, []);
  });
}
