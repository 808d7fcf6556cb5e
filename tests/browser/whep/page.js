// Players of WHEP on a page of another origin: one that does what the draft
// says and nothing more, and an unmodified one from npm.

const SDP = "application/sdp";
const FRAGMENT = "application/trickle-ice-sdpfrag";

/** What a request comes to: its status, and the sentence with it. */
async function answerOf(response) {
  const retryAfter = response.headers.get("retry-after");
  return { status: response.status, text: await response.text(), retryAfter };
}

function showIn(peer) {
  const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true, playsInline: true });
  document.body.append(video);
  peer?.addEventListener("track", ({ track }) => {
    if (track.kind === "video") video.srcObject = new MediaStream([track]);
  });
  return video;
}

/** A player that trickles: its offer goes out before it knows where it can be reached. */
class PlainPlayer {
  constructor(address, token) {
    this.address = address;
    this.authorization = token ? { authorization: `Bearer ${token}` } : {};
    this.peer = new RTCPeerConnection();
    showIn(this.peer);
    this.candidates = [];
    this.peer.addEventListener("icecandidate", ({ candidate }) => candidate?.candidate && this.candidates.push(candidate));
    for (const kind of ["audio", "video"]) this.peer.addTransceiver(kind, { direction: "recvonly" });
  }

  async play() {
    await this.peer.setLocalDescription();
    const offer = this.peer.localDescription.sdp;
    const post = () =>
      fetch(this.address, { method: "POST", headers: { ...this.authorization, "content-type": SDP }, body: offer });
    let response = await post();
    for (let again = 0; response.status === 503 && again < 5; again += 1) {
      await new Promise((then) => setTimeout(then, 1000 * response.headers.get("retry-after")));
      response = await post();
    }
    const answer = await answerOf(response);
    if (response.status !== 201) return answer;
    this.session = new URL(response.headers.get("location"), this.address);
    this.tag = response.headers.get("etag");
    await this.peer.setRemoteDescription({ type: "answer", sdp: answer.text });
    answer.trickled = await this.trickle();
    return answer;
  }

  /** The status of the request with further candidates. */
  async trickle() {
    const of = (name) => this.peer.localDescription.sdp.match(new RegExp(`a=${name}:.*`))[0];
    const lines = [of("ice-ufrag"), of("ice-pwd"), "m=audio 9 RTP/AVP 0", of("mid"), ...this.candidates.map((one) => `a=${one.candidate}`)];
    const headers = { "content-type": FRAGMENT, "if-match": this.tag };
    const body = lines.map((line) => `${line}\r\n`).join("");
    return (await fetch(this.session, { method: "PATCH", headers, body })).status;
  }

  async stop() {
    this.peer.close();
    const headers = this.authorization;
    return [await fetch(this.session, { method: "DELETE", headers }), await fetch(this.session, { method: "DELETE", headers })].map(
      ({ status }) => status,
    );
  }

  stats() {
    return this.peer.getStats();
  }
}

/** The package is for bundlers: it is handed the module that it uses; what it has for advertisements it does without. */
async function packaged() {
  const load = async (file, require) => {
    const module = { exports: {} };
    const text = await (await fetch(file)).text();
    new Function("module", "exports", "require", text)(module, module.exports, require);
    return module.exports;
  };
  const events = await load("/whep/events.js", () => ({}));
  return load("/whep/webrtc-player.js", (name) => (name === "events" ? events : {}));
}

class PackagedPlayer {
  constructor(address, token) {
    Object.assign(this, { address, token });
  }

  async play() {
    const { WebRTCPlayer } = await packaged();
    this.player = new WebRTCPlayer({ video: showIn(), type: "whep", iceServers: [], debug: true });
    await this.player.load(new URL(this.address), `Bearer ${this.token}`);
    return {};
  }

  stop() {
    return this.player.unload();
  }

  stats() {
    return this.player.peer.getStats?.() ?? new Map();
  }
}

const makers = { plain: PlainPlayer, packaged: PackagedPlayer };
let player;

async function inbound(wanted) {
  const report = [...(await player.stats()).values()];
  return report.find(({ type, kind }) => type === "inbound-rtp" && kind === wanted) ?? {};
}

window.whep = {
  play: (maker, address, token) => (player = new makers[maker](address, token)).play(),
  stop: () => player.stop(),
  decoded: async () => (await inbound("video")).framesDecoded ?? 0,
  width: async () => (await inbound("video")).frameWidth ?? 0,
  heard: async () => (await inbound("audio")).packetsReceived ?? 0,
  /** What the server says to anything else. */
  ask: async (address, options) => answerOf(await fetch(address, options)),
};
