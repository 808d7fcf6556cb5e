// Keeps the page's connections where a test can ask them for their statistics: an expression, sent
// to the page as source text before the connections in question are made.
(() => {
  globalThis.openConnections = [];
  const Original = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Original {
    constructor(...settings) {
      super(...settings);
      openConnections.push(this);
    }
  };
})()
