//! The path a camera's stream takes, carried out: as it is, or through an encoder.

use std::time::Instant;

use super::{
    super::{FeedEvent, PathInUse, form::Form},
    Encoding, Worker,
    rate::Rate,
    second::Standing,
};
use crate::{
    config::{ChangedBy, Codec, Crop, Flip, PathChoice, PictureConfig, RenditionRole, Rotation, Size},
    control::{Asker, Circumstances, Obstacle, PathChooser, StreamForm},
    i18n::{gettext, gettext_f, ngettext_f},
    media::{EncodedStream, KeyFrameCounts, pass_through::Verdict},
};

/// The camera's own stream and what is known of it.
#[derive(Debug)]
pub(super) struct CameraPath {
    chooser: PathChooser,
    stream: Option<EncodedStream>,
    rate: Rate,
    frames: Rate,
    verdict: Verdict,
    /// The outlets of this form's codec are connected to this one of the camera's streams.
    pub(super) taken: Option<Form>,
    /// What was told last.
    told: Option<PathInUse>,
}

impl Default for CameraPath {
    fn default() -> Self {
        Self {
            chooser: PathChooser::default(),
            stream: None,
            rate: Rate::default(),
            frames: Rate::of_frames(),
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

    /// The codec of its stream, where viewers could take it.
    fn codec(&self) -> Option<Codec> {
        match &self.verdict {
            Verdict::Suitable(codec) => Some(*codec),
            _ => None,
        }
    }

    /// Which of the camera's streams outlets of this codec are connected to; `None` where an encoder's.
    pub(super) fn role_in(&self, codec: Codec) -> Option<RenditionRole> {
        self.taken.filter(|taken| taken.codec == codec).map(|taken| taken.role)
    }

    /// Whether outlets of this codec are connected to a stream of the camera's.
    pub(super) fn is_taken_in(&self, codec: Codec) -> bool {
        self.role_in(codec).is_some()
    }

    /// Whether this one of the camera's streams is what everybody is sent.
    pub(super) fn takes(&self, role: RenditionRole) -> bool {
        self.taken.is_some_and(|taken| taken.role == role)
    }

    /// What became of requests for key frames; `None` without a stream.
    pub(super) fn key_frames(&self) -> Option<KeyFrameCounts> {
        self.stream.as_ref().map(EncodedStream::key_frames)
    }

    pub(super) fn count(&mut self, now: Instant) {
        if let Some(stream) = &self.stream {
            self.rate.count(stream.bytes(), now);
            self.frames.count(stream.frames(), now);
        }
    }
}

impl Worker {
    /// The camera's stream can be had as it is. Of a camera that came back, the viewers get it at
    /// once: it is what it was until something else is seen.
    pub(super) fn take_stream(&mut self, stream: EncodedStream) {
        (self.camera.rate, self.camera.frames) = (Rate::default(), Rate::of_frames());
        if self.camera.role_in(stream.codec()) == Some(RenditionRole::Camera) {
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
        if !(is_unknown && self.camera.takes(RenditionRole::Camera)) {
            self.camera.verdict = verdict;
        }
        self.choose_path(Instant::now());
    }

    /// Chooses the path anew, and takes it.
    pub(super) fn choose_path(&mut self, now: Instant) {
        // A camera that is away, or has just come back, gives no reason to change anything.
        if self.picture.is_none() || !self.is_open() {
            return;
        }
        let is = self.circumstances();
        let obstacle = self.camera.chooser.obstacle(is, now);
        // A stream of another codec is for those who do not take the feed's.
        let is_beside = is.is_suitable && !self.camera.codec().is_some_and(|codec| self.may_be_first(codec));
        let second = match obstacle {
            Some(obstacle) if obstacle.asks_for_less() && !is_beside => self.second_for_all(now),
            _ => Standing::No,
        };
        self.second.is_wanted_for_all = !matches!(second, Standing::No);
        let taken = self.camera.taken;
        match (obstacle, second, self.camera.stream.clone()) {
            (None, _, Some(stream)) | (Some(_), Standing::Suits(stream), _) => self.send_camera(&stream),
            // Everybody has something meanwhile, if more than was asked for.
            (Some(_), Standing::Awaited, _) => {}
            (Some(_), _, _) => self.encode_again_for_all(now),
            _ => {}
        }
        if self.camera.taken != taken {
            self.offer_codecs();
        }
        let is_told = |obstacle: &Obstacle| !is_beside || !obstacle.asks_for_less();
        self.tell_path(obstacle.filter(is_told).or(is_beside.then_some(Obstacle::Codec)));
    }

    /// Sends everybody one of the camera's streams from its next key frame on.
    fn send_camera(&mut self, stream: &EncodedStream) {
        let form = Form { codec: stream.codec(), role: stream.role() };
        if self.camera.taken != Some(form) {
            self.camera.taken = Some(form);
            self.send_to_all(stream);
        }
    }

    /// The camera's stream that outlets of this codec are to be connected to.
    pub(super) fn camera_stream_in(&self, codec: Codec) -> Option<&EncodedStream> {
        match self.camera.role_in(codec)? {
            RenditionRole::Sub => self.second.stream(),
            _ => self.camera.stream.as_ref(),
        }
    }

    /// What the camera sends, in kbit/s, where viewers could take that as it is.
    pub(super) fn pass_through_kbps(&self) -> Option<f64> {
        let is = self.circumstances();
        let may_pass = is.is_suitable && is.choice != PathChoice::Transcode;
        is.camera.kbps.filter(|_| may_pass)
    }

    fn circumstances(&self) -> Circumstances {
        Circumstances {
            choice: self.config.path,
            is_suitable: self.camera.codec().is_some() && self.camera.stream.is_some(),
            is_same_picture: self.is_same_picture(),
            camera: StreamForm {
                size: self.camera_size(),
                kbps: self.camera.kbps(),
                framerate: self.camera.frames.per_second(),
            },
            asked: self.setpoint(),
            asker: match self.in_force.by {
                ChangedBy::Agent(_) | ChangedBy::Controller => Asker::Agent,
                ChangedBy::Person | ChangedBy::Settings => Asker::Person,
            },
        }
    }

    /// Whether pictures go out as they come, whatever their size and rate.
    pub(super) fn is_same_picture(&self) -> bool {
        let PictureConfig { deinterlace, crop, rotate, flip, .. } = self.config.picture;
        !deinterlace && crop == Crop::default() && rotate == Rotation::None && flip == Flip::None
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
        if let Some(Form { codec, role }) = self.camera.taken
            && self.served_in(codec).all(|served| served.sends == Some(role))
        {
            self.end_encoding(Form::main(codec));
        }
        self.decode_as_needed();
    }

    /// Viewers see what the camera sends until the encoder's first key frame.
    fn encode_again_for_all(&mut self, now: Instant) {
        let Some(taken) = self.camera.taken.take() else { return };
        let codec = taken.codec;
        if self.is_extra(codec) || self.served_in(codec).next().is_none() {
            return;
        }
        if let Some(Encoding { rendition, .. }) = self.encodings.get(&Form::main(codec)) {
            self.send_to_all(rendition.stream());
        } else if !self.make_main(codec, now) {
            self.camera.taken = Some(taken);
            self.send_first_for_want_of_second();
        }
        self.decode_as_needed();
    }

    /// Without room for an encoder, a second stream that was lost leaves the first one, or nothing.
    fn send_first_for_want_of_second(&mut self) {
        if self.camera.takes(RenditionRole::Sub)
            && self.second.stream().is_none()
            && let Some(first) = self.camera.stream.clone()
        {
            self.send_camera(&first);
        }
    }

    /// Decodes only while somebody wants pictures; the first one always, for it tells that all is well.
    pub(super) fn decode_as_needed(&self) {
        // Without its stream, only pictures tell that the camera is there.
        let is_unheard = self.picture.is_none() || self.camera.stream.is_none();
        let is_wanted = !self.previews.is_empty() || self.keeping.needs_pictures();
        let is_needed = is_unheard || is_wanted || !self.encodings.is_empty();
        if let Some(ingest) = &self.ingest {
            ingest.set_decoding(is_needed);
        }
    }

    fn tell_path(&mut self, obstacle: Option<Obstacle>) {
        let passes_through = self.camera.is_taken_in(self.first_codec());
        let mut sentence = self.path_sentence(obstacle);
        if self.low_uses(RenditionRole::Sub) {
            sentence = gettext_f(
                // Translators: {path} is such as “Camera's H.264 goes to the viewers as it is”, {stream} such as 640×360 at 15 fps.
                "{path}; slow viewers get its second stream, {stream}, as it is",
                &[("path", &sentence), ("stream", &self.second.words())],
            );
        }
        let path = PathInUse { passes_through, sentence };
        if self.camera.told.as_ref() != Some(&path) {
            tracing::info!(feed = %self.config.id, "{}.", path.sentence);
            (self.around.tell)(FeedEvent::Path(path.clone()));
            self.camera.told = Some(path);
        }
    }

    /// The path and its reason, without a full stop.
    fn path_sentence(&self, obstacle: Option<Obstacle>) -> String {
        let encoder = self.encoder.as_ref().map(|encoder| encoder.label.clone()).unwrap_or_default();
        let cores = self.encodings.get(&Form::main(self.first_codec())).and_then(Encoding::told_cores);
        let transcoding = |reason: String| transcoding(&reason, &encoder, cores);
        let because = |reason: String| match self.camera.taken {
            None => transcoding(reason),
            // Translators: {reason} is such as “Camera sends more than is asked for”.
            Some(_) => gettext_f("{reason}: looking at its second stream", &[("reason", &reason)]),
        };
        match obstacle {
            Some(_) if self.camera.takes(RenditionRole::Sub) => {
                // Translators: {stream} is such as 640×360 at 15 fps.
                gettext_f("Camera's second stream, {stream}, goes out as it is", &[("stream", &self.second.words())])
            }
            None if self.config.path == PathChoice::PassThrough => gettext_f(
                // Translators: {path} is such as “Camera's H.264 goes to the viewers as it is”.
                "{path}, as chosen, whatever else is asked for",
                &[("path", &self.camera.verdict.words())],
            ),
            None => self.camera.verdict.words(),
            Some(Obstacle::Choice) => transcoding(gettext("As chosen in the settings")),
            Some(Obstacle::Stream) if self.camera.stream.is_none() => {
                transcoding(gettext("This source has no stream that viewers take"))
            }
            Some(Obstacle::Stream) => transcoding(self.camera.verdict.words()),
            Some(Obstacle::Codec) => {
                let codec = self.config.codec.to_string();
                transcoding(gettext_f("Viewers are sent {codec}", &[("codec", &codec)]))
            }
            Some(Obstacle::Picture) => transcoding(gettext("Picture settings change the picture")),
            Some(Obstacle::Size) => because(gettext("Another size is asked for than the camera's")),
            Some(Obstacle::Framerate) => because(gettext("Camera sends more pictures a second than are asked for")),
            Some(Obstacle::Bitrate) => because(gettext("Camera sends more than is asked for")),
        }
    }
}

/// What is done for this reason: an encoder, such as “x264”, keeps this many cores busy, where that is known and
/// not nothing.
fn transcoding(reason: &str, encoder: &str, cores: Option<f64>) -> String {
    let told = cores.map(|cores| format!("{cores:.1}")).unwrap_or_default();
    let values = [("reason", reason), ("encoder", encoder), ("cores", &told)];
    // Less than that is not to be seen among everything else.
    let Some(cores) = cores.filter(|cores| *cores >= 0.05) else {
        // Translators: {reason} is such as “Camera sends H.264 High with B-frames”; {encoder} such as “x264”.
        return gettext_f("{reason}: transcoding with {encoder}", &values);
    };
    ngettext_f(
        // Translators: {reason} is such as “Camera sends H.264 High with B-frames”; {cores} is such as 0.2.
        "{reason}: transcoding with {encoder}, about {cores} core",
        "{reason}: transcoding with {encoder}, about {cores} cores",
        if cores < 1.05 { 1 } else { cores.ceil() as u32 },
        &values,
    )
}

#[cfg(test)]
mod tests {
    use super::transcoding;

    #[test]
    fn what_an_encoder_costs_is_told_where_it_is_known() {
        let told = |cores| transcoding("Camera sends H.264 High with B-frames", "x264", cores);
        assert_eq!(told(None), "Camera sends H.264 High with B-frames: transcoding with x264");
        assert_eq!(told(Some(0.01)), told(None));
        assert_eq!(told(Some(0.24)), "Camera sends H.264 High with B-frames: transcoding with x264, about 0.2 core");
        assert!(told(Some(1.26)).ends_with("about 1.3 cores"));
    }
}
