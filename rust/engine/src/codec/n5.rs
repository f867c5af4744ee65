//! `n5_default`: chunks as blocks of N5 in its default mode, with their own shape in a header.
//!
//! The header: mode (0), number of dimensions, both of 2 bytes; the length of each dimension, of 4
//! bytes; all big-endian. The codecs of the block follow.

use super::{Serializer, Spec};
use crate::codec::chain::{Chain, Form, bytes_of};
use crate::error::{Error, Result};
use crate::scratch::Scratch;
use crate::selection::{AxisMap, Region};
use crate::strided::{Output, strides_of};

/// Bytes before the lengths of the dimensions.
const FIXED: usize = 4;
/// A block may be longer than the chunk, at the edge of an array; so much is no attack.
const LARGEST: usize = 64 << 20;

/// Blocks of N5.
///
/// ```
/// use zarr_engine::codec::chain::{Chain, Link};
/// use zarr_engine::codec::n5::N5;
/// use zarr_engine::codec::{Serializer, Spec};
/// use zarr_engine::element::{Fill, Swap};
///
/// let chain = Chain::new(vec![Link::Bytes(Swap::None)], 1, &Fill::new(&[0])?)?;
/// let mut block = Vec::new();
/// N5::new(chain).encode(&Spec { shape: vec![3], size: 1 }, &[7, 8, 9], &mut block)?;
/// assert_eq!(block, [0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug)]
pub struct N5 {
    chain: Chain,
}

impl N5 {
    /// Blocks that are coded by `chain`.
    pub fn new(chain: Chain) -> Self {
        Self { chain }
    }

    /// The shape that a block says it has, and what follows.
    fn parse<'a>(&self, axes: usize, src: &'a [u8]) -> Result<(Vec<u64>, &'a [u8])> {
        let length = FIXED + 4 * axes;
        let Some((header, rest)) = src.split_at_checked(length) else {
            return Err(Error::corrupt("the block ends in its header")
                .expected(format_args!("{length} bytes"), format_args!("{} bytes", src.len())));
        };
        let (fixed, lengths) = header.split_at(FIXED);
        let [mode, found] = [[fixed[0], fixed[1]], [fixed[2], fixed[3]]].map(u16::from_be_bytes);
        if mode != 0 {
            return Err(Error::corrupt("the block is of another mode").expected("mode 0", mode));
        }
        if usize::from(found) != axes {
            return Err(Error::corrupt("the block has the wrong number of axes").expected(axes, found));
        }
        let shape = lengths.as_chunks::<4>().0.iter().map(|&length| u64::from(u32::from_be_bytes(length)));
        Ok((shape.collect(), rest))
    }

    /// The region that is copied between a block and a chunk.
    fn common(form: &Form, shape: &[u64]) -> Region {
        let axis = |(&n, &m): (&u64, &u64)| AxisMap::Range { start: 0, step: 1, count: n.min(m), at: 0 };
        Region::Box(form.shape.iter().zip(shape).map(axis).collect())
    }
}

impl Serializer for N5 {
    fn name(&self) -> &str {
        "n5_default"
    }

    fn encode(&self, spec: &Spec, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let form = self.chain.form(&spec.shape)?;
        let too_large = |_| Error::config("a block of N5 has at most 2^16 - 1 axes of at most 2^32 - 1 elements");
        out.extend_from_slice(&0u16.to_be_bytes());
        out.extend_from_slice(&u16::try_from(spec.shape.len()).map_err(too_large)?.to_be_bytes());
        for &length in &spec.shape {
            out.extend_from_slice(&u32::try_from(length).map_err(too_large)?.to_be_bytes());
        }
        let mut data = Scratch::of(src.len())?;
        data.copy_from_slice(src);
        let mut ordered = Scratch::of(src.len())?;
        Output::with(&mut data, &spec.shape, &strides_of(&spec.shape, spec.size)?, spec.size, |view| {
            view.gather(&Region::all(&spec.shape), &mut ordered, &form.strides)
        })?;
        self.chain.encode(&form, &mut ordered, out)
    }

    fn decode(&self, spec: &Spec, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let (shape, data) = self.parse(spec.shape.len(), src)?;
        let most = dst.len().saturating_mul(16).max(LARGEST);
        let found = bytes_of(&Spec { shape: shape.clone(), size: spec.size }).unwrap_or(usize::MAX);
        if found > most {
            return Err(Error::corrupt("the block is much larger than the chunk")
                .expected(format_args!("at most {most} bytes"), format_args!("shape {shape:?}")));
        }
        let form = self.chain.form(&shape)?;
        let mut block = Scratch::of(form.nbytes)?;
        self.chain.decode(&form, data, &mut block)?;
        if shape != spec.shape {
            self.chain.fill().fill(dst);
        }
        Output::with(dst, &spec.shape, &strides_of(&spec.shape, spec.size)?, spec.size, |view| {
            view.scatter(&Self::common(&form, &spec.shape), &block, &form.strides, 0)
        })
    }
}
