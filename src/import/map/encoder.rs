//! Encoders: which codec each makes, and in which unit it counts.

use super::{Carried, Draft, Node};
use crate::{
    config::{
        Codec::{self, Av1, H264, H265, Vp8, Vp9},
        ElementRole, FeedConfig, element_settings,
    },
    i18n::{gettext, gettext_f},
    import::words,
};

/// How an encoder takes its bitrate.
#[derive(Clone, Copy)]
enum Bitrate {
    /// The property, in kbit/s.
    Kbit(&'static str),
    /// The property, in bit/s.
    Bit(&'static str),
    /// Among the controls of the driver, in bit/s.
    Control,
}

/// An encoder as pipelines name it.
pub(super) struct Row {
    pub(super) element: &'static str,
    codec: Codec,
    bitrate: Bitrate,
}

const fn row(element: &'static str, codec: Codec, bitrate: Bitrate) -> Row {
    Row { element, codec, bitrate }
}

/// The units are those that `gst-inspect-1.0` and the elements' documentation name.
pub(super) const ROWS: &[Row] = &[
    row("x264enc", H264, Bitrate::Kbit("bitrate")),
    row("openh264enc", H264, Bitrate::Bit("bitrate")),
    row("nvh264enc", H264, Bitrate::Kbit("bitrate")),
    row("nvcudah264enc", H264, Bitrate::Kbit("bitrate")),
    row("nvautogpuh264enc", H264, Bitrate::Kbit("bitrate")),
    row("vah264enc", H264, Bitrate::Kbit("bitrate")),
    row("vah264lpenc", H264, Bitrate::Kbit("bitrate")),
    row("v4l2h264enc", H264, Bitrate::Control),
    row("nvv4l2h264enc", H264, Bitrate::Bit("bitrate")),
    row("x265enc", H265, Bitrate::Kbit("bitrate")),
    row("nvh265enc", H265, Bitrate::Kbit("bitrate")),
    row("nvcudah265enc", H265, Bitrate::Kbit("bitrate")),
    row("nvautogpuh265enc", H265, Bitrate::Kbit("bitrate")),
    row("vah265enc", H265, Bitrate::Kbit("bitrate")),
    row("vah265lpenc", H265, Bitrate::Kbit("bitrate")),
    row("v4l2h265enc", H265, Bitrate::Control),
    row("nvv4l2h265enc", H265, Bitrate::Bit("bitrate")),
    row("vp8enc", Vp8, Bitrate::Bit("target-bitrate")),
    row("vp9enc", Vp9, Bitrate::Bit("target-bitrate")),
    row("vavp9enc", Vp9, Bitrate::Kbit("bitrate")),
    row("v4l2vp9enc", Vp9, Bitrate::Control),
    row("av1enc", Av1, Bitrate::Kbit("target-bitrate")),
    row("svtav1enc", Av1, Bitrate::Kbit("target-bitrate")),
    row("rav1enc", Av1, Bitrate::Bit("bitrate")),
    row("nvav1enc", Av1, Bitrate::Kbit("bitrate")),
    row("vaav1enc", Av1, Bitrate::Kbit("bitrate")),
];

impl Draft {
    pub(super) fn read_encoder(&mut self, row: &Row, factory: &str, node: &Node) {
        if self.has_encoder {
            return self.leave(factory, words::only_one());
        }
        self.has_encoder = true;
        self.feed.codec = row.codec;
        self.feed.encoder = factory.parse().unwrap_or_default();
        self.each_property(factory, node, |draft, name, value| match row.bitrate {
            Bitrate::Kbit(property) if name == property => read_bitrate(&mut draft.feed, row, value, 1),
            Bitrate::Bit(property) if name == property => read_bitrate(&mut draft.feed, row, value, 1000),
            Bitrate::Control if name == "extra-controls" => read_controls(&mut draft.feed, row, value),
            _ => read_setting(&mut draft.feed, name, value),
        });
    }
}

fn read_bitrate(feed: &mut FeedConfig, row: &Row, value: &str, per_kbit: u32) -> Carried {
    let range = FeedConfig::BITRATE_KBPS;
    let kbps = value.parse::<u32>().ok().map(|bitrate| bitrate.div_ceil(per_kbit));
    feed.bitrate_kbps = kbps.filter(|kbps| range.contains(kbps)).ok_or_else(|| {
        let unit = if per_kbit == 1 { "kbit/s" } else { "bit/s" };
        gettext_f(
            // Translators: {unit} is kbit/s or bit/s.
            "{element} counts in {unit}; a feed has from {least} to {most} kbit/s.",
            &[
                ("element", row.element),
                ("unit", unit),
                ("least", &range.start().to_string()),
                ("most", &range.end().to_string()),
            ],
        )
    })?;
    Ok(())
}

/// The bitrate among a driver's controls: `controls,video_bitrate=4000000,…`.
fn read_controls(feed: &mut FeedConfig, row: &Row, controls: &str) -> Carried {
    // The first word is the structure's name.
    let parts: Vec<&str> = controls.trim_end_matches(';').split(',').skip(1).map(str::trim).collect();
    let bitrate = parts.iter().find_map(|part| part.strip_prefix("video_bitrate="));
    if let Some(bitrate) = bitrate {
        read_bitrate(feed, row, bitrate.trim_start_matches("(int)").trim(), 1000)?;
    }
    if parts.len() == usize::from(bitrate.is_some()) {
        Ok(())
    } else {
        Err(gettext("Of a driver's controls, only video_bitrate was carried over."))
    }
}

fn read_setting(feed: &mut FeedConfig, name: &str, value: &str) -> Carried {
    // How `gst-launch -v` and many examples write x264's tuning.
    let value = match (name, value) {
        ("tune", "4" | "0x4" | "0x00000004") => "zerolatency",
        _ => value,
    };
    element_settings::check(ElementRole::Encoder, name, value).map_err(|error| {
        // Translators: {reason} says in lower case why a property cannot be set.
        gettext_f("It cannot be set: {reason}.", &[("reason", &error.to_string())])
    })?;
    feed.elements.entry(ElementRole::Encoder).or_default().insert(name.to_owned(), value.to_owned());
    Ok(())
}
