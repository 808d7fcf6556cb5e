//! Looking at a camera on this machine.

use std::path::PathBuf;

use gst::prelude::*;
use tokio::task::spawn_blocking;

use super::{
    ProbeLimits,
    attempt::Attempt,
    nothing_came,
    report::{DeviceMode, ProbeReport},
};
use crate::{
    config::DeviceConfig,
    media::{
        MediaFault,
        source::{Source, open_device},
    },
};

/// Asks the device for its formats, and looks at the one that suits best.
pub(super) async fn look(path: PathBuf, limits: ProbeLimits) -> Result<ProbeReport, MediaFault> {
    let name = path.display().to_string();
    let asked = spawn_blocking(move || modes(&name)).await;
    let formats = match asked {
        Ok(formats) => formats?,
        // The program is ending: nobody waits for this any more.
        Err(_) => std::future::pending().await,
    };
    let source = path.display().to_string();
    let mut attempt = Attempt::start(Source::Device(DeviceConfig::new(path))).await?;
    attempt.first_picture(&nothing_came(&source)).await?;
    let interrupted = attempt.look_on(limits.look).await;
    let report = ProbeReport::seen(source, None, &attempt.look.seen(), interrupted);
    Ok(ProbeReport { formats, ..report })
}

/// What the device offers, as its driver says.
fn modes(path: &str) -> Result<Vec<DeviceMode>, MediaFault> {
    let element = open_device(path)?;
    let caps = element.static_pad("src").expect("a source should have a source pad").query_caps(None);
    // It is opened again for the look.
    let _ = element.set_state(gst::State::Null);
    Ok(caps.iter().filter_map(modes_of).collect())
}

/// The modes of one structure of the device's caps; a range is as good as its largest.
fn modes_of(structure: &gst::StructureRef) -> Option<DeviceMode> {
    let format = match structure.name().as_str() {
        "video/x-raw" => structure.get::<String>("format").ok()?,
        "image/jpeg" => "Motion JPEG".into(),
        "video/x-h264" => "H.264".into(),
        "video/x-h265" => "H.265".into(),
        other => other.rsplit('/').next().unwrap_or(other).into(),
    };
    let side = |name: &str| {
        let fixed = structure.get::<i32>(name).ok();
        let greatest = structure.get::<gst::IntRange<i32>>(name).ok().map(|range| range.max());
        fixed.or(greatest).and_then(|side| u32::try_from(side).ok())
    };
    Some(DeviceMode { format, width: side("width")?, height: side("height")?, framerates: framerates(structure) })
}

/// Fastest first.
fn framerates(structure: &gst::StructureRef) -> Vec<f64> {
    let fixed = structure.get::<gst::Fraction>("framerate").into_iter();
    let listed = structure.get::<gst::List>("framerate").into_iter();
    let listed = listed.flat_map(|list| list.iter().filter_map(|rate| rate.get().ok()).collect::<Vec<gst::Fraction>>());
    let fastest = structure.get::<gst::FractionRange>("framerate").into_iter().map(|range| range.max());
    let per_second = |rate: gst::Fraction| f64::from(rate.numer()) / f64::from(rate.denom());
    let mut rates: Vec<f64> = fixed.chain(listed).chain(fastest).map(per_second).collect();
    rates.sort_by(|one, other| other.total_cmp(one));
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_from_the_drivers_caps() {
        gst::init().unwrap();
        let caps: gst::Caps =
            "video/x-raw, format=YUY2, width=640, height=480, framerate={ (fraction)15/1, (fraction)30/1 }; \
            image/jpeg, width=1920, height=1080, framerate=30/1; \
            video/x-raw, format=NV12, width=[ 16, 4096 ], height=[ 16, 2160 ], framerate=[ 1/1, 60/1 ]; \
            video/x-raw, format=GRAY8"
                .parse()
                .unwrap();
        let modes: Vec<_> = caps.iter().filter_map(modes_of).collect();
        let mode = |format: &str, width, height, framerates: &[f64]| DeviceMode {
            format: format.into(),
            width,
            height,
            framerates: framerates.to_vec(),
        };
        let expected = [
            mode("YUY2", 640, 480, &[30.0, 15.0]),
            mode("Motion JPEG", 1920, 1080, &[30.0]),
            mode("NV12", 4096, 2160, &[60.0]),
        ];
        assert_eq!(modes, expected);
    }
}
