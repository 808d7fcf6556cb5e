//! How the camera describes itself (RFC 8866).

use gst::glib;

use super::{
    clip::{Clip, Coding},
    random::Random,
    vice::Vice,
};

/// Payload type of the picture.
pub const VIDEO: u8 = 96;
/// Payload type of the sound.
pub const AUDIO: u8 = 97;

/// The body of the answer to DESCRIBE.
pub fn describe(vice: Vice, clip: &Clip) -> Vec<u8> {
    let session = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Bad camera\r\nt=0 0\r\n";
    let picture = picture(vice, clip);
    match vice {
        Vice::SdpGarbage => Random::new(1).bytes(700),
        Vice::SdpEmpty => Vec::new(),
        Vice::SdpWithoutMedia => session.into(),
        Vice::SdpHuge => format!("{session}{picture}{}", "a=x-note:far too much of it\r\n".repeat(40_000)).into(),
        Vice::BrokenAac => format!("{session}{picture}{}", broken_aac()).into(),
        _ => format!("{session}{picture}").into(),
    }
}

fn picture(vice: Vice, clip: &Clip) -> String {
    let encoding = match (vice, clip.coding) {
        (Vice::SdpUnknownEncoding, _) => "H999",
        (Vice::SdpWrongEncoding, _) | (_, Coding::H265) => "H265",
        (_, Coding::H264) => "H264",
    };
    let control = if vice == Vice::SdpWrongControl { "rtsp://127.0.0.1:1/nothing" } else { "track0" };
    let parameters = match vice {
        Vice::NoParameterSets | Vice::SdpUnknownEncoding | Vice::SdpWrongEncoding => String::new(),
        _ => parameters(clip),
    };
    format!(
        "m=video 0 RTP/AVP {VIDEO}\r\na=rtpmap:{VIDEO} {encoding}/90000\r\n{parameters}a=control:{control}\r\na=recvonly\r\n"
    )
}

/// The parameter sets, for decoders that want them before the first packet.
fn parameters(clip: &Clip) -> String {
    let sets = clip.parameter_sets();
    let coded: Vec<String> = sets.iter().map(|set| glib::base64_encode(set).to_string()).collect();
    match (clip.coding, coded.as_slice()) {
        (Coding::H264, coded) => {
            let level = u32::from_be_bytes([0, sets[0][1], sets[0][2], sets[0][3]]);
            let sets = coded.join(",");
            format!("a=fmtp:{VIDEO} packetization-mode=1;profile-level-id={level:06X};sprop-parameter-sets={sets}\r\n")
        }
        (Coding::H265, [vps, sps, pps, ..]) => {
            format!("a=fmtp:{VIDEO} sprop-vps={vps};sprop-sps={sps};sprop-pps={pps}\r\n")
        }
        (Coding::H265, _) => String::new(),
    }
}

/// Sound whose configuration is no `AudioSpecificConfig` (ISO/IEC 14496-3).
fn broken_aac() -> String {
    format!(
        "m=audio 0 RTP/AVP {AUDIO}\r\na=rtpmap:{AUDIO} mpeg4-generic/48000/2\r\n\
         a=fmtp:{AUDIO} streamtype=5;profile-level-id=15;mode=AAC-hbr;config=FFFFFFFF;SizeLength=13;IndexLength=3;IndexDeltaLength=3\r\n\
         a=control:track1\r\n"
    )
}
