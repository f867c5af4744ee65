//! The seam between stored files and the operating system: all that differs from one to another.
//!
//! A system has a [`Root`], which knows files by key, and a [`File`], which is open. `unix.rs` and
//! `windows.rs` each have one of both; nothing else in the engine names a function of a system.

use std::io::{self, IoSlice, IoSliceMut};
use std::path::{Path, PathBuf};

use super::Version;

#[cfg(unix)]
#[path = "unix.rs"]
mod here;
#[cfg(windows)]
#[path = "windows.rs"]
mod here;

pub use here::{Handle, errno};
pub(super) use here::{System, is_a_directory};

/// `ENOENT`, `EINVAL`: the same numbers on every system.
pub(super) const NOT_FOUND: i32 = 2;
pub(super) const INVALID: i32 = 22;

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A file of bytes.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    #[cfg_attr(windows, allow(dead_code))] // Windows has its pipes elsewhere
    Pipe,
    /// A socket or a device.
    Other,
}

/// The system's answer about a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stat {
    /// The kind of the file.
    pub kind: FileKind,
    /// The mark of its bytes.
    pub version: Version,
    /// When the file or its entry was last changed, in nanoseconds since 1970: no program sets this date.
    pub changed: i64,
}

/// The answer when a file is opened.
pub(super) enum Opened<F> {
    /// It is open.
    File(F, Stat),
    /// There is none.
    Missing,
    /// There is something else, which was not opened.
    Else(&'static str),
}

/// The answer when a file is to be locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locked {
    /// It is locked until it is unlocked.
    Yes,
    /// Somebody else has locked it.
    Busy,
    /// It has to be open for writing.
    Unwritable,
    /// The file system knows no locks.
    Unknown,
}

/// Files below one directory, by key.
pub(super) trait Root: Sized {
    /// An open file.
    type File: File;

    /// The files below `path`, which need not exist.
    fn new(path: &Path) -> io::Result<Self>;

    /// The same, with the directory held open; if that fails, as by [`unheld`](Self::unheld).
    fn hold(&self) -> Self;

    /// The same, with nothing held open.
    fn unheld(&self) -> Self;

    /// Whether the directory is held open.
    fn is_held(&self) -> bool;

    /// Where the file of `key` is.
    fn path(&self, key: &str) -> PathBuf;

    /// Opens a file for reading, and for writing as well if it is to be `writable`. Never waits for
    /// somebody to write to a pipe.
    fn open(&self, key: &str, writable: bool) -> io::Result<Opened<Self::File>>;

    /// Makes a file and opens it for writing. [`io::ErrorKind::AlreadyExists`] if there is something.
    fn create(&self, key: &str) -> io::Result<Self::File>;

    /// Describes the file of `key`; one that a link leads to if links are to be followed.
    fn stat(&self, key: &str, follow: bool) -> io::Result<Stat>;

    /// Moves a file to the place of another: whoever has the other one open keeps it. Says whether it
    /// was one step; if not, nothing was there for a moment.
    fn replace(&self, from: &str, to: &str) -> io::Result<bool>;

    /// Moves a file in one step. [`io::ErrorKind::AlreadyExists`] if there is something.
    fn move_new(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. [`io::ErrorKind::IsADirectory`] if it is a directory.
    fn remove(&self, key: &str) -> io::Result<()>;

    /// Renames a directory in one step; `false` if something is in the new place, or this system or this
    /// file system cannot do it.
    fn move_directory(from: &Path, to: &Path) -> io::Result<bool>;

    /// Lets two directories change places in one step; `false` if this system or this file system cannot
    /// do it.
    fn swap_directories(one: &Path, other: &Path) -> io::Result<bool>;

    /// Makes the entries of a directory safe from a power cut, where the system has that.
    fn sync_directory(path: &Path) -> io::Result<()>;

    /// Why this system cannot have a part of a key as the name of a file; `None` if it can.
    fn refused(part: &str) -> Option<&'static str>;
}

/// An open file. Its bytes stay readable, and the same, whatever takes its place.
pub(super) trait File: Sized + Send + Sync {
    /// Describes it as it is now.
    fn stat(&self) -> io::Result<Stat>;

    /// Reads some bytes from `offset` on; 0 at its end.
    fn read_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<usize>;

    /// Appends some bytes from `offset` on to `buf`, which keeps its place in memory; 0 at its end.
    fn append_at(&self, offset: u64, buf: &mut Vec<u8>) -> io::Result<usize>;

