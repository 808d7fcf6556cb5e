//! A feed as the operator describes it in a dialog: from texts to settings.
//!
//! Pure, so that the dialog only shows what is decided here.

mod picture;
mod problem;
mod properties;
mod source;

use crate::config::{
    AudioConfig, Codec, Credentials, ElementChoice, FeedConfig, FeedId, Password, PasswordSource, PathChoice, Profile,
    RtspConfig, SourceAddress, SourceConfig,
};

pub use picture::EnteredPicture;
pub use problem::{Field, Problem};
pub use properties::EnteredProperties;
pub use source::{EnteredCamera, EnteredTest, SourceKind};

use problem::Problems;

/// What was entered, as it stands in the fields. Not for `Debug`: a password may
/// still stand in the address.
#[derive(Clone)]
pub struct Entered {
    /// The name.
    pub name: String,
    /// Which of the sources that follow is meant.
    pub kind: SourceKind,
    /// A camera on the network.
    pub camera: EnteredCamera,
    /// A camera on this computer; none where none is chosen.
    pub device: Option<crate::config::DeviceConfig>,
    /// A file; none where none is chosen.
    pub file: Option<std::path::PathBuf>,
    /// A test picture.
    pub test: EnteredTest,
    /// The decoder.
    pub decoder: ElementChoice,
    /// What is done to the picture.
    pub picture: EnteredPicture,
    /// What is heard.
    pub audio: AudioConfig,
    /// Whether it is encoded at all.
    pub path: PathChoice,
    /// The codec.
    pub codec: Codec,
    /// The encoder.
    pub encoder: ElementChoice,
    /// Properties of the elements.
    pub properties: EnteredProperties,
    /// In kbit/s.
    pub bitrate_kbps: u32,
    /// Whether it runs while nobody watches, too.
    pub keep_warm: bool,
}

/// A described feed, ready to be added.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The feed, but for what no dialog asks: its id, whether it streams, and where a kept
    /// password is found.
    feed: FeedConfig,
    password: Option<Password>,
    /// That of the TURN servers on the way from a robot.
    turn_password: Option<Password>,
    /// Whether any certificate is taken from now on.
    forgets_certificate: bool,
}

impl Default for Entered {
    fn default() -> Self {
        let blank = FeedConfig::new(FeedId::from_name(""), "", SourceConfig::Demo);
        Self { kind: SourceKind::Rtsp, ..Self::of(&blank) }
    }
}

impl Entered {
    /// A camera at this address, with the default settings.
    pub fn camera(name: impl Into<String>, address: impl Into<String>) -> Self {
        let camera = EnteredCamera { address: address.into(), ..EnteredCamera::default() };
        Self { name: name.into(), camera, ..Self::default() }
    }

    /// The settings of a feed, as they stand in the fields.
    pub fn of(feed: &FeedConfig) -> Self {
        let (mut camera, mut device, mut file, mut test) = Default::default();
        match &feed.source {
            SourceConfig::Demo => {}
            SourceConfig::Rtsp(rtsp) => camera = EnteredCamera::of(rtsp),
            SourceConfig::Device(config) => device = Some(config.clone()),
            SourceConfig::File(config) => file = Some(config.path.clone()),
            SourceConfig::Test(config) => test = EnteredTest::of(config),
        }
        Self {
            name: feed.name.clone(),
            kind: SourceKind::of(&feed.source),
            camera,
            device,
            file,
            test,
            decoder: feed.decoder.clone(),
            picture: EnteredPicture::of(&feed.picture),
            audio: feed.audio.clone(),
            path: feed.path,
            codec: feed.codec,
            encoder: feed.encoder.clone(),
            properties: EnteredProperties::of(&feed.elements),
            bitrate_kbps: feed.bitrate_kbps,
            keep_warm: feed.keep_warm,
        }
    }

    /// The feed that is described.
    ///
    /// # Errors
    /// The fields that cannot stay as they are. Fields that are still empty count, too.
    pub fn check(&self) -> Result<Draft, Vec<Problem>> {
        let mut problems = Problems::default();
        let name = self.name.trim();
        problems.note(FeedConfig::check_name(name).map_err(|error| Problem::name(error, name)));
        let source = self.source(&mut problems);
        let picture = problems.note(self.picture.check());
        let properties = problems.note(self.properties.check());
        match (problems.into_vec(), source, picture, properties) {
            (problems, Some(source), Some(picture), Some(elements)) if problems.is_empty() => {
                let feed = FeedConfig {
                    decoder: self.decoder.clone(),
                    picture,
                    audio: self.audio.clone(),
                    path: self.path,
                    codec: self.codec,
                    encoder: self.encoder.clone(),
                    elements,
                    bitrate_kbps: self.bitrate_kbps,
                    keep_warm: self.keep_warm,
                    ..FeedConfig::new(FeedId::from_name(name), name, source)
                };
                let password = matches!(self.kind, SourceKind::Rtsp | SourceKind::Received)
                    .then(|| self.camera.password())
                    .flatten();
                let turn_password = self.camera.ways.typed().cloned();
                Ok(Draft { feed, password, turn_password, forgets_certificate: self.camera.forgets_certificate })
            }
            (problems, ..) => Err(problems),
        }
    }

