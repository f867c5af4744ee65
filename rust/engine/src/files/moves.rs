//! Copies and moves between two places of the file system, by the means of the system.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::parts::write_parts;
use super::system::{Root, System};
use super::{Files, check_key};
use crate::error::{Error, Result};
use crate::object::{Object, Part};

impl Files {
    /// Copies the value of `key` to `target_key` of other files, as a [write](Self::write) does. The two
    /// share their blocks where the file system can do that, or else the system copies them. Returns the
    /// number of bytes; `None` if there is no such value.
    pub fn copy(&self, key: &str, target: &Self, target_key: &str) -> Result<Option<u64>> {
        let Some(file) = self.open(key)? else { return Ok(None) };
        let size = file.size();
        let old: Arc<dyn Object> = Arc::new(file);
        let whole = [Part::Old { offset: 0, len: size }];
        target.create(target_key, false, |new| write_parts(new, &whole, Some(&old)))?;
        Ok(Some(size))
    }

    /// Renames a directory in one step, and makes the directories above its new place. `false` if there is
    /// no such directory, or something in the new place but empty directories, or the system cannot do it:
    /// then nothing has moved.
    pub fn move_directory(&self, directory: &str, target: &Self, new: &str) -> Result<bool> {
        check_key(directory)?;
        check_key(new)?;
        let (from, to) = (self.root.path(directory), target.root.path(new));
        if !is_directory(&from) {
            return Ok(false);
        }
        let rename = || {
            if let Some(above) = to.parent() {
                fs::create_dir_all(above)?;
            }
            remove_empty(&to);
            System::move_directory(&from, &to)
        };
        let moved = rename().map_err(|error| Error::io("move", directory, &error))?;
        if moved {
            self.sync_directory_of(directory)?;
            target.sync_directory_of(new)?;
        }
        Ok(moved)
    }

    /// Lets two directories change places in one step. `false` if one of them is no directory, or the
    /// system cannot do it: then nothing has moved.
    pub fn swap_directories(&self, directory: &str, target: &Self, other: &str) -> Result<bool> {
        check_key(directory)?;
        check_key(other)?;
        let (one, two) = (self.root.path(directory), target.root.path(other));
        if !(is_directory(&one) && is_directory(&two)) {
            return Ok(false);
        }
        let swapped = System::swap_directories(&one, &two).map_err(|error| Error::io("move", directory, &error))?;
        if swapped {
            self.sync_directory_of(directory)?;
            target.sync_directory_of(other)?;
        }
        Ok(swapped)
    }
}

/// Whether a directory is at a place, and not a link to one.
fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Removes a directory in which there are only directories, such as a deletion of values leaves. The system
/// refuses to remove any other.
fn remove_empty(path: &Path) {
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries {
        let Ok(entry) = entry else { return };
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            return;
        }
        remove_empty(&entry.path());
    }
    let _ = fs::remove_dir(path);
}
