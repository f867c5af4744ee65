//! Directories for tests of files.

#![allow(dead_code)] // each test uses a part

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use zarr_engine::error::{Error, Kind};
use zarr_engine::files::{Files, TEMP_PREFIX};

/// A directory that is removed in the end.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("zarr-files-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn files(&self) -> Files {
        Files::new(self.0.join("root"), false).unwrap()
    }

    /// Opened before and after the root is there, held and not, with fsync and without.
    pub fn kinds(&self) -> Vec<Files> {
        let plain = self.files();
        plain.write("made", b"").unwrap();
        let synced = Files::new(self.0.join("root/"), true).unwrap();
        vec![plain.hold(), synced.hold(), plain, synced]
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// The files below `path` whose names are those of temporary ones.
pub fn leftovers(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let (directories, files): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.file_type().unwrap().is_dir());
    let temp = files.iter().filter(|file| file.file_name().to_string_lossy().starts_with(TEMP_PREFIX));
    let below = directories.iter().flat_map(|directory| leftovers(&directory.path()));
    temp.map(|file| file.path()).chain(below).collect()
}

/// The number of an error of the system.
pub fn errno(error: &Error) -> Option<i32> {
    match error.kind() {
        Kind::Io(errno) => errno,
        kind => unreachable!("{kind:?}: {error}"),
    }
}

/// Whether a file can be renamed over one that is open. Wine cannot, and says so by no means: tools/cross
/// sets the variable.
pub fn replaces_in_one_step() -> bool {
    std::env::var_os("ZARR_TEST_UNDER_WINE").is_none()
}