    /// Reads some bytes from `offset` on into one buffer after the other.
    fn read_vectored_at(&self, offset: u64, dst: &mut [IoSliceMut<'_>]) -> io::Result<usize>;

    /// Writes some bytes where the last ones ended.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Writes some bytes of one buffer after the other.
    fn write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Lets the next bytes be written at `offset`.
    fn seek(&self, offset: u64) -> io::Result<()>;

    /// Cuts it.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Dates it by the clock. The system's own date is that of its last tick, milliseconds ago: two
    /// values written in a row could not be told apart by it, since numbers of files are given anew.
    /// A file system that keeps no such dates, or keeps them to itself, is no error.
    fn date(&self) -> io::Result<()>;

    /// Makes its bytes safe from a power cut.
    fn sync(&self) -> io::Result<()>;

    /// Closes it, and tells the system's answer: that the last bytes found no room, for one.
    fn close(self) -> io::Result<()>;

    /// Locks it for this handle alone, without waiting. Others may read it.
    fn lock(&self) -> io::Result<Locked>;

    /// Unlocks it.
    fn unlock(&self);

    /// Whether it lies in a file system of a kind that lets files share blocks. One that turns out not
    /// to do it copies them.
    fn shares_blocks(&self) -> bool;

    /// Lets this empty file share all blocks of another.
    fn share(&self, other: &Self) -> io::Result<()>;

    /// Lets the system copy `len` bytes of another file from `offset` on; says how many it did copy. Why
    /// it did not copy the rest shows when that is read and written.
    fn copy(&self, other: &Self, offset: u64, len: u64) -> u64;
}

/// Whether a file that was found at a place of `key` has it in other capital and small letters. Most
/// file systems of Windows and macOS take such names for the same. A path that differs in more leads
/// over a link, and is right.
#[cfg_attr(not(any(windows, target_vendor = "apple")), allow(dead_code))] // names have a case elsewhere
pub(super) fn spelled_otherwise(found: &Path, key: &str) -> bool {
    let mut found = found.components().rev();
    for part in key.rsplit('/').filter(|part| !part.is_empty()) {
        let Some(name) = found.next().and_then(|name| name.as_os_str().to_str()) else { return false };
        if name != part && name.to_lowercase() == part.to_lowercase() {
            return true;
        }
        if name != part {
            return false;
        }
    }
    false
}

/// Why Windows, or programs on it, cannot have a name; `None` if they can.
#[cfg_attr(not(windows), allow(dead_code))] // tested everywhere
pub(super) fn refused_by_windows(part: &str) -> Option<&'static str> {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    if part.chars().any(|c| c < ' ' || "<>:\"|?*\\".contains(c)) {
        return Some("control characters and < > : \" | ? * \\ mean other things to it");
    }
    if part.ends_with(['.', ' ']) {
        return Some("it drops dots and spaces at the end of a name");
    }
    if part.encode_utf16().count() > 255 {
        return Some("names have at most 255 characters");
    }
    let stem = part.split('.').next().unwrap_or(part).trim_end_matches(' ').to_uppercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device)
            .is_some_and(|rest| rest.chars().count() == 1 && rest.contains(|c| "123456789¹²³".contains(c)))
    };
    if DEVICES.contains(&stem.as_str()) || numbered("COM") || numbered("LPT") {
        return Some("it is the name of a device");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_cannot_have_are_known() {
        for name in [
            "CON",
            "nul",
            "aux.txt",
            "Com1",
            "LPT9.json",
            "com\u{b9}",
            "a.",
            "a ",
            "a:b",
            "a\\b",
            "what?",
            "a\tb",
            "nul .x",
        ] {
            assert!(refused_by_windows(name).is_some(), "{name:?}");
        }
        for name in ["c", "0.0", ".zarray", "zarr.json", "CONS", "COM", "COM10", "COM0", "a b", "ü", "nullable", "lpt"]
        {
            assert_eq!(refused_by_windows(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_name_in_other_letters_is_another_name() {
        for (found, key, otherwise) in [
            ("/root/a/zarr.json", "a/zarr.json", false),
            ("/root/A/zarr.json", "a/zarr.json", true),
            ("/root/a/Zarr.json", "a/zarr.json", true),
            ("/root/Ü/k", "ü/k", true),
            ("/elsewhere/k", "a/k", false),
            ("/Elsewhere/B/k", "a/b/k", true),
            ("/ROOT/a/k", "a/k", false),
            ("/k", "a/k", false),
        ] {
            assert_eq!(spelled_otherwise(Path::new(found), key), otherwise, "{found} {key}");
        }
    }
}
