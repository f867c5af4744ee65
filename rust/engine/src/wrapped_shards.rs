//! Shards that are wrapped in other codecs: coded as a whole, in memory, on this thread.

use std::sync::Arc;

use crate::error::Result;
use crate::exec::Exec;
use crate::object::{Object, join};
use crate::reserve::{append, copied};
use crate::selection::Region;
use crate::shard::Sharding;
use crate::strided::{Output, strides_of};
use crate::{read, write};

impl Sharding {
    /// Decodes a whole shard of `shape` that is wrapped in other codecs.
    pub(crate) fn decode(self: &Arc<Self>, shape: &[u64], src: &[u8], dst: &mut [u8]) -> Result<()> {
        let object: Arc<dyn Object> = Arc::new(copied(src)?);
        Output::with(dst, shape, &strides_of(shape, self.chain().size())?, self.chain().size(), |view| {
            read::shard(self, shape, &object, &Region::all(shape), view, Exec::Here)
        })
    }

    /// Appends to `out` a whole shard of `shape` that is wrapped in other codecs.
    pub(crate) fn encode(self: &Arc<Self>, shape: &[u64], src: &mut [u8], out: &mut Vec<u8>) -> Result<()> {
        let parts = Output::with(src, shape, &strides_of(shape, self.chain().size())?, self.chain().size(), |view| {
            write::shard(self, shape, shape, None, &Region::all(shape), view, false, Exec::Here)
        })?;
        match parts {
            Some(parts) => append(out, &join(parts, None)?)?,
            // Nothing but fill values: a shard all the same, since another codec wants its bytes.
            None => {
                let counts = self.counts(shape)?;
                append(out, &self.encode_index(&counts, std::iter::empty())?)?;
            }
        }
        Ok(())
    }
}
