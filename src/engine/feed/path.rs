//! The path a camera's stream takes, carried out: as it is, or through an encoder.

use std::time::Instant;

use super::{
    super::{FeedEvent, PathInUse, form::Form},
    Encoding, Worker,
    rate::Rate,
};
use crate::{
    config::{Codec, Crop, Flip, PictureConfig, RenditionRole, Rotation, Size},
    control::{Circumstances, Obstacle, PathChooser},
    i18n::{gettext, gettext_f},
    media::{EncodedStream, KeyFrameCounts, pass_through::Verdict},
};

/// The camera's own stream and what is known of it.
#[derive(Debug)]
pub(super) struct CameraPath {
    chooser: PathChooser,
    stream: Option<EncodedStream>,
    rate: Rate,
    verdict: Verdict,
    /// The outlets of this codec are connected to the camera's stream.
    pub(super) taken: Option<Codec>,
    /// What was told last.
    told: Option<PathInUse>,
}

impl Default for CameraPath {
    fn default() -> Self {
        Self {
            chooser: PathChooser::default(),
            stream: None,
            rate: Rate::default(),
            verdict: Verdict::Unknown,
            taken: None,
            told: None,
        }
    }
}

impl CameraPath {
    /// What the camera sends, in kbit/s.
    pub(super) fn kbps(&self) -> Option<f64> {
        self.rate.kbps()
    }

    /// The camera's stream, where outlets of this codec are to be connected to it.
    pub(super) fn stream_in(&self, codec: Codec) -> Option<&EncodedStream> {
        self.stream.as_ref().filter(|_| self.taken == Some(codec))
    }

    /// What became of requests for key frames; `None` without a stream.
    pub(super) fn key_frames(&self) -> Option<KeyFrameCounts> {
        self.stream.as_ref().map(EncodedStream::key_frames)
    }

    pub(super) fn count(&mut self, now: Instant) {
        if let Some(stream) = &self.stream {
            self.rate.count(stream.bytes(), now);
        }
    }
}

impl Worker {
    /// The camera's stream can be had as it is. Of a camera that came back, the viewers get it at
    /// once: it is what it was until something else is seen.
    pub(super) fn take_stream(&mut self, stream: EncodedStream) {
        self.camera.rate = Rate::default();
        if self.camera.taken == Some(stream.codec()) {
            self.send_to_all(&stream);
        }
        self.camera.stream = Some(stream);
    }

    /// The camera is gone.
    pub(super) fn lose_stream(&mut self) {
        self.camera.stream = None;
    }

    /// Whether viewers could take the camera's stream.
    pub(super) fn judged(&mut self, verdict: Verdict) {
        // While a stream that is sent is looked at anew, nothing is known against it.
        let is_unknown = verdict == Verdict::Unknown;
        if !(is_unknown && self.camera.taken.is_some()) {
            self.camera.verdict = verdict;
        }
        self.choose_path(Instant::now());
    }

    /// Chooses the path anew, and takes it.
    pub(super) fn choose_path(&mut self, now: Instant) {
        // A camera that is away, or has just come back, gives no reason to change anything.
        if self.picture.is_none() || !self.is_open() || self.awaits_stream() {
            return;
        }
        let is = self.circumstances();
        let obstacle = self.camera.chooser.obstacle(is, now);
        match (obstacle, self.camera.taken, self.camera.stream.clone()) {
            (None, None, Some(stream)) => {
                self.camera.taken = Some(stream.codec());
                self.send_to_all(&stream);
            }
            (Some(_), Some(codec), _) => self.encode_again_for_all(codec),
            _ => {}
        }
        self.tell_path(obstacle);
    }

    /// Whether the outlets are connected to a stream that is still to come: a camera that came back
    /// tells it before its first picture.
    fn awaits_stream(&self) -> bool {
        self.camera.taken.is_some() && self.camera.stream.is_none() && self.picture.is_none()
    }

    fn circumstances(&self) -> Circumstances {
        let codec = match &self.camera.verdict {
            Verdict::Suitable(codec) => Some(*codec),
            _ => None,
        };
        Circumstances {
            choice: self.config.path,
            is_suitable: codec.is_some() && self.camera.stream.is_some(),
            is_same_codec: codec == Some(self.config.codec),
            is_same_picture: self.is_same_picture(),
            camera_kbps: self.camera.rate.kbps(),
            asked_kbps: self.setpoint().bitrate_kbps,
        }
    }

