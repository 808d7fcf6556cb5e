//! Viewers come and go, and the program stays as it was.

use std::{fs, net::SocketAddr, time::Duration};

use crate::support::{camera::Camera, free_port, peer::Peer, program::Program, wait_for};

/// How often somebody comes and goes.
const CYCLES: usize = 60;
/// Threads and files are counted against those after this cycle: until then pools and caches fill.
const FILLED: usize = 10;
/// Memory is weighed against that after this cycle: allocators take longer to fill.
const SETTLED: usize = 20;
/// How many threads or files more or less are as before.
const FLAT: i64 = 3;
/// What memory may grow by from there to the end, in kB. A session that stays, with its webrtcbin,
/// is more than 1 MB, and so 40 MB if each did; the allocator's places for threads are a few.
const GROWTH_KB: i64 = 12_000;
/// How soon a viewer must have a frame, on a busy machine.
const FIRST_FRAME: Duration = Duration::from_secs(5);
/// How long a session may take to be gone once its viewer is.
const GONE: Duration = Duration::from_secs(10);

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Holds {
    threads: i64,
    files: i64,
    memory_kb: i64,
}

impl Holds {
    fn of(id: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let files = fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
        Self { threads: number("Threads:"), files: files.try_into().unwrap(), memory_kb: number("VmRSS:") }
    }

    fn is_flat_against(self, before: Self) -> bool {
        (self.threads - before.threads).abs() <= FLAT && (self.files - before.files).abs() <= FLAT
    }
}

#[test]
fn sixty_viewers_come_and_go_and_leave_nothing_behind() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    heliograph::media::init().unwrap();
    let camera = Camera::gstreamer(free_port(), "640x360");
    let program = Program::serve(&["--feed", &format!("Bow={}", camera.url())]);
    program.wait_state("bow", "live", Duration::from_secs(20));
    let listen = SocketAddr::from(([127, 0, 0, 1], program.port));

    let (mut filled, mut settled) = (None, None);
    for cycle in 1..=CYCLES {
        let peer = Peer::watch_at(listen, "bow");
        peer.wait_frames(1, FIRST_FRAME);
        drop(peer);
        match cycle {
            FILLED => filled = Some(at_rest(program.id())),
            SETTLED => settled = Some(at_rest(program.id())),
            _ => {}
        }
    }
    let (filled, settled) = (filled.unwrap(), settled.unwrap());
    let mut last = Holds::of(program.id());
    // Sessions end in a while of their own; those that do not are what is looked for.
    let gone = wait_until(GONE, || {
        last = Holds::of(program.id());
        last.is_flat_against(filled)
    });
    println!("after {FILLED}: {filled:?}, after {SETTLED}: {settled:?}, at the end: {last:?}");
    assert!(gone, "after {FILLED} viewers {filled:?}, after {CYCLES} {last:?}");
    let growth = last.memory_kb - settled.memory_kb;
    assert!(growth <= GROWTH_KB, "{growth} kB more after {CYCLES} viewers than after {SETTLED}");
}

/// What the process holds once that has stayed the same for a second: nobody is leaving any more.
fn at_rest(id: u32) -> Holds {
    let mut seen = vec![Holds::of(id)];
    wait_for("the sessions' end", GONE, || {
        std::thread::sleep(Duration::from_millis(200));
        let now = Holds::of(id);
        seen.push(now);
        let lately = seen.iter().rev().take(6);
        let same = lately.filter(|then| then.threads == now.threads && then.files == now.files).count();
        (same == 6).then_some(now)
    })
}

fn wait_until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = std::time::Instant::now() + limit;
    while !is_so() {
        if std::time::Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    true
}
