// How long pictures wait for the sound that belongs to them.
//
// A browser buffers sound as it needs: more whenever the network or its own threads were late once.
// Chromium by itself has the picture follow over ten seconds and more, and not at all where sound is
// up to 30 ms late. It tells which moments of the sender are on screen and in the loudspeaker, and
// by that the picture follows within two seconds. Browsers that do not tell keep the shortest delay.

/** Sound is always buffered a little: the least that is to be expected. */
const SHORTEST_MS = 60;

/** Later pictures are of no use for driving; then rather sound that is late. */
const LONGEST_MS = 250;

/** Nobody notices less, and numbers are not better than this. */
const TOLERANCE_MS = 15;

/** What part of a difference is mended in one step: buffers move by themselves as well. */
const GAIN = 0.7;

/** Beyond this the browser does not know yet. */
const LARGEST_DIFFERENCE_MS = 2_000;

export class PictureDelay {
  /** To be asked of the browser, in milliseconds. */
  milliseconds = SHORTEST_MS;

  /**
   * Reads from the statistics of both streams how far the sound is behind; true where the delay has
   * changed. To be asked once a second, which is how long a jitter buffer takes to do as it is told.
   */
  follow(video, audio) {
    const behind = video?.estimatedPlayoutTimestamp - audio?.estimatedPlayoutTimestamp;
    if (!(Math.abs(behind) > TOLERANCE_MS && Math.abs(behind) < LARGEST_DIFFERENCE_MS)) return false;
    const before = this.milliseconds;
    this.milliseconds = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.round(before + behind * GAIN)));
    return this.milliseconds !== before;
  }
}