    /// Whether pictures go out as they come.
    fn is_same_picture(&self) -> bool {
        let PictureConfig { deinterlace, crop, rotate, flip, size, framerate, .. } = self.picture_config();
        let is_shaped = deinterlace || crop != Crop::default() || rotate != Rotation::None || flip != Flip::None;
        let is_scaled = size.is_some_and(|size| Some(size) != self.camera_size());
        !is_shaped && !is_scaled && framerate.is_none()
    }

    /// The size of what the camera sends; `None` before its first picture.
    pub(super) fn camera_size(&self) -> Option<Size> {
        let picture = self.picture.as_ref()?;
        Some(Size { width: picture.width, height: picture.height })
    }

    /// Sends this to all viewers of its codec who are shown what everybody is.
    pub(super) fn send_to_all(&self, stream: &EncodedStream) {
        for served in self.served_in(stream.codec()) {
            served.outlet.connect(stream);
        }
    }

    /// An outlet sends this rendition to everybody from now on.
    pub(super) fn sends(&mut self, number: u64, role: RenditionRole) {
        if let Some(served) = self.served_mut().find(|served| served.number == number) {
            served.sends = Some(role);
        }
        if let Some(codec) = self.camera.taken
            && self.served_in(codec).all(|served| served.sends == Some(RenditionRole::Camera))
        {
            self.end_encoding(Form::main(codec));
        }
        self.decode_as_needed();
    }

    /// Viewers see what the camera sends until the encoder's first key frame.
    fn encode_again_for_all(&mut self, codec: Codec) {
        self.camera.taken = None;
        if self.served_in(codec).next().is_none() {
            return;
        }
        if let Some(Encoding { rendition, .. }) = self.encodings.get(&Form::main(codec)) {
            self.send_to_all(rendition.stream());
        } else if let Err(fault) = self.provide(codec) {
            self.camera.taken = Some(codec);
            return self.notice(fault.to_string());
        }
        self.decode_as_needed();
    }

    /// Decodes only while somebody wants pictures; the first one always, for it tells that all is well.
    pub(super) fn decode_as_needed(&self) {
        let is_needed = self.picture.is_none() || !self.previews.is_empty() || !self.encodings.is_empty();
        if let Some(ingest) = &self.ingest {
            ingest.set_decoding(is_needed);
        }
    }

    fn tell_path(&mut self, obstacle: Option<Obstacle>) {
        let path = PathInUse { passes_through: obstacle.is_none(), sentence: self.path_sentence(obstacle) };
        if self.camera.told.as_ref() != Some(&path) {
            tracing::info!(feed = %self.config.id, "{}.", path.sentence);
            (self.around.tell)(FeedEvent::Path(path.clone()));
            self.camera.told = Some(path);
        }
    }

    /// The path and its reason, without a full stop.
    fn path_sentence(&self, obstacle: Option<Obstacle>) -> String {
        let encoder = self.encoder.as_ref().map(|encoder| encoder.label.clone()).unwrap_or_default();
        let transcoding = |reason: String| {
            // Translators: {reason} is such as “The picture is turned or scaled”; {encoder} such as “x264”.
            gettext_f("{reason}: transcoding with {encoder}", &[("reason", &reason), ("encoder", &encoder)])
        };
        match obstacle {
            None => self.camera.verdict.words(),
            Some(Obstacle::Choice) => transcoding(gettext("As chosen in the settings")),
            Some(Obstacle::Stream) if self.camera.stream.is_none() => {
                transcoding(gettext("This source has no stream that viewers take"))
            }
            Some(Obstacle::Stream) => self.camera.verdict.words_with_encoder(&encoder, None),
            Some(Obstacle::Codec) => {
                let codec = self.config.codec.to_string();
                transcoding(gettext_f("Viewers are sent {codec}", &[("codec", &codec)]))
            }
            Some(Obstacle::Picture) => transcoding(gettext("Picture settings change the picture")),
            Some(Obstacle::Bitrate) => transcoding(gettext("Camera sends more than is asked for")),
        }
    }
}
