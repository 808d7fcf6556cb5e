//! What the figures were measured on, and what else it was doing.

use std::{fs, thread, time::Duration};

/// The machine in a line: figures mean little without it.
pub(crate) fn description() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": ")).map_or("unknown processor", |(_, model)| model);
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{model}, {cores} cores, {}", gst::version_string())
}

/// How many programs wanted to run in the last 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Processor time that all programs together have used since the machine started.
pub(crate) fn busy_time() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks: Vec<u64> =
        stat.lines().next().unwrap_or_default().split_whitespace().skip(1).flat_map(str::parse).collect();
    // user, nice, system; then idle and iowait; irq, softirq (proc(5)). 100 ticks a second.
    let busy: u64 = [0, 1, 2, 5, 6].iter().filter_map(|column| ticks.get(*column)).sum();
    Duration::from_millis(busy * 10)
}
