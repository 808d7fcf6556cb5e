//! Who holds a file or a port, as far as `/proc` lets us see.
//!
//! A process of another user hides its files from everybody but root, so an empty
//! answer means that nobody was seen, not that nobody is there.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// A process that has something open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its name, at most 15 bytes as the kernel keeps it.
    pub name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.pid)
    }
}

/// The processes that have this file open, this one left out.
pub fn holders_of_file(path: &Path) -> Vec<Holder> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    holders(Path::new("/proc"), |open| open == path)
}

/// The processes that have the socket with this number open, this one included.
pub fn holders_of_socket(inode: u64) -> Vec<Holder> {
    let target = PathBuf::from(format!("socket:[{inode}]"));
    let mut found = holders(Path::new("/proc"), |open| open == target);
    found.extend(holder_if(Path::new("/proc/self"), std::process::id(), &|open| open == target));
    found
}

/// The processes below `proc`, this one left out, of whose open files `wanted` knows one.
pub fn holders(proc: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<Holder> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .filter(|(pid, _)| *pid != std::process::id())
        .filter_map(|(pid, folder)| holder_if(&folder, pid, &wanted))
        .collect();
    found.sort_by_key(|holder| holder.pid);
    found
}

fn holder_if(folder: &Path, pid: u32, wanted: &impl Fn(&Path) -> bool) -> Option<Holder> {
    let open = fs::read_dir(folder.join("fd")).ok()?;
    let holds = open.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| wanted(&target)));
    let name = || fs::read_to_string(folder.join("comm")).map_or_else(|_| "?".into(), |name| name.trim().to_owned());
    holds.then(|| Holder { pid, name: name() })
}

/// Names in a row, such as “cheese (412), ffmpeg (500)”.
pub fn names(holders: &[Holder]) -> String {
    holders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_process_is_named_by_what_it_has_open() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, name, open) in [("4000412", "cheese", "/dev/video0"), ("4000500", "ffmpeg", "/dev/video2")] {
            let folder = proc.path().join(pid);
            fs::create_dir_all(folder.join("fd")).unwrap();
            fs::write(folder.join("comm"), format!("{name}\n")).unwrap();
            symlink("/dev/null", folder.join("fd/0")).unwrap();
            symlink(open, folder.join("fd/3")).unwrap();
        }
        fs::create_dir(proc.path().join("sys")).unwrap();
        let found = holders(proc.path(), |open| open == Path::new("/dev/video0"));
        assert_eq!(names(&found), "cheese (4000412)");
        assert!(holders(proc.path(), |open| open == Path::new("/dev/video1")).is_empty());
    }

    #[test]
    fn our_own_socket_is_ours() {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sockets = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let mut targets =
            sockets.filter_map(|entry| fs::read_link(entry.path()).ok()).map(|path| path.display().to_string());
        let inode = targets.find_map(|target| target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        let found = holders_of_socket(inode.unwrap());
        assert!(found.iter().any(|holder| holder.pid == std::process::id()), "{found:?}");
    }
}
