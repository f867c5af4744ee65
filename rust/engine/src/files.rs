//! Local files below a root directory: ranged and vectored reads, atomic writes.
//!
//! All that depends on the operating system is behind the seam in `system.rs`: `unix.rs` and
//! `windows.rs` are the two sides of it.

use std::ffi::OsString;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::cancel::Context;
use crate::error::{Error, Kind, Result};
use crate::object::{Object, Part, Sink, Source};
use crate::scratch::Scratch;
use crate::trace::{self, Phase};

mod claim;
mod moves;
mod open;
mod parts;
mod system;
mod turns;

pub use claim::Version;
pub use open::OpenFile;
use parts::{close, write_all, write_parts};
use system::{File, FileKind, Opened, Root, Stat, System, is_a_directory};
pub use system::{Handle, errno};
pub use turns::LockFile;

/// The names of temporary files begin with it: listings skip them.
pub const TEMP_PREFIX: &str = ".zarr-partial-";

/// How often a write begins anew because its directory vanished or its temporary name was taken.
const ATTEMPTS: usize = 16;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// The files below one directory, by key.
///
/// ```
/// use zarr_engine::files::Files;
///
/// # let directory = std::env::temp_dir().join(format!("zarr-engine-{}-files", std::process::id()));
/// let files = Files::new(&directory, false)?;
/// files.write("a/zarr.json", b"{}")?;
/// assert!(!files.write_exclusive("a/zarr.json", b"[]")?);
/// assert_eq!(files.get("a/zarr.json", 0, None)?, Some(b"{}".to_vec()));
/// files.delete("a/zarr.json")?;
/// assert_eq!(files.get("a/zarr.json", 0, None)?, None);
/// # std::fs::remove_dir_all(directory).unwrap();
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub struct Files {
    root: System,
    fsync: bool,
    /// A directory that is never made: nothing is written below it once it is gone.
    own: Option<String>,
    /// Tells the temporary files of this process from those of a process on another machine.
    random: u64,
    /// Whether files cannot be locked, as was seen.
    unlocked: Arc<AtomicBool>,
}

impl Files {
    /// The files below `root`, which need not exist. With `fsync`, a write returns when it is safe
    /// from a power cut; it costs a hundred times a write without.
    pub fn new(root: impl AsRef<Path>, fsync: bool) -> Result<Self> {
        let root = root.as_ref();
        let found = System::new(root).map_err(|error| Error::io("find", &root.to_string_lossy(), &error))?;
        let random = RandomState::new().hash_one(());
        Ok(Self { root: found, fsync, own: None, random, unlocked: Arc::default() })
    }

    /// The same files, for one operation on many of them: the path to the root directory is walked
    /// once, which spares a tenth of the time of a small file, more where the root is deep.
    ///
    /// Do not keep it: if the directory is replaced meanwhile, this sees the old one.
    pub fn hold(&self) -> Self {
        self.with(self.root.hold())
    }

    /// The same files, for writing to what is in `directory`: that one is there, so if it is missing,
    /// somebody has deleted it. Directories below it are made, it is not.
    pub fn within(&self, directory: &str) -> Self {
        Self { own: Some(directory.to_owned()), ..self.unheld() }
    }

    /// The same files, with nothing held open.
    fn unheld(&self) -> Self {
        self.with(self.root.unheld())
    }

    fn with(&self, root: System) -> Self {
        let (own, unlocked) = (self.own.clone(), Arc::clone(&self.unlocked));
        Self { root, fsync: self.fsync, own, random: self.random, unlocked }
    }

    /// Opens the value of `key`; `None` if there is none.
    pub fn open(&self, key: &str) -> Result<Option<OpenFile>> {
        check_key(key)?;
        self.open_as(key, false)
    }

    fn open_as(&self, key: &str, writable: bool) -> Result<Option<OpenFile>> {
        match self.root.open(key, writable).map_err(|error| Error::io("open", key, &error))? {
            Opened::File(file, stat) => {
                check_kind(key, &stat)?;
                Ok(Some(OpenFile::new(file, &stat)))
            }
            Opened::Missing => Ok(None),
            Opened::Else(found) => Err(no_file(key, found)),
        }
    }

