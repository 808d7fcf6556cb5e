// Stands in for Heliograph where the viewer page is tested by itself: serves
// the page under the same policy, speaks the same signalling, and relays
// between viewers and a camera that is a page in another tab (camera.js).

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
// playwright-core carries the `ws` package; its exact version is pinned, so this inner door does not move.
import bundle from "playwright-core/lib/utilsBundle";

const PAGE = new URL("../../../resources/viewer/", import.meta.url);
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const POLICY = "default-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/** An offer of one codec and nothing else; it gets no further than being read. */
const offerOf = (codec) =>
  ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=video 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=sendonly", `a=rtpmap:96 ${codec}/90000`, ""].join("\r\n");

function fileOf(path) {
  if (path === "/" || path.startsWith("/feed/")) return new URL("index.html", PAGE);
  if (path.startsWith("/viewer/")) return new URL(path.slice("/viewer/".length), PAGE);
  if (path === "/camera") return new URL("camera.html", import.meta.url);
  if (path === "/camera.js") return new URL("camera.js", import.meta.url);
  return null;
}

async function serveFile(request, response) {
  const file = fileOf(new URL(request.url, "http://localhost").pathname);
  const content = file && (await readFile(file).catch(() => null));
  if (!content) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[extname(file.pathname)], "content-security-policy": POLICY });
  response.end(content);
}

export class MockServer {
  /** What this server's clock is ahead of the machine's, so that a page which ignores it is found out. */
  clockAheadMs = 86_400_000;
  url;
  /** Answers 401 to every page and websocket, as a server does whose token has changed. */
  locked = false;
  /** Has cameras told nothing of new sessions, which wait for an offer. */
  withholds = false;
  /** Everybody who listens, and among them the viewer pages, who understand our extensions. */
  listeners = new Set();
  viewers = new Set();
  sessions = new Map();
  #cameras = new Map();
  #feeds = [];
  #http = createServer((request, response) => (this.locked ? response.writeHead(401).end() : serveFile(request, response)));
  #sockets;
  #counter = 0;

  static async start() {
    const server = new MockServer();
    await server.listen(0);
    return server;
  }

  async listen(port) {
    await new Promise((resolve) => this.#http.listen(port, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.#http.address().port}`;
    this.#sockets = new bundle.wsServer({ server: this.#http, verifyClient: () => !this.locked });
    this.#sockets.on("connection", (socket) => this.#welcome(socket));
  }

  now() {
    return Date.now() + this.clockAheadMs;
  }

  /** What the page is told about feeds, from now on. */
  setFeeds(feeds) {
    this.#feeds = feeds;
    for (const viewer of this.viewers) send(viewer, { type: "heliographFeeds", feeds });
  }

  /** Tells the viewer of a session when one of its frames was captured. */
  sendPicture(sessionId, picture) {
    send(this.sessions.get(sessionId).viewer, { type: "heliographPicture", sessionId, clockRate: 90_000, ...picture });
  }

  endSession(sessionId) {
    const session = this.sessions.get(sessionId);
    this.sessions.delete(sessionId);
    for (const socket of [session?.viewer, session?.camera]) if (socket) send(socket, { type: "endSession", sessionId });
  }

  /** Asks the viewer of a session to come again, as for another codec. */
  rejoin(sessionId) {
    send(this.sessions.get(sessionId).viewer, { type: "heliographRejoin", sessionId });
  }

  /** Cuts every viewer's websocket, as a restarting server or a lost network does. */
  dropViewers() {
    for (const viewer of this.viewers) viewer.terminate();
  }

  close() {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    this.#http.close();
  }

  #welcome(socket) {
    socket.on("message", (data) => this.#receive(socket, JSON.parse(data)));
    socket.on("close", () => this.#left(socket));
    socket.peerId = `peer-${++this.#counter}`;
    send(socket, { type: "welcome", peerId: socket.peerId });
  }

  #receive(socket, message) {
    const { type, sessionId } = message;
    if (type === "setPeerStatus") this.#announced(socket, message);
    if (type === "listConsumers") send(socket, { type: "listConsumers", consumers: [] });
    if (type === "list") send(socket, { type: "list", producers: this.#producers() });
    if (type === "heliographTime") send(socket, { ...message, server: this.now() });
    if (type === "startSession") this.#startSession(socket, message.peerId);
    if (type === "endSession") this.endSession(sessionId);
    if (type === "peer") this.#relay(socket, message);
  }

  #announced(socket, { roles, meta, peerId = socket.peerId }) {
    if (roles.includes("producer")) return this.#addCamera(peerId, { socket, meta });
    this.listeners.add(socket);
    send(socket, { type: "peerStatusChanged", peerId, roles, meta });
    if (meta?.heliograph !== 1) return;
    this.viewers.add(socket);
    send(socket, { type: "heliographFeeds", feeds: this.#feeds });
  }

  #producers() {
    return [...this.#cameras].map(([id, { meta }]) => ({ id, meta }));
  }

  /** Adds a feed without a camera, called like the one codec it offers. */
  offerCodec(codec) {
    this.#addCamera(codec, { socket: null, meta: { name: codec } });
  }

  #addCamera(peerId, camera) {
    this.#cameras.set(peerId, camera);
    for (const listener of this.listeners) send(listener, { type: "peerStatusChanged", peerId, roles: ["producer"], meta: camera.meta });
  }

  #startSession(viewer, peerId) {
    const sessionId = `session-${++this.#counter}`;
    const camera = this.#cameras.get(peerId)?.socket ?? null;
    this.sessions.set(sessionId, { viewer, camera, peerId });
    send(viewer, { type: "sessionStarted", peerId, sessionId });
    if (this.withholds) return;
    if (camera) send(camera, { type: "startSession", peerId, sessionId });
    else send(viewer, { type: "peer", sessionId, sdp: { type: "offer", sdp: offerOf(peerId) } });
  }

  #relay(from, message) {
    const session = this.sessions.get(message.sessionId);
    const to = session && (from === session.viewer ? session.camera : session.viewer);
    if (to) send(to, message);
  }

  #left(socket) {
    this.listeners.delete(socket);
    this.viewers.delete(socket);
    for (const [id, session] of this.sessions) if (session.viewer === socket || session.camera === socket) this.endSession(id);
    for (const [peerId, camera] of this.#cameras) if (camera.socket === socket) this.#cameraLeft(peerId);
  }

  #cameraLeft(peerId) {
    this.#cameras.delete(peerId);
    for (const listener of this.listeners) send(listener, { type: "peerStatusChanged", peerId, roles: [], meta: null });
  }
}

function send(socket, message) {
  if (socket.readyState === 1) socket.send(JSON.stringify(message));
}
