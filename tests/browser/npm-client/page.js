// A page as a stranger would write it for the npm package: everything the
// package leaves to its defaults stays there. The only freedom taken is
// `?signalling=ws://…`, for servers on another port.

const signalling = new URLSearchParams(location.search).get("signalling");
const api = signalling ? new GstWebRTCAPI({ signalingServerUrl: signalling }) : new GstWebRTCAPI();
const viewings = [];

/** With `offerOptions` (RTCOfferOptions) it makes the offer. */
function consume(producer, offerOptions) {
  const session = offerOptions
    ? api.createConsumerSessionWithOfferOptions(producer, offerOptions)
    : api.createConsumerSession(producer);
  if (!session) throw new Error(`gstwebrtc-api makes no session with ${producer}: it is not connected to the signalling server`);
  const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true, playsInline: true });
  document.body.append(video);
  const viewing = { producer, session, video, errors: [], closed: false };
  viewings.push(viewing);
  session.addEventListener("error", ({ message, error }) => viewing.errors.push(`${message}: ${error?.message ?? error}`));
  session.addEventListener("closed", () => (viewing.closed = true));
  session.addEventListener("streamsChanged", () => {
    const [stream] = session.streams;
    if (stream) video.srcObject = stream;
  });
  session.connect();
  return viewings.length - 1;
}

async function describe({ producer, session, video, errors, closed }) {
  const report = session.rtcPeerConnection ? [...(await session.rtcPeerConnection.getStats()).values()] : [];
  const inbound = report.find((entry) => entry.type === "inbound-rtp" && entry.kind === "video") ?? {};
  const codec = report.find((entry) => entry.id === inbound.codecId);
  const { framesDecoded = 0, framesDropped = 0, packetsLost = 0, bytesReceived = 0, keyFramesDecoded = 0 } = inbound;
  return {
    producer,
    sessionId: session.sessionId,
    width: video.videoWidth,
    height: video.videoHeight,
    framesDecoded,
    framesDropped,
    keyFramesDecoded,
    packetsLost,
    bytesReceived,
    codec: codec?.mimeType ?? null,
    errors,
    closed,
  };
}

window.npmClient = {
  producers: () => api.getAvailableProducers().map(({ id, meta }) => ({ id, meta })),
  consume,
  video: () => Promise.all(viewings.map(describe)),
};