    /// Replaces `buf` by the value of `key`; `false` if there is none. A value longer than `limit`
    /// is an error, before any memory is taken for it.
    pub fn read_all(&self, key: &str, limit: Option<usize>, buf: &mut Vec<u8>) -> Result<bool> {
        buf.clear();
        let Some(file) = self.open(key)? else { return Ok(false) };
        file.read_all(limit, buf).map_err(|error| error.with_key(key))?;
        Ok(true)
    }

    /// The bytes of `key` from `start` to `stop`, cut at its ends as a slice in Python: a negative
    /// `start` counts from the end. `None` if there is no such key.
    pub fn get(&self, key: &str, start: i64, stop: Option<u64>) -> Result<Option<Vec<u8>>> {
        Ok(self.get_versioned(key, start, stop)?.map(|(bytes, _)| bytes))
    }

    /// The same, and the version of the value.
    pub fn get_versioned(&self, key: &str, start: i64, stop: Option<u64>) -> Result<Option<(Vec<u8>, Version)>> {
        let Some(file) = self.open(key)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = if start == 0 && stop.is_none() {
            file.read_all(None, &mut bytes)
        } else {
            let size = file.size();
            let from = u64::try_from(start).unwrap_or_else(|_| size.saturating_sub(start.unsigned_abs())).min(size);
            let to = stop.unwrap_or(size).min(size);
            file.append_at(from, to.saturating_sub(from), &mut bytes)
        };
        read.map_err(|error| error.with_key(key))?;
        Ok(Some((bytes, file.version())))
    }

    /// Makes `bytes` the value of `key`. Readers see the old or the new value, never a mixture; so
    /// does whoever comes after the process was killed.
    pub fn write(&self, key: &str, bytes: &[u8]) -> Result<()> {
        self.create(key, false, |file| write_all(file, bytes)).map(|_| ())
    }

    /// The same, unless `key` has a value: then `false`, and nothing is changed.
    pub fn write_exclusive(&self, key: &str, bytes: &[u8]) -> Result<bool> {
        check_key(key)?;
        Ok(!self.exists(key)? && self.create(key, true, |file| write_all(file, bytes))?)
    }

