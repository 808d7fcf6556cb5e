//! From the elements of a pipeline to the settings of a feed.
//!
//! Every element has a [`Role`]. The properties of an element that has a counterpart are read
//! one by one; each either ends in a setting or among the leftovers.

mod audio;
mod caps;
mod encoder;
mod picture;
mod role;
mod source;

use self::role::Role;
use super::{
    Import, ImportError, Leftover,
    parse::{Kind, Node, Pipeline},
    usual_name, words,
};
use crate::{
    config::{Codec, ElementChoice, FeedConfig, FeedId, SourceConfig},
    i18n::gettext,
};

/// Whether a property was carried over, or why not.
type Carried = Result<(), String>;

/// Carries over what has a counterpart.
pub(super) fn map(pipeline: &Pipeline) -> Result<Import, ImportError> {
    let mut draft = Draft::default();
    let mut strangers = pipeline.strangers.iter().peekable();
    for (at, node) in pipeline.nodes.iter().enumerate() {
        while let Some((_, word)) = strangers.next_if(|(before, _)| *before <= at) {
            draft.leave(words::shown(word), gettext("This word is not understood."));
        }
        draft.read(pipeline, at, node);
    }
    for (_, word) in strangers {
        draft.leave(words::shown(word), gettext("This word is not understood."));
    }
    draft.finish()
}

/// A feed that comes into being.
struct Draft {
    /// The settings; its source is the demo camera as long as `has_source` says no.
    feed: FeedConfig,
    has_source: bool,
    /// Why a source could not be used.
    source_fault: Option<String>,
    has_encoder: bool,
    /// What the camera sends, where the pipeline says so.
    input: Option<Codec>,
    held_password: bool,
    leftovers: Vec<Leftover>,
}

impl Default for Draft {
    fn default() -> Self {
        let id = FeedId::from_name("import");
        Self {
            feed: FeedConfig::new(id, "", SourceConfig::Demo),
            has_source: false,
            source_fault: None,
            has_encoder: false,
            input: None,
            held_password: false,
            leftovers: Vec::new(),
        }
    }
}

impl Draft {
    fn finish(mut self) -> Result<Import, ImportError> {
        if !self.has_source {
            return Err(self.source_fault.map_or(ImportError::NoSource, ImportError::BadSource));
        }
        // A pipeline that only packs what the camera sends passes its codec on.
        if let Some(input) = self.input.filter(|_| !self.has_encoder && self.feed.decoder == ElementChoice::Automatic) {
            self.feed.codec = input;
        }
        self.feed.name = usual_name(&self.feed.source);
        self.feed.id = FeedId::from_name(&self.feed.name);
        Ok(Import { feed: self.feed, held_password: self.held_password, leftovers: self.leftovers })
    }

    fn leave(&mut self, word: impl Into<String>, why: String) {
        self.leftovers.push(Leftover { word: word.into(), why });
    }

    fn read(&mut self, pipeline: &Pipeline, at: usize, node: &Node) {
        match &node.kind {
            Kind::Reference(_) => {}
            Kind::Caps(caps) => self.read_caps(pipeline, at, caps),
            Kind::Element(factory) => self.read_element(pipeline, at, node, factory),
        }
    }

    fn read_element(&mut self, pipeline: &Pipeline, at: usize, node: &Node, factory: &str) {
        let role = Role::of(factory);
        match role {
            Role::Source(kind) => self.read_source(kind, factory, node),
            Role::Encoder(row) => self.read_encoder(row, factory, node),
            Role::CapsFilter => {
                for (_, caps) in node.properties.iter().filter(|(name, _)| name == "caps") {
                    self.read_caps(pipeline, at, caps);
                }
                self.each_property(
                    factory,
                    node,
                    |_, name, _| if name == "caps" { Ok(()) } else { Err(words::own_work()) },
                );
            }
            Role::Decoder => {
                let name = || factory.parse().unwrap_or_default();
                if self.feed.decoder == ElementChoice::Automatic {
                    self.feed.decoder = name();
                } else if self.feed.decoder != name() {
                    self.leave(factory, words::only_one());
                }
                self.each_property(factory, node, |_, _, _| Err(words::own_work()));
            }
            Role::Picture(kind) => self.read_picture(kind, factory, node),
            Role::AudioDevice | Role::AudioTest | Role::CameraAudio | Role::AudioEncoder => {
                self.read_audio(&role, factory, node);
            }
            Role::Sink => self.each_property(factory, node, Self::read_sink),
            Role::Own(input) => {
                self.input = self.input.or(input);
                self.each_property(factory, node, |_, _, _| Err(words::own_work()));
            }
            Role::Without(why) => self.leave(factory, why()),
        }
    }

    /// Hands over the properties one by one; those that are not carried over are left.
    fn each_property(&mut self, factory: &str, node: &Node, mut read: impl FnMut(&mut Self, &str, &str) -> Carried) {
        for (name, value) in node.properties.iter().filter(|(name, _)| name != "name") {
            if let Err(why) = read(self, name, value) {
                self.leave(format!("{factory} {}", words::shown_property(name, value)), why);
            }
        }
    }

    /// `webrtcsink` and `webrtcbin`.
    fn read_sink(&mut self, name: &str, value: &str) -> Carried {
        match name {
            "video-caps" if !self.has_encoder => match caps::codec(value) {
                Some(codec) => {
                    self.feed.codec = codec;
                    Ok(())
                }
                None => Err(words::unknown_value()),
            },
            "stun-server" | "turn-server" | "turn-servers" | "ice-transport-policy" => Err(gettext(
                "Heliograph contacts no server that is not named in its own settings; name it there if viewers need it.",
            )),
            _ => Err(words::own_work()),
        }
    }
}
