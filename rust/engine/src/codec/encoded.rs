//! Chunks as they are stored: each is one element of a [`Heap`], and none is decoded.
//!
//! An array of which every chunk is one such element moves the chunks of another array, into shards
//! and out of them, by the same plans that read and write elements.

use std::sync::Arc;

use super::{Serializer, Spec};
use crate::error::{Error, Result};
use crate::heap::{Heap, REFERENCE, Reference, length_of};

/// Chunks of one element: all bytes that are stored of another array's chunk.
///
/// ```
/// use std::sync::Arc;
/// use zarr_engine::codec::encoded::Encoded;
/// use zarr_engine::codec::{Serializer, Spec};
/// use zarr_engine::heap::{Heap, REFERENCE};
///
/// let heap = Arc::new(Heap::new(false, None, false)?);
/// let (codec, spec) = (Encoded::new(Arc::clone(&heap)), Spec { shape: vec![1, 1], size: REFERENCE });
/// let mut slot = [0; REFERENCE];
/// codec.decode(&spec, b"the bytes of a chunk", &mut slot)?;
/// assert_ne!(&slot, heap.fill());
///
/// let mut stored = Vec::new();
/// codec.encode(&spec, &slot, &mut stored)?;
/// assert_eq!(stored, b"the bytes of a chunk");
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoded {
    heap: Arc<Heap>,
}

impl Encoded {
    /// A codec whose elements `heap` keeps.
    pub fn new(heap: Arc<Heap>) -> Self {
        Self { heap }
    }
}

impl Serializer for Encoded {
    fn name(&self) -> &str {
        "encoded"
    }

    fn encode(&self, _: &Spec, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let slot = src.first_chunk::<REFERENCE>().filter(|_| src.len() == REFERENCE).ok_or_else(not_one)?;
        if slot == self.heap.fill() {
            return Err(Error::internal("a chunk that is absent has no bytes"));
        }
        crate::reserve::append(out, self.heap.lock().get(slot)?)
    }

    fn decode(&self, _: &Spec, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let slot: &mut Reference = dst.try_into().map_err(|_| not_one())?;
        let length = length_of(src.len())?;
        self.heap.place(src, std::iter::once((0, length)), src.len(), slot)
    }
}

fn not_one() -> Error {
    Error::internal("a chunk of encoded chunks is one of them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_every_length_come_back_and_none_is_absent() {
        let heap = Arc::new(Heap::new(false, None, false).unwrap());
        let codec = Encoded::new(Arc::clone(&heap));
        let spec = Spec { shape: vec![1], size: REFERENCE };
        for length in 0..40 {
            let bytes: Vec<u8> = (0..length).map(|n| n ^ 0x60).collect();
            let mut slot = [0xff; REFERENCE];
            codec.decode(&spec, &bytes, &mut slot).unwrap();
            assert_ne!(&slot, heap.fill());
            let mut stored = Vec::new();
            codec.encode(&spec, &slot, &mut stored).unwrap();
            assert_eq!(stored, bytes);
        }
        assert!(codec.encode(&spec, heap.fill(), &mut Vec::new()).is_err());
        assert!(codec.encode(&spec, &[0; 2 * REFERENCE], &mut Vec::new()).is_err());
        assert!(codec.decode(&spec, b"x", &mut [0; 2 * REFERENCE]).is_err());
    }
}
