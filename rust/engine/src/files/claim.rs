//! Values that are changed in part, beside other processes that do the same.
//!
//! A writer that changes a value locks its file, and puts another file in its place. One that waited
//! for the lock sees that the file is not the one at the key any more, and begins anew. Where there
//! is no file yet, the first writer makes it. So nothing lies beside the values, and a process that
//! dies leaves nothing behind: the system unlocks what it had locked.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rustix::fs::{AtFlags, FlockOperation, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::parts::write_all;
use super::{Files, OpenFile, check_key, failed};
use crate::cancel::{Cancel, Context};
use crate::error::Result;

/// A file is looked at again after so long, and after longer and longer, if another has locked it.
const SOON: Duration = Duration::from_micros(50);
const LATER: Duration = Duration::from_millis(2);

/// So often in a row nobody is outrun: the file system numbers its files anew each time.
const UNSTABLE: usize = 10_000;

/// The mark that tells the value of a key from those before and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The file system.
    pub device: u64,
    /// The file's number in it.
    pub number: u64,
    /// The number of bytes.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970.
    pub modified: i64,
}

#[allow(clippy::unnecessary_cast, clippy::cast_lossless)] // the fields differ between systems
impl From<&Stat> for Version {
    fn from(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev as u64,
            number: stat.st_ino as u64,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime as i64).wrapping_mul(1_000_000_000).wrapping_add(stat.st_mtime_nsec as i64),
        }
    }
}

impl Files {
    /// Opens the value of `key` to replace it: until the file is dropped, nobody else who claims
    /// the value gets it. `None` if there is none.
    pub fn claim(&self, key: &str, context: Option<&Context<'_>>) -> Result<Option<OpenFile>> {
        check_key(key)?;
        let never = Cancel::new();
        let deaf = Context::new(&never);
        let context = context.unwrap_or(&deaf);
        for _ in 0..UNSTABLE {
            context.check()?;
            let Some(mut file) = self.open(key)? else { return Ok(None) };
            let mut locked = wait(file.as_fd(), context)?;
            if locked == Err(Errno::BADF) {
                // Network file systems lock only what is open for writing.
                match self.open_as(key, OFlags::RDWR) {
                    Ok(Some(writable)) => file = writable,
                    Ok(None) => continue,
                    Err(_) => {}
                }
                locked = wait(file.as_fd(), context)?;
            }
            match locked {
                Ok(()) => {}
                Err(Errno::BADF | Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL | Errno::ACCESS) => {
                    self.unlocked.store(true, Ordering::Relaxed);
                    return Ok(Some(file));
                }
                Err(errno) => return Err(failed("lock", key, errno)),
            }
            let file = file.locked();
            match self.at(key, |folder, path| rustix::fs::statat(folder, path, AtFlags::empty())) {
                Ok(stat) if file.version().is_same_file(&Version::from(&stat)) => {
                    return Ok(Some(file.refreshed(&stat)));
                }
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(errno) => return Err(failed("open", key, errno)),
            }
        }
        self.unlocked.store(true, Ordering::Relaxed);
        self.open(key)
    }

    /// Whether a value had to be changed in part though its file could not be locked: the file
    /// system knows no locks.
    pub fn unlocked(&self) -> bool {
        self.unlocked.load(Ordering::Relaxed)
    }

    /// Replaces the value of `key`, or with `None` deletes it, unless it is not of that version any
    /// more: then `false`, and nothing is changed. The version of a value that is not there is `None`.
    pub fn exchange(
        &self,
        key: &str,
        bytes: Option<&[u8]>,
        version: Option<Version>,
        context: &Context<'_>,
    ) -> Result<bool> {
        let current = self.claim(key, Some(context))?;
        if current.as_ref().map(OpenFile::version) != version {
            return Ok(false);
        }
        match bytes {
            Some(bytes) => self.create(key, version.is_none(), |fd| write_all(fd, bytes)),
            None if version.is_none() => Ok(true),
            None => self.delete(key).map(|()| true),
        }
    }
}

impl Version {
    fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.number) == (other.device, other.number)
    }
}

/// Waits until a file is locked, or cannot be.
fn wait(fd: BorrowedFd<'_>, context: &Context<'_>) -> Result<rustix::io::Result<()>> {
    let mut pause = SOON;
    loop {
        match retry_on_intr(|| rustix::fs::flock(fd, FlockOperation::NonBlockingLockExclusive)) {
            Err(Errno::WOULDBLOCK) => {
                context.check()?;
                thread::sleep(pause);
                pause = (pause * 2).min(LATER);
            }
            done => return Ok(done),
        }
    }
}
