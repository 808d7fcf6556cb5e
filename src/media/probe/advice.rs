//! What Heliograph would do with a source, and what its owner could do better.

use super::{BFrames, Chroma, KeyFrames, report::Video};
use crate::{
    config::{Codec, ElementChoice},
    i18n::{gettext, gettext_f},
    media::choose_encoder,
};

/// A viewer that joins waits for a key frame; longer than this, people think that nothing comes.
const PATIENT_SECONDS: f64 = 4.0;

/// Whether viewers could take the video as it is: what every browser decodes, in the order in
/// which it is shown.
pub(super) fn is_candidate(video: &Video) -> bool {
    obstacle(video).is_none()
}

/// Sentences, the most important first.
pub(super) fn of_video(video: &Video) -> Vec<String> {
    let decoding = match &video.decoder {
        Some(decoder) => gettext_f("Where pictures are needed, {decoder} decodes it.", &[("decoder", decoder)]),
        None => gettext("Heliograph takes it as it is; there is nothing to decode."),
    };
    let mut advice = match obstacle(video) {
        None if video.b_frames == BFrames::No => {
            vec![gettext("It goes to viewers as it is while no less is asked for: it has no B-frames.")]
        }
        None => vec![gettext(
            "It goes to viewers as it is while no less is asked for: it showed no B-frames, though its kind allows them.",
        )],
        Some(reason) => vec![reason],
    };
    advice.extend([decoding, encoding()]);
    advice.extend(long_wait(&video.key_frames, video.seconds));
    advice
}

fn encoding() -> String {
    match choose_encoder(Codec::default(), &ElementChoice::Automatic) {
        Ok(encoder) => gettext_f(
            "Where it is encoded anew, it becomes {codec} by {encoder}, unless the feed says otherwise.",
            &[("codec", &encoder.codec().to_string()), ("encoder", encoder.element())],
        ),
        Err(error) => error.to_string(),
    }
}

/// What keeps viewers from taking the video as it is.
fn obstacle(video: &Video) -> Option<String> {
    let because = |reason: String| {
        // Translators: {reason} is such as "it has B-frames".
        gettext_f("It is encoded anew for viewers, because {reason}.", &[("reason", &reason)])
    };
    let reason = if video.codec != "H.264" {
        gettext_f("not every browser decodes {codec}", &[("codec", &video.codec)])
    } else if video.b_frames == BFrames::Yes {
        gettext("it has B-frames, which browsers show in the wrong order")
    } else if video.b_frames == BFrames::Unknown {
        gettext("too little of it came to know its order of pictures")
    } else if video.chroma != Some(Chroma::Yuv420) || video.bit_depth != 8 {
        gettext("browsers decode 8-bit 4:2:0 only")
    } else if video.interlaced {
        gettext("its pictures may be interlaced, which browsers do not mend")
    } else {
        return None;
    };
    Some(because(reason))
}

/// Key frames that are far apart.
fn long_wait(keys: &KeyFrames, seconds: f64) -> Option<String> {
    let wait = keys.distance_seconds.unwrap_or(seconds);
    let is_long = wait >= PATIENT_SECONDS && (keys.distance_seconds.is_some() || keys.seen < 2);
    is_long.then(|| {
        gettext_f(
            "Its key frames are {seconds} s or more apart: after a loss the picture stays broken as long. Set a shorter key frame interval in the camera's settings.",
            &[("seconds", &format!("{wait:.0}"))],
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video() -> Video {
        Video {
            codec: "H.264".into(),
            profile: Some("Main".into()),
            level: Some("4".into()),
            width: 1920,
            height: 1080,
            framerate: Some(25.0),
            announced_framerate: Some(25.0),
            bitrate_kbps: Some(4000.0),
            key_frames: KeyFrames { seen: 4, distance_frames: Some(25), distance_seconds: Some(1.0) },
            b_frames: BFrames::No,
            interlaced: false,
            chroma: Some(Chroma::Yuv420),
            bit_depth: 8,
            frames: 100,
            seconds: 4.0,
            decoder: Some("avdec_h264".into()),
        }
    }

    #[test]
    fn only_what_browsers_show_rightly_is_a_candidate() {
        assert!(is_candidate(&video()));
        assert!(is_candidate(&Video { b_frames: BFrames::NotSeen, ..video() }));
        let others = [
            Video { codec: "H.265".into(), ..video() },
            Video { b_frames: BFrames::Yes, ..video() },
            Video { b_frames: BFrames::Unknown, ..video() },
            Video { chroma: Some(Chroma::Yuv422), ..video() },
            Video { chroma: None, ..video() },
            Video { bit_depth: 10, ..video() },
            Video { interlaced: true, ..video() },
        ];
        for other in others {
            assert!(!is_candidate(&other), "{other:?}");
        }
    }

    #[test]
    fn rare_key_frames_are_mentioned() {
        assert_eq!(long_wait(&video().key_frames, 4.0), None);
        let apart = |seen, distance_seconds| KeyFrames { seen, distance_frames: None, distance_seconds };
        assert_eq!(long_wait(&apart(1, None), 3.0), None, "too short a look to tell");
        assert!(long_wait(&apart(1, None), 4.1).is_some_and(|words| words.contains("4 s or more")));
        assert!(long_wait(&apart(2, Some(8.0)), 10.0).is_some_and(|words| words.contains("8 s or more")));
    }
}
