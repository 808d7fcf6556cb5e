//! Reads what a viewer's browser tells. Whoever watches can write anything there.

use super::ViewerReport;

impl ViewerReport {
    /// The longest report that is read, in bytes: ten times what one takes.
    pub const MAX_BYTES: usize = 4096;
    /// No time in a report is longer, in seconds: the pictures of a year may have waited so long together.
    const LONGEST: f64 = 1e9;
    /// No browser's clock says more, in seconds since the Unix epoch.
    const LATEST: f64 = 1e11;

    /// The report in this JSON, by the names of this type's fields; `None` where it is none.
    pub fn read(text: &str) -> Option<Self> {
        // A list would be taken for the fields in their order.
        if text.len() > Self::MAX_BYTES || !text.starts_with('{') {
            return None;
        }
        let report: Self = serde_json::from_str(text).ok()?;
        report.is_possible().then_some(report)
    }

    fn is_possible(&self) -> bool {
        let times = [self.total_freezes_duration, self.jitter_buffer_delay, self.total_decode_time];
        let are_times = times.into_iter().chain(self.picture_age).all(|time| (0.0..=Self::LONGEST).contains(&time));
        are_times && (0.0..=Self::LATEST).contains(&self.timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browsers_report_is_read_and_what_it_adds_is_left_out() {
        let text =
            r#"{"timestamp":1700000000.5,"frames_decoded":90,"jitter_buffer_delay":1.5,"picture_age":0.08,"x":[1]}"#;
        let report = ViewerReport::read(text).unwrap();
        assert_eq!((report.timestamp, report.frames_decoded, report.freeze_count), (1_700_000_000.5, 90, 0));
        assert_eq!((report.jitter_buffer_delay, report.picture_age), (1.5, Some(0.08)));
        let again = serde_json::to_string(&report).unwrap();
        assert_eq!(ViewerReport::read(&again), Some(report));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let long = format!("{{\"x\":\"{}\"}}", "x".repeat(ViewerReport::MAX_BYTES));
        let texts = ["", "[]", "7", "{", "{\"frames_decoded\":-1}", "{\"picture_age\":-0.1}", "{\"timestamp\":1e300}"];
        for text in texts.into_iter().chain([long.as_str()]) {
            assert_eq!(ViewerReport::read(text), None, "for {text:.40}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_a_browser_tells_is_possible_or_left_out() {
        crate::fuzz::texts(
            &[
                r#"{"timestamp":1700000000.5,"frames_decoded":90,"jitter_buffer_delay":1.5,"picture_age":0.08,"x":[1]}"#,
                r#"{"timestamp":1,"total_freezes_duration":0.5,"freeze_count":1,"total_decode_time":3,"frame_width":640}"#,
            ],
            |text| {
                let Some(report) = ViewerReport::read(text) else { return false };
                assert!(report.timestamp.is_finite() && report.total_decode_time >= 0.0, "{report:?}");
                assert!(report.picture_age.is_none_or(|age| age >= 0.0), "{report:?}");
                true
            },
        );
    }
}
