// Which picture codecs this browser decodes, and how people call them.
// Names are those of SDP; H.264 comes in profiles, which stand behind it.

/** Payloads that repair or pad the stream; whoever decodes only these decodes no picture. */
const HELPERS = new Set(["RTX", "RED", "ULPFEC", "FLEXFEC-03"]);

/** How people write the names that SDP uses. */
const NAMES = { H264: "H.264", H265: "H.265" };

const nameOf = (mimeType) => mimeType.split("/")[1].toUpperCase();

export const isHelper = (codec) => HELPERS.has(codec.toUpperCase());

export const forPeople = (codec) => NAMES[codec] ?? codec;

/** All that this browser decodes, such as ["VP8", "H264/42e01f"]. */
export function decodedCodecs() {
  const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const words = codecs.map(({ mimeType, sdpFmtpLine }) => {
    const profile = /profile-level-id=([0-9a-f]{6})/i.exec(sdpFmtpLine ?? "")?.[1];
    return nameOf(mimeType) === "H264" && profile ? `H264/${profile}` : nameOf(mimeType);
  });
  return [...new Set(words.filter((word) => !isHelper(word)))];
}

/** Whether a codec is among these, in whichever profile. */
export const has = (codecs, codec) => codecs.some((word) => word.split("/")[0] === codec.toUpperCase());

/** These without a codec. */
export const without = (codecs, codec) => codecs.filter((word) => word.split("/")[0] !== codec.toUpperCase());
