//! Files of Windows.
//!
//! Paths are absolute and begin with `\\?\`, so that they may be of any length and mean the same to
//! every function of the system.

use std::fs::{FileTimes, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut, Seek as _, SeekFrom, Write as _};
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::os::windows::io::AsRawHandle;
use std::path::{Component, Path, PathBuf, Prefix};
use std::thread;
use std::time::{Duration, SystemTime};

use windows_sys::Win32::Foundation as code;
use windows_sys::Win32::Storage::FileSystem as api;

use super::{File, FileKind, INVALID, Locked, NOT_FOUND, Opened, Root, Stat, refused_by_windows, spelled_otherwise};
use crate::files::Version;

/// The files below a directory.
#[derive(Debug, Clone)]
pub(in crate::files) struct System {
    root: PathBuf,
}

/// An open file.
#[derive(Debug)]
pub struct Handle(std::fs::File);

/// While another program has a file open that shares it with nobody, as virus scanners and indexers
/// do for a moment, it is tried again for so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// The byte that a lock is put on. A lock keeps others from reading what is locked, so it lies where no
/// file has bytes.
const LOCKED_BYTE: u64 = 1 << 62;

/// The POSIX number of an error: the same on all systems, so that callers need to know one kind.
pub fn errno(error: &io::Error) -> Option<i32> {
    use io::ErrorKind as Kind;
    Some(match error.kind() {
        Kind::NotFound => NOT_FOUND,
        Kind::PermissionDenied => 13,
        Kind::AlreadyExists => 17,
        Kind::NotADirectory => 20,
        Kind::IsADirectory => 21,
        Kind::OutOfMemory => 12,
        Kind::StorageFull | Kind::QuotaExceeded => 28,
        Kind::ReadOnlyFilesystem => 30,
        Kind::InvalidInput | Kind::InvalidFilename => INVALID,
        _ => match error.raw_os_error()?.cast_unsigned() {
            code::ERROR_SHARING_VIOLATION | code::ERROR_LOCK_VIOLATION => 13,
            code::ERROR_WRITE_PROTECT => 30,
            _ => 5, // EIO
        },
    })
}

/// The error of opening a directory as a file.
pub(in crate::files) fn is_a_directory() -> io::Error {
    io::ErrorKind::IsADirectory.into()
}

