//! Files of Unix systems: Linux, macOS and their kin.

use std::ffi::{OsStr, OsString};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, Timespec, Timestamps};
use rustix::io::{Errno, Result, retry_on_intr};

use super::{File, FileKind, Locked, Opened, Root, Stat};
use crate::files::Version;

/// The files below a directory.
#[derive(Debug)]
pub(in crate::files) struct System {
    /// Absolute, ends with `/`.
    root: OsString,
    /// The directory, held open for one operation.
    held: Option<OwnedFd>,
}

/// An open file.
#[derive(Debug)]
pub struct Handle(OwnedFd);

/// The number of an error that the system gave, if it was the system.
pub fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error()
}

/// The error of opening a directory as a file.
pub(in crate::files) fn is_a_directory() -> io::Error {
    Errno::ISDIR.into()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl System {
    /// Calls `f` with the place of `key`: a directory, and a path relative to it.
    fn at<T>(&self, key: &str, f: impl Fn(BorrowedFd<'_>, &[u8]) -> Result<T>) -> Result<T> {
        if let Some(held) = &self.held {
            return retry_on_intr(|| f(held.as_fd(), key.as_bytes()));
        }
        let path = [self.root.as_bytes(), key.as_bytes()].concat();
        retry_on_intr(|| f(CWD, &path))
    }

    fn kind(&self, key: &str) -> Option<FileKind> {
        self.stat(key, false).ok().map(|stat| stat.kind)
    }

    fn rename(&self, from: &str, to: &str, flags: RenameFlags) -> Result<()> {
        self.at(from, |old, name| {
            self.at(to, |new, path| {
                if flags.is_empty() {
                    rustix::fs::renameat(old, name, new, path)
                } else {
                    rustix::fs::renameat_with(old, name, new, path, flags)
                }
            })
        })
    }

    /// The same as [`move_new`](Root::move_new) in two steps: the file is at both places for a moment,
    /// but whole.
    fn link(&self, from: &str, to: &str) -> Result<()> {
        self.at(from, |old, name| self.at(to, |new, path| rustix::fs::linkat(old, name, new, path, AtFlags::empty())))?;
        match self.unlink(from) {
            // A network file system that had to ask twice: the first time it was done.
            Err(Errno::NOENT) => Ok(()),
            done => done,
        }
    }

    fn unlink(&self, key: &str) -> Result<()> {
        self.at(key, |directory, path| rustix::fs::unlinkat(directory, path, AtFlags::empty()))
    }
}

impl Root for System {
    type File = Handle;

    fn new(path: &Path) -> io::Result<Self> {
        let mut root = std::path::absolute(path)?.into_os_string();
        if !root.as_bytes().ends_with(b"/") {
            root.push("/");
        }
        Ok(Self { root, held: None })
    }

    fn hold(&self) -> Self {
        let held = rustix::fs::open(&self.root, DIRECTORY, Mode::empty()).ok();
        Self { root: self.root.clone(), held }
    }

    fn unheld(&self) -> Self {
        Self { root: self.root.clone(), held: None }
    }

    fn is_held(&self) -> bool {
        self.held.is_some()
    }

    fn path(&self, key: &str) -> PathBuf {
        Path::new(&self.root).join(key)
    }

    fn open(&self, key: &str, writable: bool) -> io::Result<Opened<Handle>> {
        let open = |flags| self.at(key, |directory, path| rustix::fs::openat(directory, path, flags, Mode::empty()));
        let mode = if writable { OFlags::RDWR } else { OFlags::RDONLY };
        let plain = mode | OFlags::CLOEXEC | OFlags::NOCTTY;
        // A pipe in the place of a file would be waited for; a link that leads nowhere would look
        // like a value that is absent.
        let mut opened = open(plain | OFlags::NONBLOCK | OFlags::NOFOLLOW);
        if let Err(Errno::LOOP | Errno::MLINK) = opened {
            opened = open(plain | OFlags::NONBLOCK);
            if matches!(opened, Err(Errno::NOENT | Errno::NOTDIR)) && self.kind(key) == Some(FileKind::Link) {
                return Ok(Opened::Else("a symbolic link that leads nowhere"));
            }
        }
        if opened.as_ref().err() == Some(&Errno::AGAIN)
            && self.stat(key, true).is_ok_and(|stat| stat.kind == FileKind::File)
        {
            // Somebody has a lease on a file, or it lies on a tape: it comes in a moment.
            opened = open(plain);
        }
        let file = match opened {
            Ok(fd) => Handle(fd),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Opened::Missing),
            Err(Errno::NXIO) => return Ok(Opened::Else("a socket or a device")),
            Err(errno) => return Err(errno.into()),
        };
        if spelled_otherwise_than(key, &file) {
            return Ok(Opened::Missing);
        }
        let stat = file.stat()?;
        Ok(Opened::File(file, stat))
    }

    fn create(&self, key: &str) -> io::Result<Handle> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        let file = Handle(self.at(key, |directory, path| rustix::fs::openat(directory, path, flags, mode))?);
        if spelled_otherwise_than(key, &file) {
            let _ = self.unlink(key); // it is empty, and listings skip it
            return Err(io::Error::new(
                io::ErrorKind::InvalidFilename,
                "a directory above it is there in other letters, and this file system does not tell names by their case",
            ));
        }
        Ok(file)
    }

    fn stat(&self, key: &str, follow: bool) -> io::Result<Stat> {
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        Ok(described(&self.at(key, |directory, path| rustix::fs::statat(directory, path, flags))?))
    }

    fn replace(&self, from: &str, to: &str) -> io::Result<bool> {
        self.rename(from, to, RenameFlags::empty())?;
        Ok(true)
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    fn move_new(&self, from: &str, to: &str) -> io::Result<()> {
        match self.rename(from, to, RenameFlags::NOREPLACE) {
            // Some file systems (NFS) do not know this.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(self.link(from, to)?),
            done => Ok(done?),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    fn move_new(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(self.link(from, to)?)
    }

    fn remove(&self, key: &str) -> io::Result<()> {
        match self.unlink(key) {
            // Linux says EISDIR, POSIX says EPERM.
            Err(Errno::PERM) if self.kind(key) == Some(FileKind::Directory) => Err(Errno::ISDIR.into()),
            done => Ok(done?),
        }
    }

    fn move_directory(from: &Path, to: &Path) -> io::Result<bool> {
        match rename_with(from, to, Rename::NoReplace) {
            // Some file systems (NFS) do not know this. Nothing that is made there between the two steps is lost:
            // a directory replaces none but an empty one.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if std::fs::symlink_metadata(to).is_err() => {
                answer(retry_on_intr(|| rustix::fs::rename(from, to)))
            }
            done => answer(done),
        }
    }

    fn swap_directories(one: &Path, other: &Path) -> io::Result<bool> {
        answer(rename_with(one, other, Rename::Exchange))
    }

    fn sync_directory(path: &Path) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory: &OsStr = path.as_os_str();
        let fd = retry_on_intr(|| rustix::fs::open(directory, flags, Mode::empty()))?;
        Ok(retry_on_intr(|| rustix::fs::fsync(&fd))?)
    }

    fn refused(_part: &str) -> Option<&'static str> {
        None
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl File for Handle {
    fn stat(&self) -> io::Result<Stat> {
        Ok(described(&rustix::fs::fstat(&self.0)?))
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::pread(&self.0, &mut *dst, offset))?)
    }

    fn append_at(&self, offset: u64, buf: &mut Vec<u8>) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::pread(&self.0, spare_capacity(buf), offset))?)
    }

    fn read_vectored_at(&self, offset: u64, dst: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::preadv(&self.0, dst, offset))?)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::write(&self.0, bytes))?)
    }

    fn write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::writev(&self.0, bytes))?)
    }

    fn seek(&self, offset: u64) -> io::Result<()> {
        rustix::fs::seek(&self.0, rustix::fs::SeekFrom::Start(offset))?;
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::ftruncate(&self.0, len))?)
    }

    fn date(&self) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Timespec { tv_sec: now.as_secs() as i64, tv_nsec: now.subsec_nanos().into() };
        match rustix::fs::futimens(&self.0, &Timestamps { last_access: now, last_modification: now }) {
            Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::PERM | Errno::ACCESS) => Ok(()),
            done => Ok(done?),
        }
    }

    #[cfg(not(target_vendor = "apple"))]
    fn sync(&self) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::fsync(&self.0))?)
    }

    // The system's `fsync` leaves the bytes in the memory of the disk.
    #[cfg(target_vendor = "apple")]
    fn sync(&self) -> io::Result<()> {
        match retry_on_intr(|| rustix::fs::fcntl_fullfsync(&self.0)) {
            Err(Errno::NOTSUP | Errno::INVAL | Errno::NOTTY) => Ok(retry_on_intr(|| rustix::fs::fsync(&self.0))?),
            done => Ok(done?),
        }
    }

    #[allow(unsafe_code)]
    fn close(self) -> io::Result<()> {
        // SAFETY: the descriptor was owned, and `into_raw_fd` gave it to this call alone: nobody else
        // uses or closes it. It is not closed again either, whatever the answer is: the system has
        // given it up even then, and may have given its number to somebody else.
        Ok(unsafe { rustix::io::try_close(self.0.into_raw_fd()) }?)
    }

    fn lock(&self) -> io::Result<Locked> {
        match retry_on_intr(|| rustix::fs::flock(&self.0, FlockOperation::NonBlockingLockExclusive)) {
            Ok(()) => Ok(Locked::Yes),
            Err(Errno::WOULDBLOCK) => Ok(Locked::Busy),
            // Network file systems lock only what is open for writing.
            Err(Errno::BADF) => Ok(Locked::Unwritable),
            Err(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::ACCESS) => Ok(Locked::Unknown),
            Err(errno) => Err(errno.into()),
        }
    }

    fn unlock(&self) {
        // Closing is not enough: a process that was forked meanwhile has the file open, too.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn shares_blocks(&self) -> bool {
        const BTRFS: u64 = 0x9123_683E;
        const XFS: u64 = 0x5846_5342;
        const BCACHEFS: u64 = 0xCA45_1A4E;
        #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)] // the field differs between processors
        rustix::fs::fstatfs(&self.0).is_ok_and(|found| matches!(found.f_type as u32 as u64, BTRFS | XFS | BCACHEFS))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn share(&self, other: &Self) -> io::Result<()> {
        Ok(rustix::fs::ioctl_ficlone(&self.0, &other.0)?)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn copy(&self, other: &Self, offset: u64, len: u64) -> u64 {
        // A system that is asked for less at a time can be interrupted in between.
        const MOST: u64 = 64 << 20;
        let mut at = offset;
        let mut left = len;
        while left > 0
            && let Ok(n @ 1..) = retry_on_intr(|| {
                rustix::fs::copy_file_range(&other.0, Some(&mut at), &self.0, None, left.min(MOST) as usize)
            })
        {
            left -= n as u64;
        }
        len - left
    }

    // macOS shares blocks only with a file that it makes for it, by path.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn shares_blocks(&self) -> bool {
        false
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn share(&self, _other: &Self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn copy(&self, _other: &Self, _offset: u64, _len: u64) -> u64 {
        0
    }
}

/// The ways to rename that POSIX lacks.
#[cfg_attr(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")), allow(dead_code))]
enum Rename {
    NoReplace,
    Exchange,
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_with(from: &Path, to: &Path, how: Rename) -> Result<()> {
    let flags = match how {
        Rename::NoReplace => RenameFlags::NOREPLACE,
        Rename::Exchange => RenameFlags::EXCHANGE,
    };
    retry_on_intr(|| rustix::fs::renameat_with(CWD, from, CWD, to, flags))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_with(_from: &Path, _to: &Path, _how: Rename) -> Result<()> {
    Err(Errno::NOSYS)
}

/// Whether directories were renamed: not if something is in the way, or the system cannot do it.
fn answer(done: Result<()>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(
            Errno::NOSYS
            | Errno::INVAL
            | Errno::OPNOTSUPP
            | Errno::XDEV
            | Errno::EXIST
            | Errno::NOTEMPTY
            | Errno::NOTDIR
            | Errno::NOENT,
        ) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether a file that was opened by `key` has a name that differs from it in case.
#[cfg(target_vendor = "apple")]
fn spelled_otherwise_than(key: &str, file: &Handle) -> bool {
    rustix::fs::getpath(&file.0)
        .is_ok_and(|found| super::spelled_otherwise(Path::new(OsStr::from_bytes(found.as_bytes())), key))
}

// File systems that take such names for the same are rare here.
#[cfg(not(target_vendor = "apple"))]
fn spelled_otherwise_than(_key: &str, _file: &Handle) -> bool {
    false
}

#[allow(clippy::unnecessary_cast, clippy::cast_lossless)] // the fields differ between systems
fn described(stat: &rustix::fs::Stat) -> Stat {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Directory,
        FileType::Fifo => FileKind::Pipe,
        FileType::Symlink => FileKind::Link,
        _ => FileKind::Other,
    };
    let nanoseconds = |seconds: i64, rest: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(rest);
    let version = Version {
        device: stat.st_dev as u64,
        number: stat.st_ino as u64,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
    };
    Stat { kind, version, changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_replaces_nothing_either() {
        let path = std::env::temp_dir().join(format!("zarr-link-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let root = System::new(&path).unwrap();
        for (value, expected) in [(b"first", Ok(())), (b"later", Err(Errno::EXIST))] {
            let file = root.create("temp").unwrap();
            assert_eq!(file.write(value).unwrap(), value.len());
            assert_eq!(root.link("temp", "k"), expected);
            assert_eq!(root.kind("temp").is_some(), expected.is_err());
            let _ = root.remove("temp");
        }
        assert_eq!(std::fs::read(path.join("k")).unwrap(), b"first");
        std::fs::remove_dir_all(path).unwrap();
    }
}
