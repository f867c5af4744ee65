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
    /// Takes a whole value of `len` bytes. `read` fills a buffer with the next of them, and says
    /// whether they came; if not, this is as if nothing had been fed. Decoding begins when `turn`
    /// returns, and what it returns is kept until it ends.
    pub fn feed_whole<T>(
        &mut self,
        len: u64,
        read: impl FnMut(&mut [u8]) -> bool,
        turn: impl FnOnce() -> T,
    ) -> Result<()> {
        let fed = self.plan.begin_feeding(self.number);
        fed.and_then(|_fed| self.take_whole(len, read, turn)).map_err(|e| self.placed(e))
    }

    fn take_whole<T>(
        &mut self,
        len: u64,
        mut read: impl FnMut(&mut [u8]) -> bool,
        turn: impl FnOnce() -> T,
    ) -> Result<()> {
        if !matches!(self.stage, Stage::Whole) {
            return Err(Error::internal("all of a value, where a part of it is wanted"));
        }
        let array = Arc::clone(&self.array);
        let chain = array.chain();
        let form = array.form(&self.chunk)?;
        if chain.raw()
            && len == form.nbytes as u64
            && let Some(target) = self.targets.single()
        {
            let done = target.view.in_place(&target.region, &form.strides, form.nbytes, &mut read)?;
            if done.is_some() {
                return Ok(());
            }
        }
        let size = read::stored_len(chain, &form, len)?;
        let Some(bytes) = arrived(size, read)? else { return Ok(()) };
        let _turn = turn();
        if chain.shard().is_some() {
            let object: Arc<dyn Object> = Arc::new(bytes.into_inner());
            return self.take(vec![Some(object)], &Version::Unknown).map(drop);
        }
        self.targets.place(chain, &form, &bytes)
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