    /// Removes the value of `key`, if it has one.
    pub fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        match self.root.remove(key) {
            Ok(()) => self.sync_directory_of(key),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(Error::io("delete", key, &error)),
        }
    }

    /// The names in a directory, as the system lists them; `None` if there is no such directory.
    pub fn names(&self, directory: &str) -> Result<Option<Vec<OsString>>> {
        if !directory.is_empty() {
            check_key(directory)?;
        }
        let listed = std::fs::read_dir(self.root.path(directory))
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.file_name())).collect());
        match listed {
            Ok(names) => Ok(Some(names)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(Error::io("list", directory, &error)),
        }
    }

    /// Writes a temporary file by `fill` and moves it to `key`.
    fn create(&self, key: &str, exclusive: bool, fill: impl FnOnce(&Handle) -> Result<()>) -> Result<bool> {
        check_key(key)?;
        let now;
        let (file, temp) = match self.open_temp(key) {
            Err(error) if self.root.is_held() && error.kind() == Kind::Io(Some(system::NOT_FOUND)) => {
                // The directory that is held was removed: the path may lead to another one by now.
                now = self.unheld();
                now.open_temp(key)?
            }
            opened => opened?,
        };
        fill(&file).map_err(|error| error.with_key(key))?;
        let finish = || {
            file.date()?;
            if self.fsync {
                file.sync()?;
            }
            // Network file systems send the last bytes now, and say only now whether they have room
            // for them: before others see the file.
            close(file)
        };
        finish().map_err(|error| Error::io("write", key, &error))?;
        if !temp.commit(key, exclusive)? {
            return Ok(false);
        }
        self.sync_directory_of(key)?;
        Ok(true)
    }

    /// A new file in the directory of `key`, which is made if it is not there.
    fn open_temp(&self, key: &str) -> Result<(Handle, Temp<'_>)> {
        let directory = directory_of(key);
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for _ in 0..ATTEMPTS {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{directory}{TEMP_PREFIX}{:x}-{count:x}-{:016x}", std::process::id(), self.random);
            match self.root.create(&name) {
                Ok(file) => return Ok((file, Temp { files: self, name, live: true })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    last = error;
                    self.check_own(key)?;
                    self.make_directory(directory).map_err(|error| Error::io("make the directory of", key, &error))?;
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::Interrupted) => {
                    last = error;
                }
                Err(error) => return Err(Error::io("write", key, &error)),
            }
        }
        Err(Error::io("write", key, &last))
    }

    /// Fails if the directory is gone that is never made. Looked at only where a directory is missing.
    fn check_own(&self, key: &str) -> Result<()> {
        let Some(own) = &self.own else { return Ok(()) };
        match std::fs::metadata(self.root.path(own)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::new(Kind::Gone, "the array was deleted after it was opened: open or create it anew")
                    .with_key(key))
            }
            _ => Ok(()),
        }
    }

    /// Makes a directory and those above it. Others may do the same at the same time.
    fn make_directory(&self, directory: &str) -> io::Result<()> {
        let path = self.root.path(directory);
        std::fs::create_dir_all(&path)?;
        if self.fsync {
            // We do not know which of them are new.
            for above in path.ancestors().skip(1) {
                match System::sync_directory(above) {
                    Ok(()) => {}
                    // Beyond what is ours.
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn sync_directory_of(&self, key: &str) -> Result<()> {
        if self.fsync {
            let directory = self.root.path(directory_of(key));
            System::sync_directory(&directory).map_err(|error| Error::io("write", key, &error))?;
        }
        Ok(())
    }

    /// Whether `key` has a value. Something else than a file in its place is an error.
    fn exists(&self, key: &str) -> Result<bool> {
        match self.root.stat(key, true) {
            Ok(stat) => check_kind(key, &stat).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("open", key, &error)),
        }
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("root", &self.root).field("fsync", &self.fsync).finish_non_exhaustive()
    }
}

impl Source for Files {
    fn open(&self, key: &str) -> Result<Option<Arc<dyn Object>>> {
        let file = trace::timed(Phase::Open, 0, || Files::open(self, key))?;
        Ok(file.map(|file| Arc::new(file) as Arc<dyn Object>))
    }
}

impl Sink for Files {
    fn claim(&self, key: &str, context: Option<&Context<'_>>) -> Result<Option<Arc<dyn Object>>> {
        let file = trace::timed(Phase::Open, 0, || Files::claim(self, key, context))?;
        Ok(file.map(|file| Arc::new(file) as Arc<dyn Object>))
    }

    fn put(&self, key: &str, parts: Vec<Part>, old: Option<&Arc<dyn Object>>, guarded: bool) -> Result<bool> {
        let bytes = || parts.iter().map(Part::size).sum();
        let create = || self.create(key, guarded && old.is_none(), |file| write_parts(file, &parts, old));
        let written = trace::timed_of(Phase::Store, |_| bytes(), create);
        for part in parts {
            if let Part::New(bytes) = part {
                Scratch::give(bytes);
            }
        }
        written
    }

    fn delete(&self, key: &str, _guarded: bool) -> Result<()> {
        Files::delete(self, key)
    }
}

/// A temporary file, removed when dropped before it is committed.
struct Temp<'a> {
    files: &'a Files,
    name: String,
    live: bool,
}

impl Temp<'_> {
    /// Moves the file to `key`; `false` if that exists and must not be replaced.
    fn commit(mut self, key: &str, exclusive: bool) -> Result<bool> {
        let root = &self.files.root;
        let moved =
            if exclusive { root.move_new(&self.name, key).map(|()| true) } else { root.replace(&self.name, key) };
        match moved {
            Ok(whole) => {
                self.live = false;
                if !whole {
                    // Others may have taken the value for absent.
                    self.files.unlocked.store(true, Ordering::Relaxed);
                }
                Ok(true)
            }
            Err(error) if exclusive && error.kind() == io::ErrorKind::AlreadyExists => {
                self.files.exists(key).map(|_| false)
            }
            Err(error) => Err(Error::io("write", key, &error)),
        }
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if self.live {
            // The write has failed, and its error is told; listings skip the file.
            let _ = self.files.root.remove(&self.name);
        }
    }
}

