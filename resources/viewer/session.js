// One viewing of one feed: asks for it, answers the offer, receives the
// stream, and ends. A session is never repaired: when it is over, the tile
// starts another.

import { Channels } from "./channels.js";
import { decodedCodecs, forPeople, has, isHelper } from "./codecs.js";
import { CaptureClock } from "./picture-age.js";
import { PictureDelay } from "./picture-delay.js";

/** The server answers a request at once; what takes longer was lost. */
const START_LIMIT_MS = 10_000;

/** A media path that went silent often returns by itself. webrtcsink cannot restart ICE, so after this a new session is quicker. */
const DISCONNECTED_LIMIT_MS = 3_000;

/** The same once the server is heard again: by then media would have come, too. */
const RETURN_LIMIT_MS = 1_000;
const LOOK_MS = 200;

/** From this part of its packets on a picture is lost for more than moments. */
const CLOGGED_LOSS = 0.15;

/** Whole frames received and none decoded: by then no decoder is still warming up. */
const UNDECODED_FRAMES = 90;

/**
 * Events: `offer` (detail: { sound } whether the feed has sound), `stream` (detail: MediaStream),
 * `undecodable` (detail: the codec as SDP has it), `unable` (detail: why there is nothing of the feed for
 * this browser), `superseded` (the feed is to be had in another codec: begin another session),
 * `data` (detail: { channel, data }), `ended`.
 * After `ended` nothing more comes.
 */
export class Session extends EventTarget {
  id = null;
  captureClock = new CaptureClock();
  /** The latest numbers of `refreshNumbers`. */
  numbers = { framesDecoded: 0 };
  /** The feed's data channels, and the one on which the server is told what the browser counts. */
  channels = new Channels((detail) => this.over || this.dispatchEvent(new CustomEvent("data", { detail })));
  #signalling;
  #peerId;
  #sound;
  #stream = new MediaStream();
  /** Who listens wants the picture with the sound; who does not, wants it at once. */
  #pictureDelay = new PictureDelay();
  #connection = null;
  #earlyCandidates = [];
  #over = new AbortController();
  #timer = null;
  #previous = null;

  /** `sound`: whether to receive the feed's sound, where it has any. */
  constructor(signalling, peerId, { sound = false } = {}) {
    super();
    this.#sound = sound;
    this.#signalling = signalling;
    this.#peerId = peerId;
  }

  start() {
    this.#on("sessionStarted", (message) => this.#started(message));
    this.#on("peer", (message) => message.sessionId === this.id && this.#peer(message));
    this.#on("endSession", (message) => message.sessionId === this.id && this.#finish());
    this.#on("heliographPicture", (message) => message.sessionId === this.id && this.#learnPicture(message));
    this.#on("heliographRejoin", (message) => message.sessionId === this.id && this.dispatchEvent(new Event("superseded")));
    this.#on("heliographUnable", ({ peerId, text }) => !this.id && peerId === this.#peerId && this.#hearNo(text));
    this.#signalling.addEventListener("closed", () => this.#finish(), { signal: this.#over.signal });
    this.#signalling.send({ type: "startSession", peerId: this.#peerId });
    this.#timer = setTimeout(() => this.close(), START_LIMIT_MS);
  }

  /** Ends the session and tells the server. */
  close() {
    if (this.id) this.#signalling.send({ type: "endSession", sessionId: this.id });
    this.#finish();
  }

  get over() {
    return this.#over.signal.aborted;
  }

