// The page: a wall of all feeds at `/`, one feed large at `/feed/<id>`.
// Keeps one tile per feed, lays them out, and hears the keyboard.

import { REFUSED, Signalling } from "./signalling.js";
import { Tile } from "./tile.js";

/** How often pictures are judged. With the 300 ms a frame may be missing, this keeps the warning under half a second. */
const TICK_MS = 50;

/** How often the browser's statistics are read. */
const STATISTICS_MS = 1_000;

/** The server takes no two reports within 200 ms. */
const REPORTS_APART_MS = 220;

/** A feed that leaves often returns at once (it is being changed); its last picture waits this long. */
const LEAVE_GRACE_MS = 5_000;

/** Below this width a picture is too small to watch: rather scroll. */
const SMALLEST_TILE = 240;

const GAP = 10;
const WALL_ASPECT = 16 / 9;

const $ = (id) => document.getElementById(id);
const wall = $("wall");
const tiles = new Map();
const leaving = new Map();
const signalling = new Signalling(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/signalling`);
let order = [];
/** The feed that the server was told is looked at. */
let told = null;
let nextReading = null;
let readAt = -Infinity;
let detailed = false;

// ---- which feeds there are --------------------------------------------------

function tileOf(peerId) {
  let tile = tiles.get(peerId);
  if (!tile) {
    tile = new Tile($("tile"), signalling, peerId);
    tile.setDetailed(detailed);
    tiles.set(peerId, tile);
    wall.append(tile.element);
  }
  clearTimeout(leaving.get(peerId));
  leaving.delete(peerId);
  return tile;
}

function producerCame(peerId, name) {
  const tile = tileOf(peerId);
  if (name) tile.rename(name);
  tile.setOffered(true);
}

function producerLeft(peerId) {
  const tile = tiles.get(peerId);
  if (!tile) return;
  tile.setOffered(false);
  // The server still names it: its tile stays and says why there is no picture.
  if (order.includes(peerId) || leaving.has(peerId)) return;
  leaving.set(peerId, setTimeout(() => forget(peerId), LEAVE_GRACE_MS));
}

function forget(peerId) {
  leaving.delete(peerId);
  tiles.get(peerId)?.remove();
  tiles.delete(peerId);
  arrange();
}

function takeList({ producers }) {
  for (const { id, meta } of producers) producerCame(id, meta?.name);
  const offered = new Set(producers.map(({ id }) => id));
  for (const peerId of tiles.keys()) if (!offered.has(peerId)) producerLeft(peerId);
  arrange();
}

function takePeerStatus({ peerId, roles, meta }) {
  if (roles.includes("producer")) producerCame(peerId, meta?.name);
  else producerLeft(peerId);
  arrange();
}

function takeFeeds({ feeds }) {
  const gone = order.filter((peerId) => !feeds.some((feed) => feed.peerId === peerId));
  order = feeds.map(({ peerId }) => peerId);
  for (const feed of feeds) tileOf(feed.peerId).setStatus(feed);
  for (const peerId of gone) producerLeft(peerId);
  arrange();
}

// ---- what is shown ----------------------------------------------------------

/** The feed named by the address, or null on the wall. */
function chosenFeed() {
  const match = /^\/feed\/([^/]+)\/?$/.exec(location.pathname);
  if (!match) return null;
  try {
    return decodeURIComponent(match[1]);
  } catch {
    return match[1];
  }
}

/** In the server's order; a feed that it does not list comes last, by name. */
function sortedTiles() {
  const place = ({ peerId }) => (order.includes(peerId) ? order.indexOf(peerId) : order.length);
  return [...tiles.values()].sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name));
}

function arrange() {
  const chosen = chosenFeed();
  const sorted = sortedTiles();
  // Moving a video in the document interrupts it, so tiles are ordered by style.
  sorted.forEach((tile, place) => tile.element.style.setProperty("order", place));
  for (const tile of sorted) {
    tile.setWanted(chosen === null || tile.peerId === chosen);
    tile.setEnlarged(tile.peerId === chosen);
  }
  tellAttention();
  document.body.dataset.view = chosen === null ? "wall" : "feed";
  showTitle(chosen);
  showEmptiness(chosen);
  layOut();
}

function showTitle(chosen) {
  const name = chosen === null ? "" : (tiles.get(chosen)?.name ?? chosen);
  $("title").textContent = name;
  document.title = name ? `${name} · Heliograph` : "Heliograph";
}

function showEmptiness(chosen) {
  const nothing = chosen === null ? tiles.size === 0 : !tiles.has(chosen);
  $("empty").hidden = !nothing;
  wall.hidden = nothing;
  const [heading, text] = emptyWords(chosen);
  $("empty").querySelector("h2").textContent = heading;
  $("empty").querySelector("p").textContent = text;
}

function emptyWords(chosen) {
  if (signalling.refused) return ["No access", REFUSED];
  if (!signalling.connected) return ["Connecting…", "The server has not answered yet. This page keeps trying by itself."];
  if (chosen === null) return ["No feeds yet", "Add a camera in Heliograph and it appears here by itself."];
  return ["No such feed", `There is no feed “${chosen}” on this server. Press Esc to see all feeds.`];
}

/** Gives tiles the size at which all fit the screen; where that would be too small, a size to scroll through. */
function layOut() {
  const shown = [...tiles.values()].filter((tile) => !tile.element.hidden);
  if (shown.length === 0) return;
  const single = document.body.dataset.view === "feed";
  const aspect = (single && shown[0].aspect) || WALL_ASPECT;
  const { columns, width } = fit(shown.length, wall.clientWidth, wall.clientHeight, aspect);
  wall.style.setProperty("--columns", columns);
  wall.style.setProperty("--tile-width", `${Math.floor(width)}px`);
  wall.style.setProperty("--tile-aspect", aspect);
}

/** The number of columns that makes `count` tiles largest within an area, and their width. */
function fit(count, areaWidth, areaHeight, aspect) {
  let best = { columns: 1, width: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const byWidth = (areaWidth - GAP * (columns - 1)) / columns;
    const byHeight = ((areaHeight - GAP * (rows - 1)) / rows) * aspect;
    const width = Math.min(byWidth, byHeight);
    if (width > best.width) best = { columns, width };
  }
  if (best.width >= SMALLEST_TILE || count === 1) return best;
  const columns = Math.max(1, Math.floor((areaWidth + GAP) / (SMALLEST_TILE + GAP)));
  return { columns, width: (areaWidth - GAP * (columns - 1)) / columns };
}

function showConnection() {
  const shown = [...tiles.values()].filter((tile) => !tile.element.hidden);
  const live = shown.filter((tile) => tile.live).length;
  const count = shown.length > 1 ? `${live} of ${shown.length} live` : "";
  const text = signalling.connected ? count : "Reconnecting to the server…";
  document.body.dataset.connected = signalling.connected;
  if ($("connection").textContent !== text) $("connection").textContent = text;
}

// ---- moving about -----------------------------------------------------------

function go(path) {
  if (path === location.pathname) return;
  history.pushState(null, "", path);
  arrange();
}

function backToWall() {
  const chosen = chosenFeed();
  // In full screen Esc belongs to the browser, which leaves it.
  if (chosen === null || document.fullscreenElement) return;
  go("/");
  tiles.get(chosen)?.element.querySelector(".open").focus();
}

function toggleDetails() {
  detailed = !detailed;
  $("details").setAttribute("aria-pressed", detailed);
  for (const tile of tiles.values()) tile.setDetailed(detailed);
}

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen?.().catch(() => {});
}

const keys = { Escape: backToWall, i: toggleDetails, f: toggleFullScreen };

function keyPressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const action = keys[event.key] ?? keys[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
}

/** Links inside the page change the view and keep the sessions; with a modifier they open as links do. */
function linkClicked(event) {
  const link = event.target.closest("a.open, a#home");
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  // A click on the feed that is already large goes back to the wall.
  go(link.getAttribute("href") === location.pathname ? "/" : link.getAttribute("href"));
}

// ---- the page at work -------------------------------------------------------

function tick() {
  const now = performance.now();
  for (const tile of tiles.values()) if (!tile.element.hidden) tile.tick(now);
  showConnection();
}

function readStatistics() {
  readAt = performance.now();
  for (const tile of tiles.values()) tile.refreshNumbers().catch((error) => console.warn(`no statistics: ${error.message}`));
  readStatisticsIn(STATISTICS_MS);
}

function readStatisticsIn(milliseconds) {
  clearTimeout(nextReading);
  nextReading = setTimeout(readStatistics, milliseconds);
}

/** What is looked at is told at once, but no sooner after the last report than the server takes another. */
function tellAttention() {
  const looked = document.hidden ? null : chosenFeed();
  if (looked === told) return;
  told = looked;
  readStatisticsIn(Math.max(0, readAt + REPORTS_APART_MS - performance.now()));
}

signalling.addEventListener("list", ({ detail }) => takeList(detail));
signalling.addEventListener("peerStatusChanged", ({ detail }) => takePeerStatus(detail));
signalling.addEventListener("heliographFeeds", ({ detail }) => takeFeeds(detail));
signalling.addEventListener("error", ({ detail }) => console.warn(`the server refused a message: ${detail?.details}`));
signalling.addEventListener("open", arrange);
signalling.addEventListener("refused", arrange);
signalling.addEventListener("closed", () => {
  for (const tile of tiles.values()) tile.setOffered(false);
  arrange();
});

document.addEventListener("keydown", keyPressed);
document.addEventListener("click", linkClicked);
document.addEventListener("pointerdown", () => tiles.forEach((tile) => tile.play()));
document.addEventListener("visibilitychange", tick);
document.addEventListener("visibilitychange", tellAttention);
addEventListener("popstate", arrange);
wall.addEventListener("resized", layOut);
new ResizeObserver(layOut).observe(wall);
$("details").addEventListener("click", toggleDetails);
$("fullscreen").addEventListener("click", toggleFullScreen);

setInterval(tick, TICK_MS);
readStatisticsIn(STATISTICS_MS);
arrange();
signalling.connect();

/**
 * For whoever builds on this page: messages to a feed and from it (see docs/data-channels.md), each of
 * which arrives as an event `heliograph-data` of the document. And for the curious: what every tile knows.
 */
window.heliograph = {
  channels: (feed) => tiles.get(feed)?.channels ?? [],
  send: (feed, channel, data) => tiles.get(feed)?.send(channel, data) ?? false,
  tiles: () => sortedTiles().map((tile) => tile.describe()),
};
