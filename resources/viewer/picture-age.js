// How old is the picture on the screen? Pure arithmetic: no DOM, no network.
//
// Three small clocks answer together. ServerClock knows what time it is on the
// server, CaptureClock knows when (server time) a frame was captured, and
// Freshness watches frames arrive and decides whether they may be called live.
// All times are milliseconds; "local" means performance.now().

/** Longest pause between two frames of a picture that may still be called live. */
export const FRAME_GAP_LIMIT_MS = 300;

/** Oldest picture that may be called live, where the feed names no limit of its own. */
export const DEFAULT_STALE_AFTER_MS = 1000;

const SAMPLES_KEPT = 10;

/** A word about a frame is good for the frames near it; the server says one a second. */
const PICTURE_CLOCK_LIFETIME_MS = 10_000;

/** Clocks agree to some milliseconds; a frame from further in the future is a wrong answer, not a young picture. */
const FUTURE_TOLERANCE_MS = 250;

/** Server time, estimated from round trips the way NTP does (RFC 5905, section 8). */
export class ServerClock {
  #samples = [];

  /** One answered question: asked and answered in local time, `server` in server time. */
  learn({ asked, answered, server }) {
    this.#samples.push({ roundTrip: answered - asked, offset: server - (asked + answered) / 2 });
    if (this.#samples.length > SAMPLES_KEPT) this.#samples.shift();
  }

  /** Another server, or the same one started anew, counts from elsewhere. */
  forget() {
    this.#samples = [];
  }

  /** Server time at a local time, or null before the first answer. */
  at(local) {
    if (this.#samples.length === 0) return null;
    // The quickest round trip had the least room for an uneven way there and back.
    const best = this.#samples.reduce((a, b) => (b.roundTrip < a.roundTrip ? b : a));
    return local + best.offset;
  }
}

/** Capture time of any frame of one session, from the one frame the server last told about. */
export class CaptureClock {
  #known = null;

  /** The frame with this RTP timestamp was captured at `captureTime` (server time). */
  learn({ rtpTimestamp, clockRate, captureTime }, local) {
    this.#known = { rtpTimestamp, clockRate, captureTime, local };
  }

  /** Capture time of a frame that came at `local`, or null when it cannot be known. */
  of(rtpTimestamp, local) {
    const known = this.#known;
    if (rtpTimestamp === undefined || !known) return null;
    if (Math.abs(local - known.local) > PICTURE_CLOCK_LIFETIME_MS) return null;
    // RTP timestamps wrap at 2^32 (RFC 3550, section 5.1); "| 0" makes the difference a signed 32-bit number.
    const ticks = (rtpTimestamp - known.rtpTimestamp) | 0;
    return known.captureTime + (ticks * 1000) / known.clockRate;
  }
}

/** Watches the frames of one feed, session after session, and judges whether they are live. */
export class Freshness {
  #captureClock = null;
  #last = null;
  #inRow = 0;

  /** From now on frames are timed by this clock (a new session's; null between sessions). */
  follow(captureClock) {
    // What is known of the last frame must outlive the clock that knows it.
    if (this.#last) this.#last.captured = this.#captureTime();
    this.#captureClock = captureClock;
    this.#inRow = 0;
  }

  /** The same, for another session that goes on where the one before is: the picture does not stop for it. */
  goOn(captureClock) {
    const inRow = this.#inRow;
    this.follow(captureClock);
    this.#inRow = inRow;
  }

  /** A frame came on screen. Its RTP timestamp is undefined in browsers that keep it to themselves. */
  frame(local, rtpTimestamp) {
    const onTime = this.#last && local - this.#last.local <= FRAME_GAP_LIMIT_MS;
    this.#inRow = onTime ? this.#inRow + 1 : 1;
    this.#last = { local, rtpTimestamp, captured: null };
  }

  /**
   * The verdict at a local time: { live, flowing, ageMs, sinceFrameMs }.
   * Flowing pictures follow each other; live ones are young as well.
   * `ageMs` is null where the capture time is unknown, both are null before the first frame.
   */
  judge(local, serverClock, staleAfterMs) {
    if (!this.#last) return { live: false, flowing: false, ageMs: null, sinceFrameMs: null };
    const sinceFrameMs = local - this.#last.local;
    const ageMs = this.#age(serverClock.at(local));
    // Two in a row: one picture alone after a pause says nothing about the next.
    const flowing = sinceFrameMs <= FRAME_GAP_LIMIT_MS && this.#inRow > 1;
    const young = ageMs === null || ageMs <= staleAfterMs;
    return { live: flowing && young, flowing, ageMs, sinceFrameMs };
  }

  #age(serverNow) {
    const captured = this.#captureTime();
    if (serverNow === null || captured === null) return null;
    const age = serverNow - captured;
    return age < -FUTURE_TOLERANCE_MS ? null : Math.max(age, 0);
  }

  #captureTime() {
    const { local, rtpTimestamp, captured } = this.#last;
    return captured ?? this.#captureClock?.of(rtpTimestamp, local) ?? null;
  }
}

/** "85 ms", "1.4 s", "12 s", "3 min", "2 h". */
export function duration(ms) {
  if (ms < 995) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 119_500) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_170_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}
