// The websocket to the server: connects, says who we are, asks the time,
// and comes back by itself. Every message that arrives becomes an event of
// the same name, with the message in `detail`.
//
// Protocol: gst-plugin-webrtc-signalling-protocol, and messages of our own
// (their names begin with `heliograph`) that the server sends only because we
// announce `heliograph: 1`. What this browser decodes is told with that.

import { decodedCodecs, has, without } from "./codecs.js";
import { ServerClock } from "./picture-age.js";

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 5_000;

/** An outage is young for so long. Whoever watches wants the picture back as soon as the network is there. */
const YOUNG_MS = 60_000;
const LONGEST_YOUNG_RETRY_MS = 1_000;

/** How long an attempt may take: TCP asks ever more rarely whether somebody is there, a new attempt asks at once. */
const YOUNG_ATTEMPT_MS = 2_500;
const ATTEMPT_MS = 15_000;

const QUICK_QUESTIONS = 5;
const QUICK_QUESTION_MS = 100;
const QUESTION_MS = 2_000;

/** A server that has told the time before and is silent this long is gone, whatever TCP thinks. */
const SILENCE_LIMIT_MS = 10_000;

/** One that is silent this long, though it is asked all the time, cannot be heard: what else is missing need not be its fault. */
const UNHEARD_MS = QUESTION_MS + 500;

/** Meanwhile it is asked in another way: TCP repeats what was lost ever more rarely, and a new connection finds out at once. */
const PROBE_EVERY_MS = 500;
const PROBE_LIMIT_MS = 1_000;

/** What to tell a person when `refused`. */
export const REFUSED = "This server asks for a token. Open the link that Heliograph shows, with its token.";

/** How long to wait before attempt n (from 0): doubling, and jittered so that a wall of pages does not return as one. */
export function backOff(attempt, longest = LONGEST_RETRY_MS) {
  const ceiling = Math.min(FIRST_RETRY_MS * 2 ** attempt, longest);
  return ceiling * (0.75 + Math.random() / 4);
}

/**
 * Events: every message type of the protocol, and `open` (announced and ready),
 * `closed` (lost; all sessions of this connection are over) and `refused`.
 */
export class Signalling extends EventTarget {
  /** The server's time, as far as it is known. */
  clock = new ServerClock();
  /** True between `open` and `closed`. */
  connected = false;
  /** True when the server answers, but not to this page: its token is missing or no longer the right one. */
  refused = false;
  /** What the server may send; see `cannotDecode`. */
  #codecs = decodedCodecs();
  #url;
  #socket = null;
  #attempt = 0;
  #timers = new Set();
  #lastTimeReply = null;
  #reachedAt = null;
  #lostAt = performance.now();

  constructor(url) {
    super();
    this.#url = url;
    // A page that sleeps through its retry should not wait once it is looked at again.
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  /** Whether nothing can be heard of the server at the moment. */
  get unheard() {
    const reached = this.#reachedAt !== null && performance.now() - this.#reachedAt < PROBE_EVERY_MS + PROBE_LIMIT_MS;
    return !this.connected || (this.#silent && !reached);
  }

  /** Whether the websocket is silent, however the network is. */
  get #silent() {
    return this.#lastTimeReply !== null && performance.now() - this.#lastTimeReply > UNHEARD_MS;
  }

  /** Somebody needs the server now: a websocket that is silent is made anew. */
  hurry() {
    if (!this.connected || !this.#silent) return;
    this.#lost(this.#socket);
    this.connect();
  }

  connect() {
    this.#clearTimers();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onmessage = (event) => this.#receive(event.data);
    // A failed attempt ends in `close` as well; `error` says nothing that a page may know.
    socket.onclose = () => this.#lost(socket);
    this.#after(this.#isYoung ? YOUNG_ATTEMPT_MS : ATTEMPT_MS, () => this.connected || this.#lost(socket));
  }

  get #isYoung() {
    return performance.now() - this.#lostAt < YOUNG_MS;
  }

  /** Sends a message, or drops it while there is no connection: nothing here is worth a queue. */
  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** A codec failed here, whatever the browser says of it. False where the server knew that before. */
  cannotDecode(codec) {
    if (!has(this.#codecs, codec)) return false;
    this.#codecs = without(this.#codecs, codec);
    this.#introduce();
    return true;
  }

  #receive(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      console.warn("the server sent a message that is not JSON; it is ignored");
      return;
    }
    if (message.type === "welcome") this.#announce();
    if (message.type === "heliographTime") this.#learnTime(message);
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
  }

  #announce() {
    this.#attempt = 0;
    this.connected = true;
    this.refused = false;
    this.#lastTimeReply = null;
    this.clock.forget();
    this.#introduce();
    this.send({ type: "list" });
    this.dispatchEvent(new Event("open"));
    for (let n = 0; n < QUICK_QUESTIONS; n++) this.#after(n * QUICK_QUESTION_MS, () => this.#askTime());
    this.#every(QUESTION_MS, () => this.#askTime());
    this.#every(PROBE_EVERY_MS, () => this.#silent && this.#probe());
  }

  #introduce() {
    this.send({ type: "setPeerStatus", roles: ["listener"], meta: { heliograph: 1, name: viewerName(), codecs: this.#codecs } });
  }

  #askTime() {
    const silent = this.#lastTimeReply !== null && performance.now() - this.#lastTimeReply > SILENCE_LIMIT_MS;
    // close() alone would wait for an answer to its handshake, from a server that gives none.
    if (silent) this.#lost(this.#socket);
    else this.send({ type: "heliographTime", client: performance.now() });
  }

  async #probe() {
    const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PROBE_LIMIT_MS) }).catch(() => null);
    if (answer) this.#reachedAt = performance.now();
  }

  #learnTime({ client, server }) {
    this.#lastTimeReply = performance.now();
    this.clock.learn({ asked: client, answered: this.#lastTimeReply, server });
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    socket.close();
    this.#clearTimers();
    if (!this.connected) this.#askWhy();
    if (this.connected) this.#lostAt = performance.now();
    this.connected = false;
    this.dispatchEvent(new Event("closed"));
    const longest = this.#isYoung ? LONGEST_YOUNG_RETRY_MS : LONGEST_RETRY_MS;
    this.#after(backOff(this.#attempt++, longest), () => this.connect());
  }

  /** A websocket that fails does not say why; the same server, asked for a page, does. */
  async #askWhy() {
    const answer = await fetch("/", { method: "HEAD", cache: "no-store" }).catch(() => null);
    this.refused = answer?.status === 401;
    if (this.refused) this.dispatchEvent(new Event("refused"));
  }

  #hurry() {
    if (!this.#socket) this.connect();
  }

  #after(ms, action) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
  }

  #every(ms, action) {
    this.#timers.add(setInterval(action, ms));
  }

  #clearTimers() {
    // Browsers number timeouts and intervals together, so clearTimeout ends both.
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** What this viewer calls itself: by its name the operator may pin it to the best picture. */
function viewerName() {
  return new URLSearchParams(location.search).get("name") || "viewer page";
}
