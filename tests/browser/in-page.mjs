// What the driver runs inside a page: every function here is sent as source
// text, so it may use nothing but its arguments and the page.

/** The expression that calls one of these functions with these arguments. */
export function call(inPage, ...args) {
  return `(${inPage})(${args.map((arg) => JSON.stringify(arg ?? null)).join(", ")})`;
}

/**
 * Reads the frame mark of the demo camera out of the picture on screen.
 *
 * The mark is two rows of 40 square cells along the top edge. Row 0: white,
 * black, white, black; 24 bits of frame counter, most significant first, white
 * is 1; a seal of 12 bits. Row 1: black, white, black, white; 32 bits of wall
 * clock (Unix ms modulo 2^32); 4 bits XOR of its nibbles. `frame_mark.rs` tells
 * what the seal is for.
 *
 * `number` counts the matches of `selector` in the page, from 0.
 * Answers { counter, clock, ok, width, height }; null when there is no such video.
 */
export function readMark(selector, number) {
  const video = document.querySelectorAll(selector)[number];
  if (!video?.videoWidth) return null;
  const { videoWidth: width, videoHeight: height } = video;
  const cell = width / 40;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = Math.ceil(cell * 2);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const bit = (column, row) => {
    const at = 4 * (Math.floor((row + 0.5) * cell) * width + Math.floor((column + 0.5) * cell));
    return 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2] > 128 ? 1 : 0;
  };
  const bits = (from, count, row) => Array.from({ length: count }, (_, n) => bit(from + n, row)).reduce((sum, b) => sum * 2 + b, 0);
  const nibbles = (value) => [28, 24, 20, 16, 12, 8, 4, 0].reduce((sum, shift) => sum ^ ((value >>> shift) & 15), 0);
  const [counter, clock] = [bits(4, 24, 0), bits(4, 32, 1)];
  const seal = Math.imul(counter ^ ((clock << 16) | (clock >>> 16)), 0x9e3779b1) >>> 20;
  const framed = bits(0, 4, 0) === 0b1010 && bits(0, 4, 1) === 0b0101;
  const ok = framed && bits(28, 12, 0) === seal && bits(36, 4, 1) === nibbles(clock);
  return { counter, clock, ok, width, height };
}
