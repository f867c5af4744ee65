//! Reading an open file.

use std::io::{self, IoSliceMut};
use std::time::{SystemTime, UNIX_EPOCH};

use super::claim::Version;
use super::system::{File, Locked, Stat};
use super::{Handle, errno};
use crate::error::{Error, Kind, Result};
use crate::object::{Identity, Object, is_behind};
use crate::scratch::Scratch;
use crate::trace::{self, Phase};

/// The most buffers that one system call takes.
pub(super) const IOV_MAX: usize = 1024;

/// So many bytes are read at once where they are copied to their rows afterwards.
const BLOCK: usize = 128 << 10;
const HALF_PAGE: usize = 2048;

/// Whether this is a processor that copies slowly to places as [`is_behind`] tells them: one of AMD's,
/// with the instruction for copies that the system then uses.
fn copies_slowly_behind() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("sse4a") && is_x86_feature_detected!("ermsb");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Whether more than a third of the bytes of a file from `offset` on would be read to such places.
fn most_are_behind(mut offset: u64, rows: &[&mut [u8]]) -> bool {
    let (mut all, mut behind) = (0, 0);
    for row in rows {
        behind += if is_behind(offset, row) { row.len() } else { 0 };
        all += row.len();
        offset += row.len() as u64;
    }
    behind > all / 3 && all >= HALF_PAGE
}

/// A file that is open for reading: its bytes stay readable, and the same, whatever is written to
/// its key meanwhile.
#[derive(Debug)]
pub struct OpenFile {
    file: Handle,
    size: u64,
    version: Version,
    changed: i64,
    locked: bool,
}

/// A file is told from one that was written in its place by its dates once they are so old, in
/// nanoseconds: the system's clock for files may stand still for a while. A file that was given a
/// date by its writer is told at once: the system would give it two equal dates.
const SETTLED: i64 = 20_000_000;
/// The same on a file system whose dates are whole seconds, or every other one.
const SETTLED_SECONDS: i64 = 3_000_000_000;

impl OpenFile {
    pub(super) fn new(file: Handle, stat: &Stat) -> Self {
        let version = stat.version;
        Self { file, size: version.size, version, changed: stat.changed, locked: false }
    }

    pub(super) fn lock(&self) -> io::Result<Locked> {
        self.file.lock()
    }

    /// The same; the file was locked, and is unlocked when this is dropped.
    pub(super) fn locked(mut self) -> Self {
        self.locked = true;
        self
    }

    /// The same, as it was found when it was locked.
    pub(super) fn refreshed(mut self, stat: &Stat) -> Self {
        self.version = stat.version;
        self.size = self.version.size;
        self.changed = stat.changed;
        self
    }

    /// The mark that tells the value from those before and after it.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The number of bytes when it was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Replaces `buf` by all bytes; more than `limit` are an error.
    pub fn read_all(&self, limit: Option<usize>, buf: &mut Vec<u8>) -> Result<()> {
        let limit = limit.unwrap_or(usize::MAX);
        let too_long = |found: u64| {
            Error::corrupt("the stored value is too long")
                .expected(format_args!("at most {limit} bytes"), format_args!("{found} bytes"))
        };
        let size = usize::try_from(self.size).ok().filter(|&size| size <= limit).ok_or_else(|| too_long(self.size))?;
        buf.clear();
        // One byte more than there should be: so the first read already sees the end.
        reserve(buf, size.saturating_add(1))?;
        loop {
            if buf.len() == buf.capacity() {
                // Somebody appends to it.
                reserve(buf, buf.len().max(4096))?;
            }
            let room = buf.capacity() - buf.len();
            let offset = buf.len() as u64;
            let n = self.file.append_at(offset, buf).map_err(unreadable)?;
            if buf.len() > limit {
                return Err(too_long(self.size.max(buf.len() as u64)));
            }
            if n == 0 || (n < room && buf.len() == size) {
                return Ok(());
            }
        }
    }

    /// Appends `len` bytes from `offset` on to `buf`; fewer are an error.
    pub fn append_at(&self, offset: u64, len: u64, buf: &mut Vec<u8>) -> Result<()> {
        let Some(len) = usize::try_from(len).ok().filter(|_| offset.saturating_add(len) <= self.size) else {
            return Err(self.cut(offset, len));
        };
        let start = buf.len();
        reserve(buf, len)?;
        if buf.capacity() - start > len + len / 4 {
            // The system would fill all the room that there is: tell it where to stop.
            buf.resize(start + len, 0);
            return self.read_at(offset, &mut buf[start..]);
        }
        while buf.len() < start + len {
            let at = offset + (buf.len() - start) as u64;
            if self.file.append_at(at, buf).map_err(unreadable)? == 0 {
                return Err(self.cut(offset, len as u64));
            }
        }
        buf.truncate(start + len);
        Ok(())
    }