    /// Makes the fields what a profile says, whatever else is still missing.
    pub fn apply(&mut self, profile: &Profile) {
        let anywhere = SourceAddress::parse("rtsp://localhost/").expect("a plain address should be one").0;
        let rtsp = RtspConfig {
            latency_ms: self.camera.latency_ms,
            drop_on_latency: self.camera.drop_on_latency,
            ..RtspConfig::new(anywhere)
        };
        let mut feed = FeedConfig {
            decoder: self.decoder.clone(),
            codec: self.codec,
            encoder: self.encoder.clone(),
            elements: self.properties.check().unwrap_or_default(),
            bitrate_kbps: self.bitrate_kbps,
            ..FeedConfig::new(FeedId::from_name(""), "", SourceConfig::Rtsp(rtsp))
        };
        profile.apply(&mut feed);
        let wanted = Self::of(&feed);
        if profile.size.is_some() {
            self.picture.size = wanted.picture.size;
        }
        if profile.framerate.is_some() {
            self.picture.framerate = wanted.picture.framerate;
        }
        self.camera.latency_ms = wanted.camera.latency_ms;
        self.camera.drop_on_latency = wanted.camera.drop_on_latency;
        self.decoder = wanted.decoder;
        self.codec = wanted.codec;
        self.encoder = wanted.encoder;
        self.properties = wanted.properties;
        self.bitrate_kbps = wanted.bitrate_kbps;
    }

    /// User and password that were pasted within the address, taken out of it.
    /// The address is left as it is where there are none, or where it is no address.
    pub fn split_address(text: &str) -> Option<(String, Credentials)> {
        let (address, credentials) = SourceAddress::parse(text).ok()?;
        Some((address.as_str().to_owned(), credentials?))
    }
}

impl Draft {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.feed.name
    }

    /// A new feed, and the passwords to keep for it, by their names in the keyring.
    pub fn into_config(self, id: FeedId) -> (FeedConfig, Vec<(FeedId, Password)>) {
        let blank = FeedConfig::new(id, "", SourceConfig::Demo);
        self.change(&blank)
    }

    /// The same feed with what was described, and the passwords to keep for it, by their names in the keyring.
    /// What no dialog asks for stays as it is.
    pub fn change(self, old: &FeedConfig) -> (FeedConfig, Vec<(FeedId, Password)>) {
        let Self { mut feed, password, turn_password, forgets_certificate } = self;
        let mut passwords = Vec::new();
        if let SourceConfig::Rtsp(rtsp) = &mut feed.source {
            let known = if let SourceConfig::Rtsp(known) = &old.source { Some(known) } else { None };
            // Another host or port is another camera, which shows another certificate.
            let same_place = known.filter(|known| is_same_place(&known.address, &rtsp.address));
            rtsp.certificate = same_place.filter(|_| !forgets_certificate).and_then(|known| known.certificate);
            rtsp.password = match (&rtsp.user, &password) {
                (None, _) => PasswordSource::None,
                (Some(_), Some(_)) => PasswordSource::Keyring,
                (Some(_), None) => known.map_or(PasswordSource::None, |known| known.password.clone()),
            };
            passwords.extend(password.map(|password| (old.id.clone(), password)));
            // What was typed for another kind of source is for nobody.
            let turn_password = turn_password.filter(|_| rtsp.reception.ice.password == PasswordSource::Keyring);
            passwords.extend(turn_password.map(|password| (FeedId::of_reception(&old.id), password)));
        }
        let FeedConfig { name, source, decoder, picture, audio, path, codec, encoder, elements, .. } = feed;
        let (bitrate_kbps, keep_warm) = (feed.bitrate_kbps, feed.keep_warm);
        let asked_for = FeedConfig {
            name,
            source,
            decoder,
            picture,
            audio,
            path,
            codec,
            encoder,
            elements,
            bitrate_kbps,
            keep_warm,
            ..old.clone()
        };
        (asked_for, passwords)
    }
}

fn is_same_place(one: &SourceAddress, other: &SourceAddress) -> bool {
    (one.host(), one.port()) == (other.host(), other.port())
}

#[cfg(test)]
mod tests;
