//! A value that is still on its way, read to where it is needed.

use std::sync::Arc;

use super::{ChunkRead, Stage};
use crate::cache::chunks::Version;
use crate::error::{Error, Kind, Result};
use crate::object::Object;
use crate::read;
use crate::scratch::Scratch;

/// Memory is taken for so many bytes before any have come.
const FIRST: usize = 1 << 20;

impl ChunkRead {
    /// Receives a whole value of `len` bytes. `read` fills a buffer with the next of them, and says
    /// whether they came; if not, this is as if nothing had been fed. Returns the bytes that are to be
    /// given to [`decode_whole`](Self::decode_whole); `None` if they did not come, or went to their
    /// place already.
    pub fn receive_whole(&mut self, len: u64, read: impl FnMut(&mut [u8]) -> bool) -> Result<Option<Scratch>> {
        let fed = self.plan.begin_feeding(self.number);
        fed.and_then(|_fed| self.received(len, read)).map_err(|e| self.placed(e))
    }

    /// Decodes a whole value that was received.
    pub fn decode_whole(&mut self, bytes: Scratch) -> Result<()> {
        let fed = self.plan.begin_feeding(self.number);
        fed.and_then(|_fed| self.take_whole(bytes)).map_err(|e| self.placed(e))
    }

    fn received(&mut self, len: u64, mut read: impl FnMut(&mut [u8]) -> bool) -> Result<Option<Scratch>> {
        if !matches!(self.stage, Stage::Whole) {
            return Err(Error::internal("all of a value, where a part of it is wanted"));
        }
        let chain = self.array.chain();
        let form = self.array.form(&self.chunk)?;
        if chain.raw()
            && len == form.nbytes as u64
            && let Some(target) = self.targets.single()
        {
            let done = target.view.in_place(&target.region, &form.strides, form.nbytes, &mut read)?;
            if done.is_some() {
                return Ok(None);
            }
        }
        arrived(read::stored_len(chain, &form, len)?, read)
    }

    fn take_whole(&mut self, bytes: Scratch) -> Result<()> {
        if self.chain().shard().is_some() {
            let object: Arc<dyn Object> = Arc::new(bytes.into_inner());
            return self.take(vec![Some(object)], &Version::Unknown).map(drop);
        }
        let form = self.array.form(&self.chunk)?;
        self.targets.place(self.chain(), &form, &bytes)
    }
}

/// `len` bytes, or `None` if they did not come. How many they are is only what a server says: memory
/// is taken as they come, at most twice as much.
fn arrived(len: usize, mut read: impl FnMut(&mut [u8]) -> bool) -> Result<Option<Scratch>> {
    let mut bytes = Scratch::of(len.min(FIRST))?;
    let mut come = 0;
    loop {
        if !read(&mut bytes[come..]) {
            return Ok(None);
        }
        come = bytes.len();
        if come == len {
            return Ok(Some(bytes));
        }
        let next = len.min(come.saturating_mul(2));
        bytes.try_reserve_exact(next - come).map_err(|_| {
            Error::new(Kind::TooLarge, format!("no memory for {next} bytes, of {len} that were announced"))
        })?;
        bytes.resize(next, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_taken_as_the_bytes_come() {
        // No machine has so much: it is not asked for.
        assert!(arrived(isize::MAX as usize, |_| false).unwrap().is_none());
        let (mut come, mut calls) = (0, 0);
        let whole = arrived(5 * FIRST + 3, |dst| {
            assert!(dst.len() <= come.max(FIRST));
            dst.iter_mut().enumerate().for_each(|(i, byte)| *byte = (come + i) as u8);
            come += dst.len();
            calls += 1;
            true
        });
        let whole = whole.unwrap().unwrap();
        assert_eq!((whole.len(), calls), (5 * FIRST + 3, 4));
        assert!(whole.iter().enumerate().all(|(i, &byte)| byte == i as u8));
    }
}
