//! Replacing a file as a whole: a reader, or a power cut, finds the old one or the new one.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Symbolic links are followed this far, as the kernel does (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// Puts `content` in the place of the file at `path`, readable by its owner only.
/// Missing folders are made; a symbolic link stays, and what it points to is replaced.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = follow_links(path)?;
    refuse_protected(&target)?;
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // The XDG specification wants 0700 for folders that a program makes.
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;

    let mut file = tempfile::Builder::new()
        .prefix(".heliograph-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    // The new name is on the disk once the folder is. Where a file system cannot promise that,
    // the file has been replaced all the same, so it is no failure.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// The file at the end of the links, whether it exists or not.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(next) = fs::read_link(&path) else {
            return Ok(path);
        };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    Err(io::Error::other("there are too many symbolic links"))
}

/// A rename would not mind that the operator took the right to write away.
fn refuse_protected(target: &Path) -> io::Result<()> {
    match fs::metadata(target) {
        Ok(metadata) if metadata.permissions().readonly() => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is write-protected"))
        }
        _ => Ok(()),
    }
}
