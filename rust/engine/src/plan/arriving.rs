//! A value that is still on its way, read to where it is needed.

use std::sync::Arc;

use super::{ChunkRead, Stage};
use crate::error::{Error, Result};
use crate::object::Object;
use crate::read;
use crate::scratch::Scratch;

impl ChunkRead {
    /// Takes a whole value of `len` bytes. `read` is called once at most: it fills a buffer with
    /// them, and says whether they came; if not, this is as if nothing had been fed. Decoding begins
    /// when `turn` returns, and what it returns is kept until it ends.
    pub fn feed_whole<T>(
        &mut self,
        len: u64,
        read: impl FnOnce(&mut [u8]) -> bool,
        turn: impl FnOnce() -> T,
    ) -> Result<()> {
        self.take_whole(len, read, turn).map_err(|e| e.with_key(&self.key).with_chunk(&self.chunk))
    }

    fn take_whole<T>(
        &mut self,
        len: u64,
        read: impl FnOnce(&mut [u8]) -> bool,
        turn: impl FnOnce() -> T,
    ) -> Result<()> {
        if !matches!(self.stage, Stage::Whole) {
            return Err(Error::internal("all of a value, where a part of it is wanted"));
        }
        let plan = Arc::clone(&self.plan);
        let chain = plan.array.chain();
        let form = plan.array.form(&self.chunk)?;
        let mut read = Some(read);
        let mut once = |dst: &mut [u8]| read.take().is_some_and(|read| read(dst));
        if chain.raw() && len == form.nbytes as u64 {
            let done = plan.view.in_place(&self.region, &form.strides, form.nbytes, &mut once)?;
            if done.is_some() {
                return Ok(());
            }
        }
        let sharded = chain.shard().is_some();
        let size = if sharded {
            usize::try_from(len).map_err(|_| Error::corrupt("the shard is larger than memory"))?
        } else {
            read::stored_len(chain, &form, len)?
        };
        let mut bytes = Scratch::of(size)?;
        if !once(&mut bytes) {
            return Ok(());
        }
        let _turn = turn();
        if sharded {
            let object: Arc<dyn Object> = Arc::new(bytes.into_inner());
            return self.feed(vec![Some(object)]).map(drop);
        }
        read::place(chain, &form, &bytes, &self.region, &plan.view)
    }
}
