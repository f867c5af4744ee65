//! Writing a file, in one piece or put together from several.

use std::io;
use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::Arc;

use rustix::io::{Errno, retry_on_intr};

use crate::error::{Error, Kind, Result};
use crate::object::{Object, Part};
use crate::scratch::Scratch;

/// What is put together before it is written: fits the processor's cache, and is large enough for
/// the file system to lay it out in one go.
const GATHER: usize = 256 << 10;

/// Closes a file, and tells what the system says of it: that the last bytes found no room, for one.
#[allow(unsafe_code)]
pub(super) fn close(fd: OwnedFd) -> rustix::io::Result<()> {
    #[cfg(test)]
    if let Some(errno) = super::tests::REFUSED.take() {
        return Err(errno);
    }
    // SAFETY: the descriptor was owned, and `into_raw_fd` gave it to this call alone: nobody else
    // uses or closes it. It is not closed again either, whatever the answer is: the system has
    // given it up even then, and may have given its number to somebody else.
    unsafe { rustix::io::try_close(fd.into_raw_fd()) }
}

/// Writes all of `bytes`.
pub(super) fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match retry_on_intr(|| rustix::io::write(fd, bytes)).map_err(unwritable)? {
            0 => return Err(unwritable(Errno::IO)),
            n => bytes = &bytes[n..],
        }
    }
    Ok(())
}

/// Writes `parts`, some of which are in `old`, by way of one small buffer: many small writes cost
/// more than the copy, and a copy of the whole would not fit the cache.
pub(super) fn write_parts(fd: BorrowedFd<'_>, parts: &[Part], old: Option<&Arc<dyn Object>>) -> Result<()> {
    if let [Part::New(bytes)] = parts {
        return write_all(fd, bytes);
    }
    let total = parts.iter().fold(0u64, |n, part| {
        n.saturating_add(match part {
            Part::New(bytes) => bytes.len() as u64,
            Part::Old { len, .. } => *len,
        })
    });
    let size = usize::try_from(total).map_or(GATHER, |total| total.clamp(1, GATHER));
    let mut gather = Gather { fd, buffer: Scratch::of(size)?, filled: 0 };
    for part in parts {
        match part {
            Part::New(bytes) => gather.push(bytes)?,
            Part::Old { offset, len } => {
                let old = old.ok_or_else(|| Error::internal("a part of a value that is not there"))?;
                gather.push_old(&**old, *offset, *len)?;
            }
        }
    }
    gather.flush()
}

struct Gather<'a> {
    fd: BorrowedFd<'a>,
    buffer: Scratch,
    filled: usize,
}

impl Gather<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() >= self.buffer.len() {
            self.flush()?;
            return write_all(self.fd, bytes);
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
        write_all(self.fd, &self.buffer[..filled])
    }
}

fn unwritable(errno: Errno) -> Error {
    Error::new(Kind::Io(Some(errno.raw_os_error())), format!("cannot write: {}", io::Error::from(errno)))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_full_disk_is_told_with_its_number() {
        // A device on which there is never any space.
        let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
        for parts in [vec![Part::New(vec![1])], vec![Part::New(vec![1]), Part::New(vec![2; GATHER])]] {
            let error = write_parts(full.as_fd(), &parts, None).unwrap_err();
            assert_eq!(error.kind(), Kind::Io(Some(Errno::NOSPC.raw_os_error())));
        }
    }
}
