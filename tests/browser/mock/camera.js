// A camera that is a page: draws a moving picture with the demo camera's frame
// mark (see in-page.mjs) and offers it as producer to whoever asks.
// Query: id, name, hue (of the picture), width and height.

const wish = new URLSearchParams(location.search);
const canvas = document.querySelector("canvas");
canvas.width = Number(wish.get("width") ?? 640);
canvas.height = Number(wish.get("height") ?? 360);
const context = canvas.getContext("2d");
const connections = new Map();
const FRAME_MS = 33;
let counter = 0;
let paused = false;

const bitsOf = (value, count) => Array.from({ length: count }, (_, n) => (value >>> (count - 1 - n)) & 1);
const checksum = (value) => [28, 24, 20, 16, 12, 8, 4, 0].reduce((sum, shift) => sum ^ ((value >>> shift) & 15), 0);

const seal = (clock) => Math.imul(counter ^ ((clock << 16) | (clock >>> 16)), 0x9e3779b1) >>> 20;

function drawMarkRow(row, cells) {
  const cell = canvas.width / 40;
  cells.forEach((white, column) => {
    context.fillStyle = white ? "#fff" : "#000";
    context.fillRect(column * cell, row * cell, cell, cell);
  });
}

function drawScene() {
  const { width, height } = canvas;
  const hue = Number(wish.get("hue") ?? 210);
  const sky = context.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, `hsl(${hue} 55% 62%)`);
  sky.addColorStop(1, `hsl(${hue + 40} 45% 30%)`);
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  context.fillStyle = `hsl(${hue - 160} 90% 65%)`;
  context.beginPath();
  context.arc((counter * 4) % width, height * 0.45, height * 0.12, 0, 7);
  context.fill();
  context.fillStyle = `hsl(${hue + 90} 35% 22%)`;
  for (let n = -1; n < 6; n++) context.fillRect(((n * width) / 5 + counter * 2) % (width * 1.2) - width * 0.1, height * (0.6 + (n % 3) * 0.07), width / 7, height);
}

function draw() {
  if (paused) return;
  counter += 1;
  drawScene();
  const clock = Date.now() >>> 0;
  drawMarkRow(0, [1, 0, 1, 0, ...bitsOf(counter, 24), ...bitsOf(seal(clock), 12)]);
  drawMarkRow(1, [0, 1, 0, 1, ...bitsOf(clock, 32), ...bitsOf(checksum(clock), 4)]);
}

async function startSession(sessionId) {
  const connection = new RTCPeerConnection();
  connections.set(sessionId, connection);
  const stream = canvas.captureStream(30);
  const [track] = stream.getVideoTracks();
  // Sharp edges matter more than smoothness: the mark must stay readable.
  track.contentHint = "detail";
  const transceiver = connection.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings: [{ maxBitrate: 4_000_000 }] });
  const { codecs } = RTCRtpSender.getCapabilities("video");
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => /vp8|rtx/i.test(mimeType)));
  connection.onicecandidate = ({ candidate }) => {
    if (candidate) send({ type: "peer", sessionId, ice: { candidate: candidate.candidate, sdpMLineIndex: candidate.sdpMLineIndex } });
  };
  await connection.setLocalDescription();
  send({ type: "peer", sessionId, sdp: { type: "offer", sdp: connection.localDescription.sdp } });
}

async function peer({ sessionId, sdp, ice }) {
  const connection = connections.get(sessionId);
  if (sdp) await connection?.setRemoteDescription(sdp);
  if (ice) await connection?.addIceCandidate(ice);
}

const socket = new WebSocket(`ws://${location.host}/signalling`);
const send = (message) => socket.send(JSON.stringify(message));
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.type === "welcome") {
    send({ type: "setPeerStatus", roles: ["producer"], peerId: wish.get("id"), meta: { name: wish.get("name") } });
  }
  if (message.type === "startSession") startSession(message.sessionId);
  if (message.type === "peer") peer(message);
  if (message.type === "endSession") {
    connections.get(message.sessionId)?.close();
    connections.delete(message.sessionId);
  }
};

setInterval(draw, FRAME_MS);

window.camera = {
  pause: () => (paused = true),
  resume: () => (paused = false),
  /** Cuts the media of every session without a word, as a broken network does. */
  cut: () => connections.forEach((connection) => connection.close()),
};
