//! Values that are changed in part, beside other processes that do the same.
//!
//! A writer that changes a value locks its file, and puts another file in its place. One that waited
//! for the lock sees that the file is not the one at the key any more, and begins anew. Where there
//! is no file yet, the first writer makes it. So nothing lies beside the values, and a process that
//! dies leaves nothing behind: the system unlocks what it had locked.

use std::io;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::parts::write_all;
use super::system::{Locked, Root};
use super::{Files, OpenFile, check_key, is_missing};
use crate::cancel::{Cancel, Context};
use crate::error::{Error, Result};

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
            let failed = |error| Error::io("lock", key, &error);
            let mut locked = wait(&file, context)?.map_err(failed)?;
            if locked == Locked::Unwritable {
                match self.open_as(key, true) {
                    Ok(Some(writable)) => file = writable,
                    Ok(None) => continue,
                    Err(_) => {}
                }
                locked = wait(&file, context)?.map_err(failed)?;
            }
            if locked != Locked::Yes {
                self.unlocked.store(true, Ordering::Relaxed);
                return Ok(Some(file));
            }
            let file = file.locked();
            match self.root.stat(key, true) {
                Ok(stat) if file.version().is_same_file(&stat.version) => {
                    return Ok(Some(file.refreshed(&stat)));
                }
                Err(error) if !is_missing(&error) => return Err(Error::io("open", key, &error)),
                _ => {}
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
            Some(bytes) => self.create(key, version.is_none(), |file| write_all(file, bytes)),
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
fn wait(file: &OpenFile, context: &Context<'_>) -> Result<io::Result<Locked>> {
    let mut pause = SOON;
    loop {
        match file.lock() {
            Ok(Locked::Busy) => {
                context.check()?;
                thread::sleep(pause);
                pause = (pause * 2).min(LATER);
            }
            done => return Ok(done),
        }
    }
}
