//! Caps: what they mean depends on what stands before them.

use super::{
    Draft,
    role::{Role, Source},
};
use crate::{
    config::{Codec, DeviceFormat, PictureConfig, Size, SourceConfig},
    i18n::{gettext, gettext_f},
    import::{
        parse::{Kind, Pipeline},
        words,
    },
};

/// Whose form the caps name.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    /// The device's or the test picture's, as it leaves it.
    Source,
    /// The picture's that is encoded.
    Picture,
    /// The stream's, packed or not: agreed between Heliograph and its viewers.
    Stream,
}

impl Draft {
    pub(super) fn read_caps(&mut self, pipeline: &Pipeline, at: usize, caps: &str) {
        let mut structures = split(caps, ';');
        let Some(caps) = structures.next() else { return };
        for other in structures {
            self.leave(words::shown(other), gettext("Only the first choice was carried over."));
        }
        let mut parts = split(caps, ',');
        let media = parts.next().unwrap_or_default().split('(').next().unwrap_or_default().trim();
        let fields: Vec<(&str, &str)> = parts.filter_map(field).collect();
        match media {
            "video/x-raw" => self.read_pictures(of(pipeline, at), media, &fields, DeviceFormat::Raw),
            "image/jpeg" => self.read_pictures(of(pipeline, at), media, &fields, DeviceFormat::Mjpeg),
            "video/x-h264" if of(pipeline, at) == Of::Source => {
                self.read_pictures(Of::Source, media, &fields, DeviceFormat::H264);
            }
            "application/x-rtp" => self.read_packets(media, &fields),
            "audio/x-raw" => self.each_field(media, &fields, |name, _| match name {
                "format" | "rate" | "channels" | "layout" => Ok(()),
                _ => Err(words::own_work()),
            }),
            _ => self.each_field(media, &fields, |name, _| match name {
                "stream-format" | "alignment" => Ok(()),
                _ => Err(gettext("Heliograph and its viewers agree on this.")),
            }),
        }
    }

    fn each_field(&mut self, media: &str, fields: &[(&str, &str)], read: impl Fn(&str, &str) -> Result<(), String>) {
        for (name, value) in fields {
            if let Err(why) = read(name, value) {
                self.leave(format!("{media} {}", words::shown_property(name, value)), why);
            }
        }
    }

    fn read_packets(&mut self, media: &str, fields: &[(&str, &str)]) {
        self.each_field(media, fields, |name, _| match name {
            "media" | "encoding-name" | "clock-rate" => Ok(()),
            _ => Err(gettext("Heliograph and its viewers agree on this.")),
        });
    }

    fn read_pictures(&mut self, of: Of, media: &str, fields: &[(&str, &str)], format: DeviceFormat) {
        if let (Of::Source, SourceConfig::Device(device)) = (of, &mut self.feed.source) {
            device.format = format;
        }
        let find = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let number = |name: &str| find(name).and_then(|value| value.parse().ok());
        let size = number("width").zip(number("height")).and_then(|(width, height)| Size::new(width, height).ok());
        if let Some(size) = size {
            self.set_size(of, size);
        }
        let rate = find("framerate").and_then(whole_rate);
        if let Some((rate, _)) = rate {
            self.set_framerate(of, rate);
        }
        self.each_field(media, fields, |name, value| match name {
            "width" | "height" if size.is_some() => Ok(()),
            "width" | "height" => {
                Err(gettext("A size is width and height together, both even numbers from 16 to 8192."))
            }
            "framerate" => match rate {
                Some((_, true)) => Ok(()),
                Some((rate, false)) => Err(gettext_f(
                    "Frames per second are a whole number here; {rate} was taken.",
                    &[("rate", &rate.to_string())],
                )),
                None => Err(words::allowed(&PictureConfig::FRAMERATE)),
            },
            "format" if matches!(value, "I420" | "NV12") => Ok(()),
            "format" if of == Of::Source => Err(gettext("The device's raw format is Heliograph's to choose.")),
            "format" => Err(gettext("Heliograph encodes 4:2:0 only, which every browser decodes.")),
            "pixel-aspect-ratio" if value == "1/1" => Ok(()),
            "interlace-mode" if value == "progressive" => Ok(()),
            _ => Err(words::no_setting()),
        });
    }

    fn set_size(&mut self, of: Of, size: Size) {
        match (of, &mut self.feed.source) {
            (Of::Source, SourceConfig::Device(device)) => device.size = Some(size),
            (Of::Source, SourceConfig::Test(test)) => test.size = size,
            _ => self.feed.picture.size = Some(size),
        }
    }

    pub(super) fn set_picture_framerate(&mut self, rate: u32) {
        self.feed.picture.framerate = Some(rate);
    }

    fn set_framerate(&mut self, of: Of, rate: u32) {
        match (of, &mut self.feed.source) {
            (Of::Source, SourceConfig::Device(device)) => device.framerate = Some(rate),
            (Of::Source, SourceConfig::Test(test)) => test.framerate = rate,
            _ => self.set_picture_framerate(rate),
        }
    }
}

/// What the caps at this place are about: the nearest thing before them that decides.
fn of(pipeline: &Pipeline, at: usize) -> Of {
    for node in pipeline.upstream(at) {
        let Kind::Element(factory) = &node.kind else { continue };
        match Role::of(factory) {
            Role::Source(Source::Device | Source::Test) => return Of::Source,
            Role::Encoder(_) => return Of::Stream,
            Role::Picture(_) | Role::Decoder | Role::Source(_) => return Of::Picture,
            _ if factory.starts_with("decodebin") => return Of::Picture,
            _ => {}
        }
    }
    Of::Picture
}

/// The codec that caps name.
pub(super) fn codec(caps: &str) -> Option<Codec> {
    match caps.split([',', ';', '(']).next()?.trim() {
        "video/x-h264" => Some(Codec::H264),
        "video/x-h265" => Some(Codec::H265),
        "video/x-vp8" => Some(Codec::Vp8),
        "video/x-vp9" => Some(Codec::Vp9),
        "video/x-av1" => Some(Codec::Av1),
        _ => None,
    }
}

/// Parts between separators that stand in no bracket and no quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c: char| {
        depth += i32::from(matches!(c, '(' | '[' | '{' | '<')) - i32::from(matches!(c, ')' | ']' | '}' | '>'));
        c == separator && depth <= 0
    })
    .map(str::trim)
    .filter(|part| !part.is_empty())
}

/// `name=(type)value`, without the type.
fn field(part: &str) -> Option<(&str, &str)> {
    let (name, value) = part.split_once('=')?;
    let value = value.trim();
    let value = match value.strip_prefix('(') {
        Some(typed) => typed.split_once(')').map_or(value, |(_, value)| value.trim()),
        None => value,
    };
    Some((name.trim(), value.trim_matches(['"', '\''])))
}

/// The nearest whole number of frames per second that can be asked for, and whether it is exact.
fn whole_rate(value: &str) -> Option<(u32, bool)> {
    let (frames, seconds) = value.split_once('/').unwrap_or((value, "1"));
    let (frames, seconds): (u32, u32) = (frames.trim().parse().ok()?, seconds.trim().parse().ok()?);
    let exact = frames.checked_rem(seconds)? == 0;
    let rate = frames.checked_add(seconds / 2)? / seconds;
    PictureConfig::FRAMERATE.contains(&rate).then_some((rate, exact))
}