/// Fails unless `key` names a place below the root, in one way only.
pub fn check_key(key: &str) -> Result<()> {
    if key.split('/').any(|part| matches!(part, "" | "." | "..")) || key.contains('\0') {
        return Err(Error::config("a key is relative, has no empty part, no '.', no '..' and no NUL").with_key(key));
    }
    match key.split('/').find_map(System::refused) {
        Some(why) => {
            Err(Error::config(format!("this system cannot have it as the name of a file: {why}")).with_key(key))
        }
        None => Ok(()),
    }
}

/// The part of `key` up to its last `/`, which is included.
fn directory_of(key: &str) -> &str {
    key.rfind('/').map_or("", |slash| &key[..=slash])
}

/// Fails unless a file was found at the place of `key`.
fn check_kind(key: &str, found: &Stat) -> Result<()> {
    match found.kind {
        FileKind::File => Ok(()),
        FileKind::Directory => Err(Error::io("open", key, &is_a_directory())),
        FileKind::Pipe => Err(no_file(key, "a pipe")),
        FileKind::Link => Err(no_file(key, "a symbolic link")),
        FileKind::Other => Err(no_file(key, "a socket or a device")),
    }
}

fn no_file(key: &str, found: &str) -> Error {
    // A number, so that nobody takes it for an error that may pass.
    let kind = Kind::Io(Some(system::INVALID));
    Error::new(kind, format!("cannot open: {found} stands in the place of the file")).with_key(key)
}

/// Whether there is nothing at a place, or no directory above it.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::path::PathBuf;

    use super::*;

    /// No space, a broken disk, an interruption; over the quota.
    const REFUSALS: [i32; 4] = [28, 5, 4, 122];

    thread_local! {
        /// The answer of the system when this thread closes a file that it has written.
        pub(super) static REFUSED: Cell<Option<i32>> = const { Cell::new(None) };
    }

    /// A directory that is removed in the end.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("zarr-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn what_the_system_says_when_a_file_is_closed_leaves_the_old_value() {
        let root = Directory::new("close");
        for fsync in [false, true] {
            let files = Files::new(&root.0, fsync).unwrap();
            files.write("a/k", b"old").unwrap();
            let old: Arc<dyn Object> = Arc::new(b"old".to_vec());
            let version = files.open("a/k").unwrap().unwrap().version();
            let never = crate::cancel::Cancel::new();
            let context = Context::new(&never);
            let writes: [&dyn Fn() -> Result<bool>; 4] = [
                &|| files.write("a/k", b"new").map(|()| true),
                &|| files.write_exclusive("a/fresh", b"new"),
                &|| files.put("a/k", vec![Part::New(b"new".to_vec())], Some(&old), true),
                &|| files.exchange("a/k", Some(b"new"), Some(version), &context),
            ];
            for write in writes {
                for number in REFUSALS {
                    REFUSED.set(Some(number));
                    let error = write().unwrap_err();
                    assert_eq!(REFUSED.take(), None);
                    assert_eq!(error.kind(), Kind::Io(errno(&io::Error::from_raw_os_error(number))), "{error}");
                    assert!(error.to_string().contains("[key \"a/"), "{error}");
                    assert_eq!(files.get("a/k", 0, None).unwrap().unwrap(), b"old");
                    assert_eq!(std::fs::read_dir(root.0.join("a")).unwrap().count(), 1, "nothing temporary");
                }
            }
            files.write("a/k", b"new").unwrap();
            assert_eq!(files.get("a/k", 0, None).unwrap().unwrap(), b"new");
        }
    }
}
