// One feed on the wall: keeps a session with it going, shows its picture, and
// says plainly when what is shown is not live.
//
// The picture is judged by a timer (`tick`), never by its own frames: a
// picture that has stopped sends no frame to say so.

import { forPeople } from "./codecs.js";
import { DEFAULT_STALE_AFTER_MS, Freshness, duration } from "./picture-age.js";
import { Session } from "./session.js";
import { REFUSED, backOff } from "./signalling.js";

/** Numbers that change with every frame are read more easily at this pace. */
const NUMBERS_PACE_MS = 200;

/** After this long of healthy picture the next failure is a new one. */
const HEALTHY_MS = 10_000;

/** A feed that this browser cannot decode is asked again now and then: its codec may be switched. */
const UNABLE_RETRY_MS = 30_000;

/** The feed is live at the server and the picture of this session stopped: a camera's own trouble the server would have told by now. */
const STOPPED_LIMIT_MS = 5_000;

/** The same after the network was down: what goes on at all goes on at once. */
const RETURN_LIMIT_MS = 2_000;

/** The same where packets arrive and get lost: another session would have the same connection, and begin with nothing. */
const CLOGGED_LIMIT_MS = 30_000;

/** The same before the session's first picture, which may have to wait for a keyframe. */
const FIRST_PICTURE_LIMIT_MS = 10_000;

/** States in which the server itself has no fresh picture, whatever still arrives here. */
const DEAD_STATES = new Set(["stalled", "backoff", "failed", "standby", "stopped"]);

const MARKS = { live: "LIVE", stale: "NOT LIVE", waiting: "NO PICTURE", unable: "NO PICTURE" };

export class Tile {
  element;
  peerId;
  name = "";
  state = "";
  text = "";
  #parts;
  #signalling;
  #staleAfterMs = DEFAULT_STALE_AFTER_MS;
  #wanted = false;
  #enlarged = false;
  #offered = false;
  #session = null;
  /** The session that takes over from `#session` when it shows something, and its video once it has one. */
  #successor = null;
  #nextVideo = null;
  #sessions = 0;
  #attempt = 0;
  #retry = null;
  /** Why this browser cannot show the feed: a sentence. */
  #unable = null;
  /** The codec that viewers get who can take it, for people. */
  #feedCodec = null;
  #video = null;
  #still = null;
  #freshness = new Freshness();
  #framesPresented = 0;
  #framesOfVideo = 0;
  #verdict = { live: false, flowing: false, ageMs: null, sinceFrameMs: null };
  #liveSince = null;
  #waitingSince = performance.now();
  /** Whether the network was down, and no picture has come since. */
  #returns = false;
  #numbersShown = 0;
  #detailed = false;
  /** Whether the feed has sound, and whether it is to be heard: browsers want a click for that. */
  #hasSound = false;
  #audible = false;

