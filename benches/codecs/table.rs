//! The figures as Markdown, to be read in a terminal and to be kept.

use std::time::Duration;

use crate::rig::{FRAMERATE, Figures};

/// A table that grows line by line, with ratios to its first line.
pub(crate) struct Table {
    /// What comes out of decoders has no bitrate to speak of, and no key frames.
    encoders: bool,
    first: Option<Duration>,
}

impl Table {
    /// Prints the head of the encoders' table.
    pub(crate) fn of_encoders() -> Self {
        Self::begin("encoder", true)
    }

    /// Prints the head of the decoders' table.
    pub(crate) fn of_decoders() -> Self {
        Self::begin("decoder", false)
    }

    fn begin(what: &str, encoders: bool) -> Self {
        let cores = format!("cores at {FRAMERATE} fps");
        let mut columns = vec!["ms per frame", "ratio", &cores, "p50 ms", "p99 ms", "held", "fps", "others' cores"];
        if encoders {
            columns.extend(["kbit/s", "key frame kB"]);
        }
        println!("\n| {what} | {} |", columns.join(" | "));
        println!("|---|{}", "--:|".repeat(columns.len()));
        Self { encoders, first: None }
    }

    /// Prints a line.
    pub(crate) fn line(&mut self, name: &str, figures: &Figures) {
        let first = *self.first.get_or_insert(figures.cost);
        let ratio = figures.cost.as_secs_f64() / first.as_secs_f64().max(f64::EPSILON);
        let cores = figures.cost.as_secs_f64() * f64::from(FRAMERATE);
        let (cost, half, most) = (ms(figures.cost), ms(figures.delay.0), ms(figures.delay.1));
        let Figures { held, framerate, bitrate, others, .. } = figures;
        print!(
            "| {name} | {cost:.1} | {ratio:.2} | {cores:.2} | {half:.1} | {most:.1} | {held} | {framerate:.1} | {others:.1} |"
        );
        if self.encoders {
            let keyframe = figures.keyframe.map_or("none".into(), |bytes| format!("{:.0}", bytes as f64 / 1000.0));
            print!(" {bitrate:.0} | {keyframe} |");
        }
        println!();
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
