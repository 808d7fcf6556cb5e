// Measures lip sync in a page that shows the demo camera's flash and beep: an
// expression whose value is a promise of the milliseconds from flash to beep,
// one number per second. Sent to the page as source text.
(async () => {
  const SECONDS = 11;
  const video = document.querySelector("video");
  const audio = new AudioContext();
  await audio.resume();
  const analyser = audio.createAnalyser();
  analyser.fftSize = 8192;
  audio.createMediaStreamSource(video.srcObject).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const canvas = new OffscreenCanvas(4, 4);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const flashes = [];
  const beeps = [];

  /** When a moment of the audio clock is heard, on the page's clock. */
  const heard = (time) => {
    const { contextTime, performanceTime } = audio.getOutputTimestamp();
    return performanceTime + (time - contextTime) * 1000;
  };

  /** The first loud sample after silence, in what was played since the last look and some before. */
  const listen = () => {
    analyser.getFloatTimeDomainData(samples);
    const end = audio.currentTime;
    const onset = samples.findIndex((sample) => Math.abs(sample) > 0.1);
    // At the very start of the window it may have begun before.
    if (onset < 480) return;
    const time = heard(end - (samples.length - onset) / audio.sampleRate);
    if (time - (beeps.at(-1) ?? 0) > 500) beeps.push(time);
  };

  let wasBright = true;
  const watch = (_, { expectedDisplayTime }) => {
    // The middle of the picture: clock and mark are above.
    context.drawImage(video, video.videoWidth / 4, video.videoHeight / 2, video.videoWidth / 2, video.videoHeight / 4, 0, 0, 4, 4);
    const { data } = context.getImageData(0, 0, 4, 4);
    const bright = data[0] > 128;
    if (bright && !wasBright) flashes.push(expectedDisplayTime);
    wasBright = bright;
    video.requestVideoFrameCallback(watch);
  };

  const listening = setInterval(listen, 20);
  video.requestVideoFrameCallback(watch);
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  clearInterval(listening);
  await audio.close();
  const nearest = (flash) => beeps.reduce((best, beep) => (Math.abs(beep - flash) < Math.abs(best - flash) ? beep : best), Infinity);
  return flashes.map((flash) => nearest(flash) - flash).filter((offset) => Math.abs(offset) < 500);
})()