impl System {
    /// Opens what is at the place of `key`, a directory too. [`io::ErrorKind::NotFound`] if its name is
    /// spelled otherwise: most file systems take names for equal that differ in case.
    fn open_any(&self, key: &str, options: &mut OpenOptions) -> io::Result<Handle> {
        let path = self.path(key);
        let file = Handle(patiently(|| options.open(&path))?);
        if let Some(found) = file.path()
            && spelled_otherwise(&found, key)
        {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(file)
    }

    /// The same error, unless it comes from a directory in the place of a file.
    fn told(&self, key: &str, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::PermissionDenied && is_directory(&self.path(key)) {
            return is_a_directory();
        }
        error
    }
}

impl Root for System {
    type File = Handle;

    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { root: verbatim(&std::path::absolute(path)?) })
    }

    // A directory that is held open cannot be used to open files in it.
    fn hold(&self) -> Self {
        self.clone()
    }

    fn unheld(&self) -> Self {
        self.clone()
    }

    fn is_held(&self) -> bool {
        false
    }

    fn path(&self, key: &str) -> PathBuf {
        let mut path = self.root.clone();
        path.extend(key.split('/').filter(|part| !part.is_empty()));
        path
    }

    fn open(&self, key: &str, writable: bool) -> io::Result<Opened<Handle>> {
        let opened = self.open_any(key, OpenOptions::new().read(true).write(writable));
        let file = match opened {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                if self.stat(key, false).is_ok_and(|stat| stat.kind == FileKind::Link) {
                    return Ok(Opened::Else("a symbolic link that leads nowhere"));
                }
                return Ok(Opened::Missing);
            }
            Err(error) => return Err(self.told(key, error)),
        };
        let stat = file.stat()?;
        Ok(Opened::File(file, stat))
    }

    fn create(&self, key: &str) -> io::Result<Handle> {
        let path = self.path(key);
        let file = Handle(patiently(|| OpenOptions::new().write(true).create_new(true).open(&path))?);
        if let Some(found) = file.path()
            && spelled_otherwise(&found, key)
        {
            drop(file);
            // It is empty, and listings skip it.
            let _ = std::fs::remove_file(&path);
            return Err(io::Error::new(
                io::ErrorKind::InvalidFilename,
                format!("{} is there, and this file system does not tell names by their case", found.display()),
            ));
        }
        Ok(file)
    }

    fn stat(&self, key: &str, follow: bool) -> io::Result<Stat> {
        let mut flags = api::FILE_FLAG_BACKUP_SEMANTICS; // directories as well
        if !follow {
            flags |= api::FILE_FLAG_OPEN_REPARSE_POINT;
        }
        self.open_any(key, OpenOptions::new().access_mode(api::FILE_READ_ATTRIBUTES).custom_flags(flags))?.stat()
    }

    fn replace(&self, from: &str, to: &str) -> io::Result<bool> {
        let (old, new) = (self.path(from), self.path(to));
        let replace = || match std::fs::rename(&old, &new) {
            Ok(()) => Ok(true),
            // Only NTFS can rename a file over one that is open, since Windows 10.
            Err(error) if is_denied(&error) && !is_directory(&new) => {
                ffi::replace(&old, &new).map(|()| false).map_err(|_| error)
            }
            Err(error) => Err(error),
        };
        patiently_moving(replace, &new).map_err(|error| self.told(to, error))
    }

    fn move_new(&self, from: &str, to: &str) -> io::Result<()> {
        let (old, new) = (self.path(from), self.path(to));
        patiently_moving(|| ffi::move_new(&old, &new), &new)
    }

    fn remove(&self, key: &str) -> io::Result<()> {
        let path = self.path(key);
        patiently(|| std::fs::remove_file(&path)).map_err(|error| self.told(key, error))
    }

    fn move_directory(from: &Path, to: &Path) -> io::Result<bool> {
        let Err(error) = patiently_moving(|| ffi::move_new(from, to), to) else { return Ok(true) };
        match error.raw_os_error().map(i32::cast_unsigned) {
            Some(
                code::ERROR_ALREADY_EXISTS
                | code::ERROR_FILE_EXISTS
                | code::ERROR_FILE_NOT_FOUND
                | code::ERROR_PATH_NOT_FOUND
                | code::ERROR_NOT_SAME_DEVICE
                // Somebody has a file below it open.
                | code::ERROR_ACCESS_DENIED
                | code::ERROR_SHARING_VIOLATION,
            ) => Ok(false),
            _ => Err(error),
        }
    }

    fn swap_directories(_one: &Path, _other: &Path) -> io::Result<bool> {
        Ok(false)
    }

    // The system writes down each change of a directory before it makes it.
    fn sync_directory(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn refused(part: &str) -> Option<&'static str> {
        refused_by_windows(part)
    }
}

impl Handle {
    /// Where the file is, as the names are spelled; `None` if the system does not say.
    fn path(&self) -> Option<PathBuf> {
        ffi::final_path(&self.0)
    }
}

