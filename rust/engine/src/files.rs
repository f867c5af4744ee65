//! Local files below a root directory: ranged and vectored reads, atomic writes.
//!
//! All that depends on the operating system is in here and in the modules below.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps};
use rustix::io::{Errno, retry_on_intr};

use crate::cancel::Context;
use crate::error::{Error, Kind, Result};
use crate::object::{Object, Part, Sink, Source};
use crate::scratch::Scratch;
use crate::trace::{self, Phase};

mod claim;
mod open;
mod parts;

pub use claim::Version;
pub use open::OpenFile;
use parts::{close, write_all, write_parts};

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
    /// Absolute, ends with `/`.
    root: OsString,
    /// The root directory, held open for one operation.
    held: Option<OwnedFd>,
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
        let absolute = std::path::absolute(root).map_err(|error| Error::io("find", &root.to_string_lossy(), &error))?;
        let mut root = absolute.into_os_string();
        if !root.as_bytes().ends_with(b"/") {
            root.push("/");
        }
        let random = RandomState::new().hash_one(());
        Ok(Self { root, held: None, fsync, own: None, random, unlocked: Arc::default() })
    }

    /// The same files, for one operation on many of them: the path to the root directory is walked
    /// once, which spares a tenth of the time of a small file, more where the root is deep.
    ///
    /// Do not keep it: if the directory is replaced meanwhile, this sees the old one.
    pub fn hold(&self) -> Self {
        let held = rustix::fs::open(&self.root, FOLDER, Mode::empty()).ok();
        Self { held, ..self.unheld() }
    }

    /// The same files, for writing to what is in `folder`: that one is there, so if it is missing,
    /// somebody has deleted it. Directories below it are made, it is not.
    pub fn within(&self, folder: &str) -> Self {
        Self { own: Some(folder.to_owned()), ..self.unheld() }
    }

    /// The same files, with nothing held open.
    fn unheld(&self) -> Self {
        let (root, own, unlocked) = (self.root.clone(), self.own.clone(), Arc::clone(&self.unlocked));
        Self { root, held: None, fsync: self.fsync, own, random: self.random, unlocked }
    }

    /// Opens the value of `key`; `None` if there is none.
    pub fn open(&self, key: &str) -> Result<Option<OpenFile>> {
        check_key(key)?;
        self.open_as(key, OFlags::RDONLY)
    }

    fn open_as(&self, key: &str, mode: OFlags) -> Result<Option<OpenFile>> {
        let open = |flags| self.at(key, |folder, path| rustix::fs::openat(folder, path, flags, Mode::empty()));
        let plain = mode | OFlags::CLOEXEC | OFlags::NOCTTY;
        // A pipe in the place of a file would be waited for; a link that leads nowhere would look
        // like a value that is absent.
        let mut opened = open(plain | OFlags::NONBLOCK | OFlags::NOFOLLOW);
        if let Err(Errno::LOOP | Errno::MLINK) = opened {
            opened = open(plain | OFlags::NONBLOCK);
            if matches!(opened, Err(Errno::NOENT | Errno::NOTDIR)) && self.kind(key) == Some(FileType::Symlink) {
                return Err(no_file(key, "a symbolic link that leads nowhere"));
            }
        }
        if opened.as_ref().err() == Some(&Errno::AGAIN) && self.exists(key)? {
            // Somebody has a lease on a file, or it lies on a tape: it comes in a moment.
            opened = open(plain);
        }
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::ISDIR) => return Err(failed("open", key, Errno::ISDIR)),
            Err(Errno::NXIO) => return Err(no_file(key, "a socket or a device")),
            Err(errno) => return Err(failed("open", key, errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| failed("open", key, errno))?;
        check_kind(key, &stat)?;
        Ok(Some(OpenFile::new(fd, &stat)))
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
        self.create(key, false, |fd| write_all(fd, bytes)).map(|_| ())
    }

    /// The same, unless `key` has a value: then `false`, and nothing is changed.
    pub fn write_exclusive(&self, key: &str, bytes: &[u8]) -> Result<bool> {
        check_key(key)?;
        Ok(!self.exists(key)? && self.create(key, true, |fd| write_all(fd, bytes))?)
    }

    /// Removes the value of `key`, if it has one.
    pub fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        match self.at(key, |folder, path| rustix::fs::unlinkat(folder, path, AtFlags::empty())) {
            Ok(()) => self.sync_folder_of(key),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            // Linux says EISDIR, POSIX says EPERM.
            Err(Errno::PERM) if self.kind(key) == Some(FileType::Directory) => Err(failed("delete", key, Errno::ISDIR)),
            Err(errno) => Err(failed("delete", key, errno)),
        }
    }

    /// The names in a directory, as the system lists them; `None` if there is no such directory.
    pub fn names(&self, folder: &str) -> Result<Option<Vec<OsString>>> {
        if !folder.is_empty() {
            check_key(folder)?;
        }
        let listed = std::fs::read_dir(self.path(folder))
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.file_name())).collect());
        match listed {
            Ok(names) => Ok(Some(names)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(Error::io("list", folder, &error)),
        }
    }

    /// Writes a temporary file by `fill` and moves it to `key`.
    fn create(&self, key: &str, exclusive: bool, fill: impl FnOnce(BorrowedFd<'_>) -> Result<()>) -> Result<bool> {
        check_key(key)?;
        let now;
        let (fd, temp) = match self.open_temp(key) {
            Err(error) if self.held.is_some() && error.kind() == Kind::Io(Some(Errno::NOENT.raw_os_error())) => {
                // The directory that is held was removed: the path may lead to another one by now.
                now = self.unheld();
                now.open_temp(key)?
            }
            opened => opened?,
        };
        fill(fd.as_fd()).map_err(|error| error.with_key(key))?;
        let finish = || {
            date(fd.as_fd())?;
            if self.fsync {
                retry_on_intr(|| rustix::fs::fsync(&fd))?;
            }
            // Network file systems send the last bytes now, and say only now whether they have room
            // for them: before others see the file.
            close(fd)
        };
        finish().map_err(|errno| failed("write", key, errno))?;
        if !temp.commit(key, exclusive)? {
            return Ok(false);
        }
        self.sync_folder_of(key)?;
        Ok(true)
    }

    /// A new file in the directory of `key`, which is made if it is not there.
    fn open_temp(&self, key: &str) -> Result<(OwnedFd, Temp<'_>)> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let folder = folder_of(key);
        let mut last = Errno::NOENT;
        for _ in 0..ATTEMPTS {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = format!("{folder}{TEMP_PREFIX}{:x}-{count:x}-{:016x}", std::process::id(), self.random);
            let mode = Mode::from_raw_mode(0o666);
            match self.at(&name, |folder, path| rustix::fs::openat(folder, path, flags, mode)) {
                Ok(fd) => return Ok((fd, Temp { files: self, name, live: true })),
                Err(errno @ Errno::NOENT) => {
                    last = errno;
                    self.check_own(key)?;
                    self.make_folder(folder).map_err(|error| Error::io("make the folder of", key, &error))?;
                }
                Err(errno @ (Errno::EXIST | Errno::INTR)) => last = errno,
                Err(errno) => return Err(failed("write", key, errno)),
            }
        }
        Err(failed("write", key, last))
    }

    /// Fails if the directory is gone that is never made. Looked at only where a directory is missing.
    fn check_own(&self, key: &str) -> Result<()> {
        let Some(own) = &self.own else { return Ok(()) };
        match rustix::fs::stat(self.path(own)) {
            Err(Errno::NOENT) => {
                Err(Error::new(Kind::Gone, "the array was deleted after it was opened: open or create it anew")
                    .with_key(key))
            }
            _ => Ok(()),
        }
    }

    /// Makes a directory and those above it. Others may do the same at the same time.
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        let path = self.path(folder);
        std::fs::create_dir_all(&path)?;
        if self.fsync {
            // We do not know which of them are new.
            for above in path.ancestors().skip(1) {
                match sync_folder(above) {
                    Ok(()) => {}
                    // Beyond what is ours.
                    Err(Errno::ACCESS | Errno::PERM) => break,
                    Err(errno) => return Err(errno.into()),
                }
            }
        }
        Ok(())
    }

    fn sync_folder_of(&self, key: &str) -> Result<()> {
        if self.fsync {
            sync_folder(&self.path(folder_of(key))).map_err(|errno| failed("write", key, errno))?;
        }
        Ok(())
    }

    /// Whether `key` has a value. Something else than a file in its place is an error.
    fn exists(&self, key: &str) -> Result<bool> {
        match self.at(key, |folder, path| rustix::fs::statat(folder, path, AtFlags::empty())) {
            Ok(stat) => check_kind(key, &stat).map(|()| true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(failed("open", key, errno)),
        }
    }

    /// The kind of file at the place of `key`, links not followed; `None` if unknown.
    fn kind(&self, key: &str) -> Option<FileType> {
        let stat = self.at(key, |folder, path| rustix::fs::statat(folder, path, AtFlags::SYMLINK_NOFOLLOW));
        Some(FileType::from_raw_mode(stat.ok()?.st_mode))
    }

    fn path(&self, key: &str) -> PathBuf {
        Path::new(&self.root).join(key)
    }

    /// Calls `f` with the place of `key`: a directory, and a path relative to it.
    fn at<T>(&self, key: &str, f: impl Fn(BorrowedFd<'_>, &[u8]) -> rustix::io::Result<T>) -> rustix::io::Result<T> {
        if let Some(held) = &self.held {
            return retry_on_intr(|| f(held.as_fd(), key.as_bytes()));
        }
        let path = [self.root.as_bytes(), key.as_bytes()].concat();
        retry_on_intr(|| f(CWD, &path))
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
        let create = || self.create(key, guarded && old.is_none(), |fd| write_parts(fd, &parts, old));
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
        let moved = if exclusive { self.rename_new(key) } else { self.rename(key, RenameFlags::empty()) };
        match moved {
            Ok(()) => {
                self.live = false;
                Ok(true)
            }
            Err(Errno::EXIST) if exclusive => self.files.exists(key).map(|_| false),
            Err(errno) => Err(failed("write", key, errno)),
        }
    }

    fn rename(&self, key: &str, flags: RenameFlags) -> rustix::io::Result<()> {
        self.files.at(&self.name, |from, name| {
            self.files.at(key, |to, path| {
                if flags.is_empty() {
                    rustix::fs::renameat(from, name, to, path)
                } else {
                    rustix::fs::renameat_with(from, name, to, path, flags)
                }
            })
        })
    }

    fn rename_new(&self, key: &str) -> rustix::io::Result<()> {
        match self.rename(key, RenameFlags::NOREPLACE) {
            // Some file systems (NFS) do not know this.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.link(key),
            done => done,
        }
    }

    /// The same in two steps: the file is at both places for a moment, but whole.
    fn link(&self, key: &str) -> rustix::io::Result<()> {
        self.files.at(&self.name, |from, name| {
            self.files.at(key, |to, path| rustix::fs::linkat(from, name, to, path, AtFlags::empty()))
        })?;
        match self.remove() {
            // A network file system that had to ask twice: the first time it was done.
            Err(Errno::NOENT) => Ok(()),
            done => done,
        }
    }

    fn remove(&self) -> rustix::io::Result<()> {
        self.files.at(&self.name, |folder, path| rustix::fs::unlinkat(folder, path, AtFlags::empty()))
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if self.live {
            // The write has failed, and its error is told; listings skip the file.
            let _ = self.remove();
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Fails unless `key` names a place below the root, in one way only.
pub fn check_key(key: &str) -> Result<()> {
    let part = |part: &str| !matches!(part, "" | "." | "..");
    // A backslash and a colon have no meaning here, other than elsewhere: `C:\x` is just a name.
    let other = |c: char| c == '\0' || (cfg!(windows) && matches!(c, '\\' | ':'));
    if key.split('/').all(part) && !key.contains(other) {
        return Ok(());
    }
    Err(Error::config("a key is relative, has no empty part, no '.', no '..' and no NUL").with_key(key))
}

/// The part of `key` up to its last `/`, which is included.
fn folder_of(key: &str) -> &str {
    key.rfind('/').map_or("", |slash| &key[..=slash])
}

fn sync_folder(path: &Path) -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder: &OsStr = path.as_os_str();
    let fd = retry_on_intr(|| rustix::fs::open(folder, flags, Mode::empty()))?;
    retry_on_intr(|| rustix::fs::fsync(&fd))
}

/// Dates a file by the clock. The system's own date is that of its last tick, milliseconds ago: two
/// values written in a row could not be told apart by it, since numbers of files are given anew.
fn date(fd: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timespec { tv_sec: now.as_secs() as i64, tv_nsec: now.subsec_nanos().into() };
    match rustix::fs::futimens(fd, &Timestamps { last_access: now, last_modification: now }) {
        // A file system that keeps no such dates, or keeps them to itself, is no worse than it was.
        Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::PERM | Errno::ACCESS) => Ok(()),
        done => done,
    }
}

/// Fails unless a file was found at the place of `key`.
fn check_kind(key: &str, found: &Stat) -> Result<()> {
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(failed("open", key, Errno::ISDIR)),
        FileType::Fifo => Err(no_file(key, "a pipe")),
        FileType::Symlink => Err(no_file(key, "a symbolic link")),
        _ => Err(no_file(key, "a socket or a device")),
    }
}

fn no_file(key: &str, found: &str) -> Error {
    // A number, so that nobody takes it for an error that may pass.
    let kind = Kind::Io(Some(Errno::INVAL.raw_os_error()));
    Error::new(kind, format!("cannot open: {found} stands in the place of the file")).with_key(key)
}

fn failed(doing: &str, key: &str, errno: Errno) -> Error {
    Error::io(doing, key, &errno.into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// The answer of the system when this thread closes a file that it has written.
        pub(super) static REFUSED: Cell<Option<Errno>> = const { Cell::new(None) };
    }

    /// A directory that is removed in the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("zarr-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_link_replaces_nothing_either() {
        let root = Folder::new("link");
        let files = Files::new(&root.0, false).unwrap();
        for (value, expected) in [(b"first", Ok(())), (b"later", Err(Errno::EXIST))] {
            let (fd, temp) = files.open_temp("a/k").unwrap();
            write_all(fd.as_fd(), value).unwrap();
            assert_eq!(temp.link("a/k"), expected);
        }
        assert_eq!(files.get("a/k", 0, None).unwrap().unwrap(), b"first");
        assert_eq!(std::fs::read_dir(root.0.join("a")).unwrap().count(), 1, "nothing temporary");
    }

    #[test]
    fn what_the_system_says_when_a_file_is_closed_leaves_the_old_value() {
        let root = Folder::new("close");
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
                for errno in [Errno::DQUOT, Errno::NOSPC, Errno::IO, Errno::INTR] {
                    REFUSED.set(Some(errno));
                    let error = write().unwrap_err();
                    assert_eq!(REFUSED.take(), None);
                    assert_eq!(error.kind(), Kind::Io(Some(errno.raw_os_error())), "{error}");
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
