// Messages beside the picture: the data channels of one session.
//
// Nothing here queues without bound: what a channel would have to hold back is
// refused, and who sends may send something newer instead.

/** On which the server is told what this browser counts. */
const REPORTS = "heliograph-stats";

/** What may wait in a channel that loses nothing, in bytes. */
const MAY_WAIT = 65_536;

/** How long something may wait in a channel that may lose it. */
const MAY_WAIT_MS = 100;

export class Channels {
  /** Open channels by label, each with the time at which nothing waited in it. */
  #open = new Map();
  #reports = null;
  #received;

  /** `received` takes { channel, data } of every message; data is a string or an ArrayBuffer. */
  constructor(received) {
    this.#received = received;
  }

  /** A channel that the server made. */
  add(channel) {
    if (channel.label === REPORTS) {
      this.#reports = channel;
      return;
    }
    const { label } = channel;
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => this.#received({ channel: label, data });
    channel.onopen = () => this.#open.set(label, { channel, emptyAt: performance.now() });
    channel.onclose = () => this.#open.delete(label);
    if (channel.readyState === "open") channel.onopen();
  }

  labels() {
    return [...this.#open.keys()].sort();
  }

  /** Sends a text or bytes; false where there is no such channel, or too much waits in it. */
  send(label, data) {
    const entry = this.#open.get(label);
    if (!entry || !hasRoom(entry, performance.now())) return false;
    try {
      entry.channel.send(data);
    } catch {
      // It closed a moment ago, or the message is longer than any channel takes.
      return false;
    }
    return true;
  }

  /**
   * Tells the server what was counted of the picture, by W3C's names in the server's spelling, times in seconds,
   * and whether the picture is the only one on the screen.
   */
  report(video, ageMs, enlarged) {
    const channel = this.#reports;
    if (channel?.readyState !== "open" || channel.bufferedAmount > 0) return;
    channel.send(
      JSON.stringify({
        timestamp: video.timestamp / 1000,
        packets_received: video.packetsReceived,
        bytes_received: video.bytesReceived,
        packets_lost: video.packetsLost,
        frames_decoded: video.framesDecoded,
        frames_dropped: video.framesDropped,
        frame_width: video.frameWidth,
        frame_height: video.frameHeight,
        freeze_count: video.freezeCount,
        total_freezes_duration: video.totalFreezesDuration,
        jitter_buffer_delay: video.jitterBufferDelay,
        jitter_buffer_emitted_count: video.jitterBufferEmittedCount,
        total_decode_time: video.totalDecodeTime,
        picture_age: ageMs === null ? null : ageMs / 1000,
        enlarged,
      }),
    );
  }
}

function hasRoom(entry, now) {
  const { channel } = entry;
  if (channel.bufferedAmount === 0) entry.emptyAt = now;
  const losesNothing = channel.maxRetransmits === null && channel.maxPacketLifeTime === null;
  return losesNothing ? channel.bufferedAmount <= MAY_WAIT : now - entry.emptyAt <= MAY_WAIT_MS;
}
