//! What a process costs, as the kernel counts it (proc(5)).

use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

/// Processor time of all threads so far, those that ended included. 100 ticks a second.
pub(crate) fn used(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name.split(' ').skip(11).take(2).flat_map(str::parse::<u64>).sum();
    Duration::from_millis(ticks * 10)
}

/// Cores that each of these processes keeps busy during this time.
pub(crate) fn cores<const N: usize>(ids: [u32; N], length: Duration) -> [f64; N] {
    let (start, before) = (Instant::now(), ids.map(used));
    thread::sleep(length);
    let (after, length) = (ids.map(used), start.elapsed());
    std::array::from_fn(|at| after[at].saturating_sub(before[at]).as_secs_f64() / length.as_secs_f64())
}

/// Resident memory in MB of 10⁶ bytes.
pub(crate) fn resident(id: u32) -> f64 {
    status(id, "VmRSS:") * 1024.0 / 1e6
}

/// The part of it that no other program could share, in MB: what was allocated.
pub(crate) fn allocated(id: u32) -> f64 {
    status(id, "RssAnon:") * 1024.0 / 1e6
}

/// How many threads there are.
pub(crate) fn threads(id: u32) -> usize {
    status(id, "Threads:") as usize
}

/// How many files, sockets and the like are open.
pub(crate) fn files(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count)
}

/// Processor time of the threads that live, in seconds, by name.
pub(crate) fn by_thread(id: u32) -> BTreeMap<String, f64> {
    let mut times = BTreeMap::new();
    for task in fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten() {
        let read = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let nanoseconds = read("schedstat").split(' ').next().and_then(|time| time.parse::<f64>().ok());
        *times.entry(read("comm").trim_end().to_owned()).or_default() += nanoseconds.unwrap_or_default() / 1e9;
    }
    times
}

fn status(id: u32, key: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix(key));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
