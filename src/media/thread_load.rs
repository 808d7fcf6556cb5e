//! What a pipeline's threads cost, read from the kernel.
//!
//! A thread that GStreamer starts for an `appsrc` is named after it, and threads inherit the
//! name of whoever starts them: so everything an encoder starts carries the name of the source
//! in front of it.

use std::{fs, time::Duration};

/// Clock ticks per second in `/proc`, which Linux has fixed for programs (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// Processor time that this process' threads with this name have used so far. Only the first
/// 15 bytes of a name count, as in the kernel.
pub(super) fn used_by(name: &str) -> Duration {
    let wanted = &name.as_bytes()[..name.len().min(15)];
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ticks = tasks.filter_map(|task| {
        let stat = fs::read(task.path().join("stat")).ok()?;
        ticks_of(&stat, wanted)
    });
    Duration::from_millis(ticks.sum::<u64>() * 1000 / TICKS_PER_SECOND)
}

/// The whole process' processor time so far.
pub fn used_by_process() -> Duration {
    let stat = fs::read("/proc/self/stat").unwrap_or_default();
    Duration::from_millis(times(&stat).unwrap_or_default() * 1000 / TICKS_PER_SECOND)
}

fn ticks_of(stat: &[u8], wanted: &[u8]) -> Option<u64> {
    let (open, close) = (stat.iter().position(|byte| *byte == b'(')?, stat.iter().rposition(|byte| *byte == b')')?);
    if stat.get(open + 1..close)? == wanted { times(stat) } else { None }
}

/// User and system time of a `stat` file (proc(5), fields 14 and 15), in ticks.
fn times(stat: &[u8]) -> Option<u64> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 2;
    let fields = std::str::from_utf8(stat.get(after_name..)?).ok()?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = b"7 (a) b (c)) S 1 1 1 0 -1 0 9 0 0 0 25 17 0 0 20 0 3 0 100";
        assert_eq!(ticks_of(stat, b"a) b (c)"), Some(42));
        assert_eq!(ticks_of(stat, b"a"), None);
        assert_eq!(times(b"7 (a) S"), None);
    }

    #[test]
    fn a_busy_thread_is_found_by_its_name() {
        let busy = std::thread::Builder::new().name("hlg-load-test".into());
        let (before, name) = (used_by_process(), "hlg-load-test");
        let thread = busy.spawn(move || {
            while used_by(name) < Duration::from_millis(20) {
                std::hint::black_box((0..10_000_u64).sum::<u64>());
            }
        });
        thread.unwrap().join().unwrap();
        assert!(used_by_process() >= before + Duration::from_millis(10));
        assert_eq!(used_by("no such thread"), Duration::ZERO);
    }
}