    /// Reads `dst.len()` bytes from `offset` on; fewer are an error.
    pub fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        let mut done = 0;
        while done < dst.len() {
            let at = offset.saturating_add(done as u64);
            match self.file.read_at(at, &mut dst[done..]).map_err(unreadable)? {
                0 => return Err(self.cut(offset, dst.len() as u64)),
                n => done += n,
            }
        }
        Ok(())
    }

    /// Reads the bytes from `offset` on into one buffer after the other; fewer are an error.
    pub fn read_vectored_at(&self, offset: u64, mut dst: &mut [IoSliceMut<'_>]) -> Result<()> {
        let len = dst.iter().fold(0u64, |len, part| len.saturating_add(part.len() as u64));
        let mut at = offset;
        // Drops what is empty at the front, too.
        IoSliceMut::advance_slices(&mut dst, 0);
        while !dst.is_empty() {
            let most = dst.len().min(IOV_MAX);
            match self.file.read_vectored_at(at, &mut dst[..most]).map_err(unreadable)? {
                0 if dst[..most].iter().all(|part| part.is_empty()) => dst = &mut dst[most..],
                0 => return Err(self.cut(offset, len)),
                n => {
                    at += n as u64;
                    IoSliceMut::advance_slices(&mut dst, n);
                }
            }
        }
        Ok(())
    }

    /// The same, by way of a buffer that stays in the processor's cache.
    fn read_rows_apart(&self, offset: u64, rows: &mut [&mut [u8]]) -> Result<()> {
        let mut left = rows.iter().fold(0, |left, row| left + row.len());
        let mut buffer = Scratch::of(BLOCK.min(left) + HALF_PAGE + 4096)?;
        // As far as can be from where copying is slow, both into the buffer and out of it.
        let skip = (offset as usize + HALF_PAGE).wrapping_sub(buffer.as_ptr().addr()) % 4096;
        let mut block = 0..0;
        let mut at = offset;
        for row in rows {
            let mut done = 0;
            while done < row.len() {
                if block.is_empty() {
                    block = skip..skip + BLOCK.min(left);
                    self.read_at(at, &mut buffer[block.clone()])?;
                    at += block.len() as u64;
                    left -= block.len();
                }
                let n = block.len().min(row.len() - done);
                row[done..done + n].copy_from_slice(&buffer[block.start..block.start + n]);
                done += n;
                block.start += n;
            }
        }
        Ok(())
    }

    fn cut(&self, offset: u64, len: u64) -> Error {
        // The file may have been cut since it was opened: what is there now explains more.
        let size = self.file.stat().map_or(self.size, |stat| stat.version.size);
        Error::corrupt("the stored value ends too early")
            .expected(format_args!("{len} bytes from {offset}"), format_args!("{size} bytes in all"))
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if self.locked {
            self.file.unlock();
        }
    }
}

impl Object for OpenFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        trace::timed(Phase::Load, dst.len() as u64, || OpenFile::read_at(self, offset, dst))
    }

    fn file(&self) -> Option<&Handle> {
        Some(&self.file)
    }

    fn identity(&self) -> Option<Identity> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let now = i64::try_from(now.as_nanos()).ok()?;
        let Version { device, number, size, modified } = self.version;
        let settled = if self.changed % 1_000_000_000 == 0 || modified % 1_000_000_000 == 0 {
            SETTLED_SECONDS
        } else if modified == self.changed {
            SETTLED
        } else {
            0
        };
        let found = Identity { device, number, size, modified, changed: self.changed, start: 0, len: size };
        (now.saturating_sub(modified.max(self.changed)) >= settled).then_some(found)
    }

    fn shares(&self) -> bool {
        self.file.shares_blocks()
    }

    fn read_rows(&self, offset: u64, rows: &mut [&mut [u8]]) -> Result<()> {
        let mut at = offset;
        if copies_slowly_behind() && most_are_behind(offset, rows) {
            let len = rows.iter().fold(0, |len, row| len + row.len() as u64);
            return trace::timed(Phase::Load, len, || self.read_rows_apart(offset, rows));
        }
        for rows in rows.chunks_mut(IOV_MAX) {
            let len = rows.iter().fold(0, |len, row| len + row.len() as u64);
            let mut slices: Vec<_> = rows.iter_mut().map(|row| IoSliceMut::new(row)).collect();
            trace::timed(Phase::Load, len, || self.read_vectored_at(at, &mut slices))?;
            at += len;
        }
        Ok(())
    }
}

fn reserve(buf: &mut Vec<u8>, more: usize) -> Result<()> {
    buf.try_reserve_exact(more)
        .map_err(|_| Error::new(Kind::TooLarge, format!("no memory for a buffer of {more} bytes")))
}

fn unreadable(error: io::Error) -> Error {
    Error::new(Kind::Io(errno(&error)), format!("cannot read: {error}"))
}
