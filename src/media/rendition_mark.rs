//! The mark by which the frames of a rendition are known.

use gst::prelude::*;

use crate::config::RenditionRole;

/// Frames carry their mark where GStreamer keeps the end of a frame in a file, which means
/// nothing in a stream and which no element on the way to a viewer changes.
const MARK: u64 = 0x484c_4700_0000_0000;
/// In the mark of frames that came into the outlet, which every session gets.
const BASE: u64 = 0x100;

/// How a frame came to a viewer's session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Origin {
    /// The rendition that it belongs to.
    pub(super) role: RenditionRole,
    /// Through the outlet, like every session's, or past it for this session alone.
    pub(super) through_outlet: bool,
}

impl Origin {
    fn mark(self) -> u64 {
        MARK | self.role as u64 | if self.through_outlet { BASE } else { 0 }
    }

    /// Whether this is how a frame with that mark came.
    fn of_mark(mark: u64) -> Option<Self> {
        let with = |role| [Self { role, through_outlet: true }, Self { role, through_outlet: false }];
        RenditionRole::ALL.iter().copied().flat_map(with).find(|origin| origin.mark() == mark)
    }

    /// How this frame came; `None` without a mark.
    pub(super) fn of(buffer: &gst::BufferRef) -> Option<Self> {
        Self::of_mark(buffer.offset_end())
    }
}

/// Marks all frames on this pad as a rendition's.
pub(super) fn mark_frames(pad: &gst::Pad, role: RenditionRole) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut() {
            buffer.make_mut().set_offset_end(Origin { role, through_outlet: false }.mark());
        }
        gst::PadProbeReturn::Ok
    });
}

/// Marks all frames on this pad, of whichever rendition, as having come through the outlet.
pub(super) fn mark_outlet(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && let Some(Origin { role, .. }) = Origin::of(buffer)
        {
            buffer.make_mut().set_offset_end(Origin { role, through_outlet: true }.mark());
        }
        gst::PadProbeReturn::Ok
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_rendition_and_way_and_nothing_else_is_a_mark() {
        for &role in RenditionRole::ALL {
            for through_outlet in [true, false] {
                let origin = Origin { role, through_outlet };
                assert_eq!(Origin::of_mark(origin.mark()), Some(origin));
            }
        }
        assert_eq!(Origin::of_mark(u64::MAX), None, "what GStreamer writes where it knows no offset");
        assert_eq!(Origin::of_mark(0), None);
    }
}
