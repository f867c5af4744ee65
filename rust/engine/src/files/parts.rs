//! Writing a file, in one piece or put together from several.

use std::io::{self, IoSlice};
use std::sync::Arc;

use super::open::IOV_MAX;
use super::system::File;
use super::{Handle, errno};
use crate::error::{Error, Kind, Result};
use crate::object::{Object, Part};
use crate::reserve::reserve;
use crate::scratch::Scratch;

/// How many bytes are put together before they are written: they fit the processor's cache, and are
/// enough for the file system to lay them out in one go.
const GATHER: usize = 256 << 10;

/// New parts of so many bytes on average are not put together before they are written.
const LONG: usize = 2 << 10;

/// Closes a file, and tells what the system says of it: that the last bytes found no room, for one.
pub(super) fn close(file: Handle) -> io::Result<()> {
    #[cfg(test)]
    if let Some(errno) = super::tests::REFUSED.take() {
        return Err(io::Error::from_raw_os_error(errno));
    }
    file.close()
}

/// Writes all of `bytes`.
pub(super) fn write_all(file: &Handle, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes).map_err(unwritable)? {
            0 => return Err(unwritable(io::ErrorKind::WriteZero.into())),
            n => bytes = &bytes[n..],
        }
    }
    Ok(())
}

/// Writes `parts`, some of which are in `old`, to an empty file. Bytes of `old` are shared with it
/// where the file system can do that and they stay at their place; else the system copies them. New
/// parts are written from where they are. Short ones go by way of one small buffer: a system call
/// for them costs more than the copy.
pub(super) fn write_parts(file: &Handle, parts: &[Part], old: Option<&Arc<dyn Object>>) -> Result<()> {
    if let [part] = parts
        && let Some(bytes) = part.bytes()
    {
        return write_all(file, bytes);
    }
    if let Some(old) = old
        && share(file, parts, &**old)?
    {
        return Ok(());
    }
    let size = usize::try_from(sum(parts)).map_or(GATHER, |total| total.clamp(1, GATHER));
    let mut gather = Gather { file, buffer: Scratch::of(size)?, filled: 0 };
    for run in parts.chunk_by(|a, b| a.bytes().is_some() && b.bytes().is_some()) {
        if sum(run) >= (LONG * run.len()) as u64
            && let Some(slices) = slices(run)?
        {
            gather.flush()?;
            write_slices(file, slices)?;
            continue;
        }
        for part in run {
            match part {
                Part::Old { offset, len } => {
                    let old = old.ok_or_else(|| Error::internal("a part of a value that is not there"))?;
                    gather.push_old(&**old, *offset, *len)?;
                }
                new => gather.push(new.bytes().unwrap_or_default())?,
            }
        }
    }
    gather.flush()
}

fn sum(parts: &[Part]) -> u64 {
    parts.iter().fold(0, |n, part| n.saturating_add(part.size()))
}

/// The bytes of new parts, empty ones left out; `None` if some are old.
fn slices(parts: &[Part]) -> Result<Option<Vec<IoSlice<'_>>>> {
    let mut slices = Vec::new();
    reserve(&mut slices, parts.len())?;
    for part in parts {
        match part.bytes() {
            Some([]) => {}
            Some(bytes) => slices.push(IoSlice::new(bytes)),
            None => return Ok(None),
        }
    }
    Ok(Some(slices))
}

fn write_slices(file: &Handle, mut slices: Vec<IoSlice<'_>>) -> Result<()> {
    let mut rest = slices.as_mut_slice();
    while !rest.is_empty() {
        let most = rest.len().min(IOV_MAX);
        match file.write_vectored(&rest[..most]).map_err(unwritable)? {
            0 => return Err(unwritable(io::ErrorKind::WriteZero.into())),
            n => IoSlice::advance_slices(&mut rest, n),
        }
    }
    Ok(())
}

/// Makes the file share the blocks of `old`, and writes over them what is new; `false` if that cannot
/// be, or if it is not worth it: then the file is still empty.
fn share(file: &Handle, parts: &[Part], old: &dyn Object) -> Result<bool> {
    let (mut at, mut kept) = (0u64, 0u64);
    for part in parts {
        if let Part::Old { offset, len } = part {
            if *offset != at {
                return Ok(false);
            }
            kept += len;
        }
        at = at.saturating_add(part.size());
    }
    let Some(source) = old.file().filter(|_| kept >= GATHER as u64 && old.shares()) else { return Ok(false) };
    if file.share(source).is_err() {
        return Ok(false);
    }
    // The file may have been cut since its size was looked at: zeros must not take the place of bytes.
    if file.stat().map_err(unwritable)?.version.size != old.size() {
        file.truncate(0).map_err(unwritable)?;
        return Ok(false);
    }
    let mut next = 0;
    for part in parts {
        if let Some(bytes) = part.bytes() {
            file.seek(next).map_err(unwritable)?;
            write_all(file, bytes)?;
        }
        next += part.size();
    }
    if next < old.size() {
        file.truncate(next).map_err(unwritable)?;
    }
    Ok(true)
}

struct Gather<'a> {
    file: &'a Handle,
    buffer: Scratch,
    filled: usize,
}

impl Gather<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() >= self.buffer.len() {
            self.flush()?;
            return write_all(self.file, bytes);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = self.room(rest.len() as u64)?;
            let (now, later) = rest.split_at(room.len());
            room.copy_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    fn push_old(&mut self, old: &dyn Object, offset: u64, len: u64) -> Result<()> {
        let mut done = 0;
        if let Some(file) = old.file().filter(|_| len >= self.buffer.len() as u64) {
            self.flush()?;
            done = self.file.copy(file, offset, len);
        }
        while done < len {
            let room = self.room(len - done)?;
            old.read_at(offset.saturating_add(done), room)?;
            done += room.len() as u64;
        }
        Ok(())
    }

    /// The next free bytes of the buffer: at most `wanted` and at least one, to be filled.
    fn room(&mut self, wanted: u64) -> Result<&mut [u8]> {
        if self.filled == self.buffer.len() {
            self.flush()?;
        }
        let start = self.filled;
        let free = self.buffer.len() - start;
        self.filled += usize::try_from(wanted).map_or(free, |wanted| wanted.min(free));
        Ok(&mut self.buffer[start..self.filled])
    }

    fn flush(&mut self) -> Result<()> {
        let filled = std::mem::take(&mut self.filled);
        write_all(self.file, &self.buffer[..filled])
    }
}

fn unwritable(error: io::Error) -> Error {
    Error::new(Kind::Io(errno(&error)), format!("cannot write: {error}"))
}

#[cfg(all(test, unix))] // the device is one of Unix
mod tests {
    use std::path::Path;

    use super::super::system::{Opened, Root, System};
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_its_number() {
        const ENOSPC: i32 = 28;
        // A device on which there is never any space.
        let root = System::new(Path::new("/dev")).unwrap();
        let Ok(Opened::File(full, _)) = root.open("full", true) else { return };
        for parts in [vec![Part::New(vec![1])], vec![Part::New(vec![1]), Part::New(vec![2; GATHER])]] {
            let error = write_parts(&full, &parts, None).unwrap_err();
            assert_eq!(error.kind(), Kind::Io(Some(ENOSPC)));
        }
    }
}
