// Reads the mark of the demo camera out of every frame that the page decodes,
// from now on. `takeFrameMarks()` gives what came since it was last asked: a
// list per feed of [counter, milliseconds from capture to here, width, the
// page's clock in milliseconds when it came]; `counter` is null where the mark
// cannot be read. An expression, sent to the page as source text; the layout of
// a mark is told in `in-page.mjs`.
(() => {
  const CELLS = 40;
  const frameMarks = {};
  window.takeFrameMarks = () => Object.fromEntries(Object.entries(frameMarks).map(([feed, marks]) => [feed, marks.splice(0)]));

  const read = async (frame) => {
    const { width, height } = frame.visibleRect;
    const side = Math.floor(width / CELLS);
    const rect = { x: 0, y: 0, width, height: 2 * Math.ceil(side / 2) * 2 };
    const planes = new Uint8Array(frame.allocationSize({ rect }));
    const [{ offset, stride }] = await frame.copyTo(planes, { rect });
    const bit = (column, row) => (planes[offset + Math.floor((row + 0.5) * side) * stride + Math.floor((column + 0.5) * side)] > 128 ? 1 : 0);
    const bits = (from, count, row) => Array.from({ length: count }, (_, n) => bit(from + n, row)).reduce((sum, b) => sum * 2 + b, 0);
    const nibbles = (value) => [28, 24, 20, 16, 12, 8, 4, 0].reduce((sum, shift) => sum ^ ((value >>> shift) & 15), 0);
    const [counter, clock] = [bits(4, 24, 0), bits(4, 32, 1)];
    const seal = Math.imul(counter ^ ((clock << 16) | (clock >>> 16)), 0x9e3779b1) >>> 20;
    const framed = bits(0, 4, 0) === 0b1010 && bits(0, 4, 1) === 0b0101;
    const whole = framed && bits(28, 12, 0) === seal && bits(36, 4, 1) === nibbles(clock);
    return { counter: whole ? counter : null, clock, width };
  };

  const watch = async (feed, track) => {
    const marks = (frameMarks[feed] = []);
    const frames = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (;;) {
      const { value: frame, done } = await frames.read();
      if (done) return;
      const [now, at] = [Date.now(), performance.now()];
      const { counter, clock, width } = await read(frame);
      marks.push([counter, (now - clock) >>> 0, width, at]);
      frame.close();
    }
  };

  for (const tile of document.querySelectorAll(".tile")) {
    const [track] = tile.querySelector("video")?.srcObject?.getVideoTracks() ?? [];
    if (track) watch(tile.dataset.feed, track);
  }
  return Object.keys(frameMarks).length;
})()