  constructor(template, signalling, peerId) {
    this.peerId = peerId;
    this.#signalling = signalling;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.feed = peerId;
    const part = (name) => this.element.querySelector(`.${name}`);
    this.#parts = Object.fromEntries(
      ["picture", "word", "last", "sentence", "name", "mark", "number", "numbers", "spoken", "open", "sound"].map((name) => [name, part(name)]),
    );
    this.#parts.open.href = `/feed/${encodeURIComponent(peerId)}`;
    this.#parts.sound.addEventListener("click", () => this.setAudible(!this.#audible));
    this.rename(peerId);
  }

  // ---- what the page tells ------------------------------------------------

  rename(name) {
    this.name = name;
    setText(this.#parts.name, name);
    this.element.setAttribute("aria-label", name);
    this.#parts.open.setAttribute("aria-label", `Open ${name}`);
    this.#parts.sound.setAttribute("aria-label", `Sound of ${name}`);
  }

  /** What the server says of the feed. */
  setStatus({ name, state, text, staleAfterMs, codec }) {
    const cameBack = state === "live" && this.state !== "live";
    const otherCodec = codec !== this.#feedCodec && this.#unable !== null;
    this.#feedCodec = codec;
    this.rename(name || this.peerId);
    this.state = state;
    this.element.dataset.state = state;
    this.text = text ?? "";
    this.#staleAfterMs = staleAfterMs > 0 ? staleAfterMs : DEFAULT_STALE_AFTER_MS;
    if ((cameBack || otherCodec) && this.#retry) this.#startSession();
  }

  /** Whether sessions can be had: the feed is a producer and the server is connected. */
  setOffered(offered) {
    if (offered !== this.#offered) this.#attempt = 0;
    this.#offered = offered;
    this.#update();
  }

  /** Whether anybody looks at this tile. Nothing runs that nobody watches. */
  setWanted(wanted) {
    this.#wanted = wanted;
    this.element.hidden = !wanted;
    this.#update();
  }

  /** Whether this is the only tile. */
  setEnlarged(enlarged) {
    this.#enlarged = enlarged;
  }

  setDetailed(detailed) {
    this.#detailed = detailed;
    this.#parts.numbers.hidden = !detailed;
    this.#showNumbers();
  }

  /** Sound joins a session only at its start, so this starts another; the picture stays meanwhile. */
  setAudible(audible) {
    if (audible === this.#audible) return;
    this.#audible = audible;
    this.#parts.sound.setAttribute("aria-pressed", audible);
    if (!this.#session) return;
    this.#attempt = 0;
    this.#successor?.close();
    this.#session.close();
    if (this.#wanted && this.#offered) this.#startSession();
  }

  /** Width over height of the picture, or null before the first. */
  get aspect() {
    const width = this.#video?.videoWidth || this.#still?.width;
    const height = this.#video?.videoHeight || this.#still?.height;
    return width && height ? width / height : null;
  }

  get live() {
    return this.#verdict.live;
  }

  /** Everything a test or a curious person may want to know. */
  describe() {
    const { ageMs, sinceFrameMs, live } = this.#judge(performance.now());
    return {
      peerId: this.peerId,
      name: this.name,
      sessionId: this.#session?.id ?? null,
      width: this.#video?.videoWidth ?? 0,
      height: this.#video?.videoHeight ?? 0,
      framesDecoded: this.#session?.numbers.framesDecoded ?? 0,
      framesPresented: this.#framesPresented,
      ageMs,
      sinceFrameMs,
      stale: !live,
      state: this.state,
      text: this.text,
      sentence: this.#parts.sentence.textContent,
      sessions: this.#sessions,
      hasSound: this.#hasSound,
      audible: this.#audible,
      numbers: this.#session?.numbers ?? null,
    };
  }

  remove() {
    this.setWanted(false);
    this.element.remove();
  }

  /** Browsers that hold back muted video too let it start once the page is touched. */
  play() {
    const video = this.#video;
    video?.play().catch(({ name }) => {
      // Sound is not allowed yet: rather the picture without it than neither.
      if (name === "NotAllowedError" && video === this.#video && !video.muted) this.setAudible(false);
    });
  }

  // ---- sessions -----------------------------------------------------------

  #update() {
    const want = this.#wanted && this.#offered;
    if (want && !this.#session && !this.#retry) this.#startSession();
    if (want) return;
    clearTimeout(this.#retry);
    this.#retry = null;
    this.#successor?.close();
    this.#session?.close();
  }

  #startSession() {
    clearTimeout(this.#retry);
    this.#retry = null;
    this.#session = this.#makeSession();
    this.#waitingSince = performance.now();
    this.#session.start();
  }

  /** The feed is to be had in another codec, and that means another session: its picture replaces this one's. */
  #startSuccessor(session) {
    if (session !== this.#session || this.#successor) return;
    this.#successor = this.#makeSession();
    this.#successor.start();
  }

  #makeSession() {
    const session = new Session(this.#signalling, this.peerId, { sound: this.#audible });
    this.#sessions += 1;
    session.addEventListener("offer", ({ detail }) => this.#showSound(detail.sound));
    session.addEventListener("stream", ({ detail }) => this.#takeStream(session, detail));
    session.addEventListener("undecodable", ({ detail }) => this.#cannotDecode(detail));
    session.addEventListener("unable", ({ detail }) => (this.#unable = detail));
    session.addEventListener("superseded", () => this.#startSuccessor(session));
    // Of two sessions that overlap, each gets every message.
    session.addEventListener("data", ({ detail }) => session === this.#session && this.#tellData(detail));
    session.addEventListener("ended", () => this.#sessionEnded(session));
    return session;
  }

  /** Where the server did not know that, it has another codec for the next session. */
  #cannotDecode(codec) {
    if (!this.#signalling.cannotDecode(codec)) this.#unable = undecodableSentence(codec);
  }

  #sessionEnded(session) {
    if (session === this.#successor) {
      this.#successor = null;
      this.#nextVideo?.remove();
      this.#nextVideo = null;
    }
    if (session !== this.#session) return;
    this.#keepStill();
    this.#session = null;
    if (this.#successor) return this.#promote();
    if (!this.#wanted || !this.#offered) return;
    const wait = this.#unable ? UNABLE_RETRY_MS : backOff(this.#attempt++);
    this.#retry = setTimeout(() => this.#startSession(), wait);
  }

  /** The session before is gone: this is the one now, whatever it shows. */
  #promote() {
    const video = this.#nextVideo;
    [this.#session, this.#successor, this.#nextVideo] = [this.#successor, null, null];
    this.#waitingSince = performance.now();
    if (video) this.#showVideo(video);
  }

  /** The successor shows its first picture: until here the session before was seen. */
  #takeOver(video, rtpTimestamp) {
    if (video !== this.#nextVideo) return;
    const [before, beforeVideo] = [this.#session, this.#video];
    [this.#session, this.#successor, this.#nextVideo] = [this.#successor, null, null];
    this.#video = video;
    this.#framesOfVideo = 0;
    this.#freshness.goOn(this.#session.captureClock);
    if (rtpTimestamp !== null) this.#countFrame(rtpTimestamp);
    this.#waitingSince = performance.now();
    this.#watchFrames(video);
    this.#firstFrame(video);
    beforeVideo?.remove();
    before.close();
  }

  /** A session that should show something and does not is given up. */
  #giveUpIfBlank(now) {
    const lastFrame = now - (this.#verdict.sinceFrameMs ?? Infinity);
    // A hidden page is shown no frames, a feed in trouble has none, and none come through a network that is down:
    // none of that is the session's fault.
    const unheard = this.#signalling.unheard;
    if (document.hidden || this.state !== "live" || unheard) this.#waitingSince = now;
    if (unheard) this.#returns = true;
    else if (lastFrame > this.#waitingSince) this.#returns = false;
    const lastSign = Math.max(this.#waitingSince, lastFrame);
    let limit = this.#framesOfVideo > 0 ? STOPPED_LIMIT_MS : FIRST_PICTURE_LIMIT_MS;
    if (this.#returns) limit = RETURN_LIMIT_MS;
    if (this.#session?.clogged) limit = CLOGGED_LIMIT_MS;
    if (!this.#session || now - lastSign <= limit) return;
    this.#session.close();
    this.#signalling.hurry();
  }

  async refreshNumbers() {
    const enlarged = this.#enlarged && !document.hidden;
    await this.#session?.refreshNumbers(this.#judge(performance.now()).ageMs, enlarged);
    this.#showNumbers();
  }

  #showSound(hasSound) {
    this.#hasSound = hasSound;
    this.#parts.sound.hidden = !hasSound;
  }

  // ---- messages -----------------------------------------------------------

  /** The labels of the data channels that are open now. */
  get channels() {
    return this.#session?.channels.labels() ?? [];
  }

  /** Sends a text or bytes; false where that cannot be, or would have to wait. */
  send(channel, data) {
    return this.#session?.channels.send(channel, data) ?? false;
  }

  #tellData({ channel, data }) {
    const detail = { feed: this.peerId, channel, data };
    document.dispatchEvent(new CustomEvent("heliograph-data", { detail }));
  }

  // ---- the picture --------------------------------------------------------

  #takeStream(session, stream) {
    const video = document.createElement("video");
    Object.assign(video, { muted: !this.#audible, autoplay: true, playsInline: true, srcObject: stream });
    video.disablePictureInPicture = true;
    video.setAttribute("aria-label", `Picture of ${this.name}`);
    // Below whatever is there: a still, or the picture of the session before.
    this.#parts.picture.prepend(video);
    if (session === this.#session) {
      this.#showVideo(video);
    } else {
      this.#nextVideo?.remove();
      this.#nextVideo = video;
      video.requestVideoFrameCallback((_, { rtpTimestamp }) => this.#takeOver(video, rtpTimestamp));
      // A hidden page is shown no frames.
      if (document.hidden) this.#takeOver(video, null);
      video.play().catch(() => {});
    }
  }

  #showVideo(video) {
    this.#video?.remove();
    this.#video = video;
    this.#framesOfVideo = 0;
    this.#freshness.follow(this.#session.captureClock);
    video.requestVideoFrameCallback(() => this.#firstFrame(video));
    this.#watchFrames(video);
    this.play();
  }

  #watchFrames(video) {
    video.requestVideoFrameCallback((_, { rtpTimestamp }) => {
      if (video !== this.#video) return;
      this.#countFrame(rtpTimestamp);
      this.#watchFrames(video);
    });
  }

  #countFrame(rtpTimestamp) {
    this.#framesPresented += 1;
    this.#framesOfVideo += 1;
    this.#freshness.frame(performance.now(), rtpTimestamp);
  }

  /** Until here the still of the session before covered this one. */
  #firstFrame(video) {
    if (video !== this.#video) return;
    this.#still?.remove();
    this.#still = null;
    this.#unable = null;
    this.element.dispatchEvent(new Event("resized", { bubbles: true }));
    video.onresize = () => this.element.dispatchEvent(new Event("resized", { bubbles: true }));
  }

  /** The last picture stays to be seen, as a drawing: what a video shows after its stream has ended differs between browsers. */
  #keepStill() {
    const video = this.#video;
    this.#video = null;
    if (!video) return;
    this.#freshness.follow(null);
    // A session may end before its first picture; then the still of an earlier one stays.
    if (video.videoWidth > 0 && this.#framesOfVideo > 0) this.#replaceStill(video);
    this.#framesOfVideo = 0;
    video.srcObject = null;
    video.remove();
  }

  #replaceStill(video) {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.setAttribute("aria-label", `Last picture of ${this.name}`);
    this.#still?.remove();
    this.#still = canvas;
    this.#parts.picture.append(canvas);
  }

  // ---- is it live? --------------------------------------------------------

  #judge(now) {
    const verdict = this.#freshness.judge(now, this.#signalling.clock, this.#staleAfterMs);
    return { ...verdict, live: verdict.live && !DEAD_STATES.has(this.state) };
  }

  tick(now) {
    this.#verdict = this.#judge(now);
    this.#noteHealth(now);
    this.#giveUpIfBlank(now);
    this.#show(now);
  }

  #noteHealth(now) {
    if (!this.live) this.#liveSince = null;
    else this.#liveSince ??= now;
    if (this.live && now - this.#liveSince > HEALTHY_MS) this.#attempt = 0;
  }

  #show(now) {
    const look = this.#look();
    const changed = this.element.dataset.look !== look;
    if (changed) this.element.dataset.look = look;
    const { word, sentence, spoken } = this.#parts;
    setText(word, look === "stale" ? "NOT LIVE" : "");
    setText(sentence, this.#sentence(look));
    if (changed) setText(spoken, `${this.name}: ${MARKS[look].toLowerCase()}`);
    if (changed || now - this.#numbersShown >= NUMBERS_PACE_MS) this.#showAge(look, now);
  }

  /** live; stale: a picture that is not live; waiting and unable: no picture at all. */
  #look() {
    if (this.live) return "live";
    if (this.#verdict.sinceFrameMs !== null) return "stale";
    return this.#unable ? "unable" : "waiting";
  }

  #showAge(look, now) {
    this.#numbersShown = now;
    const { last, mark, number } = this.#parts;
    const { ageMs, sinceFrameMs } = this.#verdict;
    setText(mark, MARKS[look]);
    setText(number, ageText(this.#verdict));
    setText(last, look === "stale" ? `last picture ${duration(Math.max(ageMs ?? 0, sinceFrameMs))} ago` : "");
  }

  /** The one sentence that explains best what is on the tile. */
  #sentence(look) {
    if (this.#unable) return this.#unable;
    if (look === "live") return "";
    if (this.#signalling.refused) return REFUSED;
    if (!this.#signalling.connected) return "The connection to the server is lost. Trying again…";
    if (!this.#offered) return this.text || "The server does not offer this feed now.";
    if (this.text && this.state !== "live") return this.text;
    if (this.#session?.clogged) return "This connection is too slow for the picture: most of it gets lost on the way.";
    if (this.#framesOfVideo === 0) return "Waiting for the picture…";
    return this.#verdict.flowing ? "Pictures arrive, but late." : "No new picture arrives.";
  }

  // ---- details ------------------------------------------------------------

  #showNumbers() {
    if (!this.#detailed) return;
    const session = this.#session;
    const { numbers } = this.#parts;
    const rows = session ? numberRows(session.numbers, session.id, this.#feedCodec) : [];
    numbers.replaceChildren(...rows.flatMap(([name, value]) => [textElement("dt", name), textElement("dd", value)]));
  }
}

function ageText({ ageMs, sinceFrameMs }) {
  if (ageMs !== null) return duration(ageMs);
  return sinceFrameMs === null ? "" : `frame ${duration(sinceFrameMs)} ago`;
}

function undecodableSentence(codec) {
  const advice = codec === "H264" ? "Use Chromium, or switch the feed to VP8." : "Switch the feed to VP8, which every browser decodes.";
  return `This browser cannot decode ${forPeople(codec)}. ${advice}`;
}

function codecText(codec, feedCodec) {
  if (!codec) return "–";
  return feedCodec && codec !== feedCodec ? `${codec}, for this browser does not take ${feedCodec}` : codec;
}

function numberRows(numbers, sessionId, feedCodec) {
  const known = (value, write) => (value === null || value === undefined ? "–" : write(value));
  return [
    ["Size", numbers.width ? `${numbers.width} × ${numbers.height}` : "–"],
    ["Frames", known(numbers.framesPerSecond, (value) => `${value.toFixed(1)} fps`)],
    ["Codec", codecText(numbers.codec, feedCodec)],
    ["Bitrate", known(numbers.kilobitsPerSecond, (value) => `${Math.round(value)} kbit/s`)],
    ["Round trip", known(numbers.roundTripMs, duration)],
    ["Buffered", known(numbers.bufferedMs, duration)],
    ["Lost", known(numbers.packetsLost, (value) => `${value} packets`)],
    ["Dropped", known(numbers.framesDropped, (value) => `${value} frames`)],
    ["Session", sessionId ? sessionId.slice(0, 8) : "–"],
  ];
}

function textElement(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

/** Writes only what differs: twenty ticks a second should cost no layout. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
