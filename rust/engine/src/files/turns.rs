//! Files that processes lock in turn.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::system::{File, Handle, Locked, Opened, Root, System};
use super::{ATTEMPTS, errno, no_file};
use crate::error::{Error, Kind, Result};

/// A file that one process at a time has locked. The system unlocks it when the process ends. Others may
/// read it, write to it and remove it, locked or not.
#[derive(Debug)]
pub struct LockFile(Handle);

impl LockFile {
    /// Opens the file at `path`, or makes it if it is to be `made`. `None` if there is none.
    pub fn open(path: &Path, made: bool) -> Result<Option<Self>> {
        let Some((directory, name)) = path.parent().zip(path.file_name().and_then(OsStr::to_str)) else {
            return Err(Error::config("no path of a file"));
        };
        let failed = |error: io::Error| Error::io("open", &path.to_string_lossy(), &error);
        let root = System::new(directory).map_err(failed)?;
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for _ in 0..ATTEMPTS {
            match root.open(name, true).map_err(failed)? {
                Opened::File(file, _) => return Ok(Some(Self(file))),
                Opened::Else(found) => return Err(no_file(name, found)),
                Opened::Missing if !made => return Ok(None),
                Opened::Missing => match root.create(name) {
                    Ok(file) => return Ok(Some(Self(file))),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                    Err(error) => return Err(failed(error)),
                },
            }
        }
        Err(failed(last))
    }

    /// Locks it for this handle alone, unless another has locked it: then `false`.
    pub fn try_lock(&self) -> Result<bool> {
        match self.0.lock() {
            Ok(Locked::Yes) => Ok(true),
            Ok(Locked::Busy) => Ok(false),
            Ok(Locked::Unwritable | Locked::Unknown) => {
                Err(Error::new(Kind::Io(None), "this file system knows no locks"))
            }
            Err(error) => Err(Error::new(Kind::Io(errno(&error)), format!("cannot lock: {error}"))),
        }
    }

    /// Unlocks it, in a process that was forked meanwhile as well.
    pub fn unlock(&self) {
        self.0.unlock();
    }
}
