//! A GOP with its times moved up to its end.

/// How far the copies are apart. It is less than the distance of any camera's pictures, so what
/// is moved up never overtakes what came before; and many ticks of RTP's clock (90 kHz), so that
/// no two pictures get the same RTP time on the way: browsers take those for one.
const STEP: gst::ClockTime = gst::ClockTime::MSECOND;

/// Copies of the units; see [`super::GopCache::replay`].
pub(super) fn compressed(units: &[gst::Buffer], now: gst::ClockTime) -> Vec<gst::Buffer> {
    let Some(newest) = units.last() else { return Vec::new() };
    let end = Times { pts: newest.pts(), dts: newest.dts() }.not_after(now);
    let step = step(end, units.len());
    let place = |(number, unit): (usize, &gst::Buffer)| {
        let back = step * (units.len() - 1 - number) as u64;
        copy(unit, end.back(back), step)
    };
    units.iter().enumerate().map(place).collect()
}

/// When a picture is shown and decoded.
#[derive(Clone, Copy)]
struct Times {
    pts: Option<gst::ClockTime>,
    dts: Option<gst::ClockTime>,
}

impl Times {
    fn not_after(self, now: gst::ClockTime) -> Self {
        // By as much for both: a picture is not decoded after it is shown.
        let late = self.pts.map_or(gst::ClockTime::ZERO, |pts| pts.saturating_sub(now));
        self.back(late)
    }

    fn back(self, by: gst::ClockTime) -> Self {
        let back = |time: gst::ClockTime| time.saturating_sub(by);
        Self { pts: self.pts.map(back), dts: self.dts.map(back) }
    }
}

/// Closer together where the stream has only just begun: no time lies before zero.
fn step(end: Times, units: usize) -> gst::ClockTime {
    end.pts.or(end.dts).map_or(STEP, |end| STEP.min(end / units.max(1) as u64))
}

/// A unit at another time. What it carries beside its bytes stays, flags and metas alike.
fn copy(unit: &gst::Buffer, times: Times, step: gst::ClockTime) -> gst::Buffer {
    let mut copy = unit.copy();
    let fields = copy.get_mut().expect("a new copy should have one owner");
    let is_moved = unit.pts() != times.pts;
    // Even of a stream that has times for key frames only, every picture gets one.
    fields.set_pts(times.pts);
    fields.set_dts(times.dts);
    if is_moved {
        fields.set_duration(step);
    }
    copy
}