  #on(type, handler) {
    this.#signalling.addEventListener(type, ({ detail }) => handler(detail), { signal: this.#over.signal });
  }

  #finish() {
    if (this.over) return;
    this.#over.abort();
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.dispatchEvent(new Event("ended"));
  }

  #started({ peerId, sessionId }) {
    if (this.id || peerId !== this.#peerId) return;
    this.id = sessionId;
    // From here on the server may take its time: the camera may still be away.
    clearTimeout(this.#timer);
  }

  #hearNo(text) {
    this.dispatchEvent(new CustomEvent("unable", { detail: text }));
    this.#finish();
  }

  #learnPicture(message) {
    this.captureClock.learn(message, performance.now());
  }

  async #peer({ sdp, ice }) {
    try {
      if (sdp?.type === "offer") await this.#answer(sdp);
      else if (ice) await this.#addCandidate(ice);
    } catch (error) {
      if (this.over) return;
      console.warn(`the session with feed ${this.#peerId} could not be set up: ${error.message}`);
      this.close();
    }
  }

  async #answer(offer) {
    const codecs = offeredCodecs(offer.sdp);
    if (codecs.length > 0 && !codecs.some((codec) => has(decodedCodecs(), codec))) return this.#giveUp(codecs[0]);
    this.dispatchEvent(new CustomEvent("offer", { detail: { sound: /^m=audio /m.test(offer.sdp) } }));
    const connection = this.#connect();
    await connection.setRemoteDescription(offer);
    receive(connection, this.#sound ? ["video", "audio"] : ["video"]);
    await connection.setLocalDescription();
    const { type, sdp } = connection.localDescription;
    // The codec is known, but not in this profile: the browser refused the picture in its answer.
    if (/^m=video 0 /m.test(sdp)) return this.#giveUp(codecs[0]);
    this.#signalling.send({ type: "peer", sessionId: this.id, sdp: { type, sdp } });
    for (const candidate of this.#earlyCandidates.splice(0)) await connection.addIceCandidate(candidate);
  }

  #giveUp(codec) {
    this.dispatchEvent(new CustomEvent("undecodable", { detail: codec }));
    this.close();
  }

  #connect() {
    // No ICE servers: this page talks to the server it came from and to nobody else.
    const connection = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
    this.#connection = connection;
    connection.onicecandidate = ({ candidate }) => this.#sendCandidate(candidate);
    connection.ondatachannel = ({ channel }) => this.channels.add(channel);
    connection.onconnectionstatechange = () => this.#connectionChanged(connection.connectionState);
    connection.ontrack = ({ receiver, track }) => {
      askForDelay(receiver, track.kind === "video" && this.#sound ? this.#pictureDelay.milliseconds : 0);
      // One stream for both, so that the browser keeps them together.
      if (track.kind === "video" || this.#sound) this.#stream.addTrack(track);
      if (track.kind === "video") this.dispatchEvent(new CustomEvent("stream", { detail: this.#stream }));
    };
    return connection;
  }

  #sendCandidate(candidate) {
    if (!candidate) return;
    const ice = { candidate: candidate.candidate, sdpMLineIndex: candidate.sdpMLineIndex };
    this.#signalling.send({ type: "peer", sessionId: this.id, ice });
  }

  async #addCandidate({ candidate, sdpMLineIndex }) {
    const ice = { candidate, sdpMLineIndex };
    if (this.#connection?.remoteDescription) await this.#connection.addIceCandidate(ice);
    else this.#earlyCandidates.push(ice);
  }

  #connectionChanged(state) {
    clearTimeout(this.#timer);
    if (state === "failed") this.close();
    if (state === "disconnected") this.#closeLater();
  }

  /** While the server cannot be heard either, it is the network: the session goes on when that is back, a new one could not begin. */
  #closeLater() {
    let limit = DISCONNECTED_LIMIT_MS;
    let heardSince = performance.now();
    const look = () => {
      if (this.#signalling.unheard) [limit, heardSince] = [RETURN_LIMIT_MS, performance.now()];
      if (performance.now() - heardSince >= limit) {
        this.close();
        this.#signalling.hurry();
      } else this.#timer = setTimeout(look, LOOK_MS);
    };
    look();
  }

  /**
   * Reads the browser's statistics into `numbers` and tells the server of them, together with the age of
   * the picture on screen (null where it is not known) and whether it is the only one there; notices a picture
   * that arrives but never decodes.
   */
  async refreshNumbers(ageMs, enlarged) {
    if (!this.#connection || this.over) return;
    const report = await this.#connection.getStats();
    const received = (kind) => [...report.values()].find((entry) => entry.type === "inbound-rtp" && entry.kind === kind);
    const video = received("video");
    if (!video || this.over) return;
    if (this.#sound && this.#pictureDelay.follow(video, received("audio"))) this.#askForPictureDelay();
    this.numbers = summary(video, this.#previous, report);
    this.#previous = video;
    this.channels.report(video, ageMs, enlarged);
    if (video.framesReceived > UNDECODED_FRAMES && video.framesDecoded === 0) {
      this.#giveUp(sdpName(report.get(video.codecId)) ?? "this feed's codec");
    }
  }

  /** Whether packets arrive, and so many get lost that pictures may not. */
  get clogged() {
    const { packetsPerSecond: arrive, packetsLostPerSecond: lost } = this.numbers;
    return arrive > 0 && lost > CLOGGED_LOSS * (arrive + lost);
  }

  #askForPictureDelay() {
    const receiver = this.#connection.getReceivers().find(({ track }) => track.kind === "video");
    askForDelay(receiver, this.#pictureDelay.milliseconds);
  }
}

/** Names of the picture codecs in an offer, as SDP has them, the preferred one first. */
function offeredCodecs(sdp) {
  const video = sdp.split(/^m=/m).find((section) => section.startsWith("video")) ?? "";
  const names = [...video.matchAll(/^a=rtpmap:\d+ ([^/\s]+)\//gm)].map(([, name]) => name);
  return names.filter((name) => !isHelper(name));
}

/** Receives these kinds only: sound that nobody hears would still hold pictures back for lip sync. */
function receive(connection, kinds) {
  for (const transceiver of connection.getTransceivers()) {
    const wanted = kinds.includes(transceiver.receiver.track.kind);
    transceiver.direction = wanted ? "recvonly" : "inactive";
  }
}

/** Browsers smooth playback by delaying it; a control room prefers a late jerk to a late picture. */
function askForDelay(receiver, milliseconds) {
  if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = milliseconds;
  if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = milliseconds / 1000;
}

function summary(video, previous, report) {
  const seconds = previous ? (video.timestamp - previous.timestamp) / 1000 : 0;
  const perSecond = (field) => (seconds > 0 ? (video[field] - previous[field]) / seconds : null);
  const bitsPerSecond = perSecond("bytesReceived");
  return {
    framesDecoded: video.framesDecoded ?? 0,
    framesReceived: video.framesReceived ?? 0,
    framesDropped: video.framesDropped ?? 0,
    freezes: video.freezeCount ?? 0,
    keyFramesDecoded: video.keyFramesDecoded ?? null,
    packetsLost: video.packetsLost ?? 0,
    packetsLostPerSecond: perSecond("packetsLost"),
    packetsPerSecond: perSecond("packetsReceived"),
    bytesReceived: video.bytesReceived ?? 0,
    width: video.frameWidth ?? 0,
    height: video.frameHeight ?? 0,
    framesPerSecond: perSecond("framesDecoded"),
    kilobitsPerSecond: bitsPerSecond === null ? null : (bitsPerSecond * 8) / 1000,
    codec: codecName(report.get(video.codecId)),
    roundTripMs: roundTrip(report),
    bufferedMs: bufferedMs(video, previous),
  };
}

const sdpName = (codec) => codec?.mimeType?.split("/")[1] ?? null;

function codecName(codec) {
  const name = sdpName(codec);
  return name && forPeople(name);
}

function roundTrip(report) {
  const pairs = [...report.values()].filter((entry) => entry.type === "candidate-pair");
  const pair = pairs.find((entry) => entry.nominated && entry.state === "succeeded");
  return pair?.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000;
}

/** Mean time a frame waited in the jitter buffer since the previous reading. */
function bufferedMs(video, previous) {
  const frames = video.jitterBufferEmittedCount - (previous?.jitterBufferEmittedCount ?? 0);
  const delay = video.jitterBufferDelay - (previous?.jitterBufferDelay ?? 0);
  return frames > 0 ? (delay / frames) * 1000 : null;
}