impl File for Handle {
    fn stat(&self) -> io::Result<Stat> {
        ffi::describe(&self.0)
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<usize> {
        self.0.seek_read(dst, offset)
    }

    fn append_at(&self, offset: u64, buf: &mut Vec<u8>) -> io::Result<usize> {
        let start = buf.len();
        buf.resize(buf.capacity(), 0);
        let read = self.0.seek_read(&mut buf[start..], offset);
        buf.truncate(start + *read.as_ref().unwrap_or(&0));
        read
    }

    fn read_vectored_at(&self, offset: u64, dst: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        dst.iter_mut().find(|part| !part.is_empty()).map_or(Ok(0), |part| self.0.seek_read(part, offset))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        bytes.iter().find(|part| !part.is_empty()).map_or(Ok(0), |part| (&self.0).write(part))
    }

    fn seek(&self, offset: u64) -> io::Result<()> {
        (&self.0).seek(SeekFrom::Start(offset)).map(|_| ())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn date(&self) -> io::Result<()> {
        let now = SystemTime::now();
        match self.0.set_times(FileTimes::new().set_accessed(now).set_modified(now)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) => {
                Ok(())
            }
            done => done,
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    // The system tells what it could not write when it is written.
    fn close(self) -> io::Result<()> {
        drop(self.0);
        Ok(())
    }

    fn lock(&self) -> io::Result<Locked> {
        let Err(error) = ffi::lock(&self.0, LOCKED_BYTE) else { return Ok(Locked::Yes) };
        match error.raw_os_error().map(i32::cast_unsigned) {
            Some(code::ERROR_LOCK_VIOLATION | code::ERROR_IO_PENDING) => Ok(Locked::Busy),
            Some(code::ERROR_INVALID_FUNCTION | code::ERROR_NOT_SUPPORTED) => Ok(Locked::Unknown),
            Some(code::ERROR_ACCESS_DENIED) => Ok(Locked::Unwritable),
            _ => Err(error),
        }
    }

    fn unlock(&self) {
        ffi::unlock(&self.0, LOCKED_BYTE);
    }

    fn shares_blocks(&self) -> bool {
        false
    }

    fn share(&self, _other: &Self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn copy(&self, _other: &Self, _offset: u64, _len: u64) -> u64 {
        0
    }
}

/// Calls `f` again while another program is in the way.
fn patiently<T>(f: impl Fn() -> io::Result<T>) -> io::Result<T> {
    again_while(f, |error| {
        let found = error.raw_os_error().map(i32::cast_unsigned);
        matches!(found, Some(code::ERROR_SHARING_VIOLATION | code::ERROR_LOCK_VIOLATION | code::ERROR_DELETE_PENDING))
    })
}

/// The same for a move to `target`: that may be refused in other words while somebody has it open.
fn patiently_moving<T>(f: impl Fn() -> io::Result<T>, target: &Path) -> io::Result<T> {
    again_while(f, |error| {
        let found = error.raw_os_error().map(i32::cast_unsigned);
        matches!(found, Some(code::ERROR_SHARING_VIOLATION | code::ERROR_LOCK_VIOLATION | code::ERROR_USER_MAPPED_FILE))
            || (is_denied(error) && !is_directory(target))
    })
}

fn is_denied(error: &io::Error) -> bool {
    error.raw_os_error().map(i32::cast_unsigned) == Some(code::ERROR_ACCESS_DENIED)
}

fn is_directory(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

fn again_while<T>(f: impl Fn() -> io::Result<T>, passes: impl Fn(&io::Error) -> bool) -> io::Result<T> {
    let (mut pause, mut waited) = (Duration::from_millis(1), Duration::ZERO);
    loop {
        match f() {
            Err(error) if waited < PATIENCE && passes(&error) => {
                thread::sleep(pause);
                waited += pause;
                pause = (pause * 2).min(Duration::from_millis(100));
            }
            done => return done,
        }
    }
}

/// An absolute path with `\\?\` at its beginning.
fn verbatim(path: &Path) -> PathBuf {
    let mut parts = path.components();
    let Some(Component::Prefix(prefix)) = parts.next() else { return path.to_owned() };
    let mut made = PathBuf::from(match prefix.kind() {
        Prefix::Disk(letter) => format!(r"\\?\{}:\", char::from(letter)),
        Prefix::UNC(server, share) => format!(r"\\?\UNC\{}\{}\", server.display(), share.display()),
        _ => return path.to_owned(),
    });
    made.extend(parts.filter(|part| !matches!(part, Component::RootDir)));
    made
}

/// The functions of the system that the standard library lacks.
#[allow(unsafe_code)]
mod ffi {
    use super::*;

    fn wide(path: &Path) -> Vec<u16> {
        path.as_os_str().encode_wide().chain([0]).collect()
    }

    fn checked(done: i32) -> io::Result<()> {
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    pub(super) fn move_new(from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (wide(from), wide(to));
        // SAFETY: both end with a zero, and live until the call has returned.
        checked(unsafe { api::MoveFileExW(from.as_ptr(), to.as_ptr(), 0) })
    }

    pub(super) fn replace(from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (wide(from), wide(to));
        let none = std::ptr::null();
        let flags = api::REPLACEFILE_IGNORE_MERGE_ERRORS | api::REPLACEFILE_IGNORE_ACL_ERRORS;
        // SAFETY: both end with a zero, and live until the call has returned; the others may be null.
        checked(unsafe {
            api::ReplaceFileW(to.as_ptr(), from.as_ptr(), none, flags, std::ptr::null(), std::ptr::null())
        })
    }

    pub(super) fn final_path(file: &std::fs::File) -> Option<PathBuf> {
        let mut path = vec![0u16; 512];
        loop {
            let room = u32::try_from(path.len()).ok()?;
            // SAFETY: the handle is open, and the buffer has room for so many elements as it is told.
            let len = unsafe { api::GetFinalPathNameByHandleW(file.as_raw_handle(), path.as_mut_ptr(), room, 0) };
            match usize::try_from(len).ok()? {
                0 => return None,
                // Without the zero at its end.
                len if len < path.len() => {
                    path.truncate(len);
                    return Some(std::ffi::OsString::from_wide(&path).into());
                }
                len if len > 1 << 16 => return None,
                len => path.resize(len + 1, 0),
            }
        }
    }

    pub(super) fn describe(file: &std::fs::File) -> io::Result<Stat> {
        let mut known = api::BY_HANDLE_FILE_INFORMATION::default();
        // SAFETY: the handle is open, and the structure is the one that the function fills.
        checked(unsafe { api::GetFileInformationByHandle(file.as_raw_handle(), &raw mut known) })?;
        let mut dates = api::FILE_BASIC_INFO::default();
        let size = size_of::<api::FILE_BASIC_INFO>() as u32;
        // SAFETY: the same, and the function is told the size of the structure.
        checked(unsafe {
            api::GetFileInformationByHandleEx(file.as_raw_handle(), api::FileBasicInfo, (&raw mut dates).cast(), size)
        })?;
        let has = |attribute| known.dwFileAttributes & attribute != 0;
        let kind = if has(api::FILE_ATTRIBUTE_REPARSE_POINT) {
            FileKind::Link
        } else if has(api::FILE_ATTRIBUTE_DIRECTORY) {
            FileKind::Directory
        } else if has(api::FILE_ATTRIBUTE_DEVICE) {
            FileKind::Other
        } else {
            FileKind::File
        };
        let wide = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let version = Version {
            device: known.dwVolumeSerialNumber.into(),
            number: wide(known.nFileIndexHigh, known.nFileIndexLow),
            size: wide(known.nFileSizeHigh, known.nFileSizeLow),
            modified: since_1970(dates.LastWriteTime),
        };
        // Some file systems have no such date; then it is no younger than the other.
        let changed = if dates.ChangeTime == 0 { version.modified } else { since_1970(dates.ChangeTime) };
        Ok(Stat { kind, version, changed })
    }

    /// Nanoseconds since 1970 of tenths of microseconds since 1601.
    fn since_1970(date: i64) -> i64 {
        const BETWEEN: i64 = 116_444_736_000_000_000;
        date.wrapping_sub(BETWEEN).wrapping_mul(100)
    }

    fn place(offset: u64) -> windows_sys::Win32::System::IO::OVERLAPPED {
        let mut place = windows_sys::Win32::System::IO::OVERLAPPED::default();
        place.Anonymous.Anonymous.Offset = offset as u32;
        place.Anonymous.Anonymous.OffsetHigh = (offset >> 32) as u32;
        place
    }

    pub(super) fn lock(file: &std::fs::File, offset: u64) -> io::Result<()> {
        let flags = api::LOCKFILE_EXCLUSIVE_LOCK | api::LOCKFILE_FAIL_IMMEDIATELY;
        let mut place = place(offset);
        // SAFETY: the handle is open and was not opened for overlapped operations: the call is over when
        // it returns, and so is the use of `place`.
        checked(unsafe { api::LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &raw mut place) })
    }

    pub(super) fn unlock(file: &std::fs::File, offset: u64) {
        let mut place = place(offset);
        // SAFETY: as of `lock`. That it was not locked is the only possible error.
        unsafe { api::UnlockFileEx(file.as_raw_handle(), 0, 1, 0, &raw mut place) };
    }
}
