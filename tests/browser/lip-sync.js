// Measures lip sync in a page that shows the demo camera's flash and beep: an expression whose value
// is a promise of the milliseconds from flash to beep, one number per second. Sent to the page as
// source text; `connections.js` has to be there before the sound is on.
//
// Sound is watched where it leaves the receiver, on its way to the loudspeaker; how long the rest
// of the way takes is the browser's own number. Web Audio would hear it behind a buffer of its
// own, which grows by some milliseconds whenever either side is late.
(async () => {
  /** A browser looks at the reports of both clocks once a second, and needs two of each; then the picture follows. */
  const SETTLING_MS = 3_000;
  const MEASURING_MS = 9_500;
  const LOUD = 0.1;
  /** Beeps are a second apart and a tenth of a second long. */
  const SILENCE_BETWEEN_MS = 500;

  const video = document.querySelector("video");
  const connection = openConnections.at(-1);
  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  const playout = async () => [...(await connection.getStats()).values()].find(({ type }) => type === "media-playout");

  const onsets = [];
  /** Packets carry the time at which they left the receiver, on a clock of their own; the quickest shows what that is here. */
  let clockDifference = Infinity;
  let lastLoud = -Infinity;
  const hear = (chunk) => {
    const time = chunk.timestamp / 1000;
    clockDifference = Math.min(clockDifference, performance.now() - time);
    const samples = new Float32Array(chunk.numberOfFrames);
    chunk.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
    const onset = samples.findIndex((sample) => Math.abs(sample) > LOUD);
    if (onset < 0) return;
    if (time - lastLoud > SILENCE_BETWEEN_MS) onsets.push(time + (onset / chunk.sampleRate) * 1000);
    lastLoud = time;
  };
  const listen = async (track, signal) => {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    signal.addEventListener("abort", () => reader.cancel());
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      hear(next.value);
      next.value.close();
    }
  };

  const flashes = [];
  const canvas = new OffscreenCanvas(4, 4);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let wasBright = true;
  const watch = (_, { expectedDisplayTime }) => {
    // The middle of the picture: clock and mark are above.
    context.drawImage(video, video.videoWidth / 4, video.videoHeight / 2, video.videoWidth / 2, video.videoHeight / 4, 0, 0, 4, 4);
    const bright = context.getImageData(0, 0, 4, 4).data[0] > 128;
    if (bright && !wasBright) flashes.push(expectedDisplayTime);
    wasBright = bright;
    video.requestVideoFrameCallback(watch);
  };

  await pause(SETTLING_MS);
  const before = await playout();
  const done = new AbortController();
  const listening = listen(video.srcObject.getAudioTracks()[0].clone(), done.signal);
  video.requestVideoFrameCallback(watch);
  await pause(MEASURING_MS);
  const after = await playout();
  done.abort();
  await listening;

  /** Seconds from the receiver to the loudspeaker, summed over samples. */
  const gained = (field) => after[field] - before[field];
  const playoutMs = (gained("totalPlayoutDelay") / gained("totalSamplesCount")) * 1000;
  const beeps = onsets.map((time) => time + clockDifference + playoutMs);
  const nearest = (flash) => beeps.reduce((best, beep) => (Math.abs(beep - flash) < Math.abs(best - flash) ? beep : best), Infinity);
  return flashes.map((flash) => nearest(flash) - flash).filter((offset) => Math.abs(offset) < SILENCE_BETWEEN_MS);
})()
