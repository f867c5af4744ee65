//! Codecs: pure, synchronous maps between arrays and bytes. One file per codec.
//!
//! Three kinds, as in the Zarr v3 core specification: an [`ArrayFilter`] maps an array to an array,
//! a [`Serializer`] an array to bytes, a [`BytesCodec`] bytes to bytes. `chain.rs` links them.

pub mod affix;
pub mod bitround;
#[cfg(feature = "blosc")]
pub mod blosc;
pub mod chain;
pub mod crc32c;
#[cfg(feature = "gzip")]
pub mod deflate;
pub mod delta;
pub mod encoded;
#[cfg(feature = "lz4")]
pub mod lz4;
pub mod masked;
pub mod n5;
pub mod optional;
pub mod packbits;
pub mod registry;
#[cfg(feature = "blosc")]
mod regroup;
pub mod reshape;
#[cfg(feature = "blosc")]
pub mod shuffle;
pub mod transpose;
pub mod vlen;
#[cfg(feature = "zstd")]
pub mod zstd;

use std::fmt;

use crate::error::Result;
use crate::object::Object;

/// The description of the array that a codec is given: C order, no gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Elements along each dimension.
    pub shape: Vec<u64>,
    /// Bytes of one element.
    pub size: usize,
}

/// The bytes that are wanted of data that are decoded.
#[derive(Debug)]
pub struct Window<'a> {
    /// How many bytes all of the data are.
    pub total: usize,
    /// Those that are wanted, from the first to before the second: in their order, with bytes between
    /// them that are not, and one range at least.
    pub ranges: &'a [(u64, u64)],
    /// Where they are put: as long as it is from the first range's start to the last one's end. The
    /// bytes between the ranges afterwards do not matter.
    pub dst: &'a mut [u8],
}

impl Window<'_> {
    /// Which of the data `dst` holds.
    pub fn hull(&self) -> (usize, usize) {
        let start = self.ranges.first().map_or(0, |range| range.0 as usize);
        (start, start + self.dst.len())
    }

    /// Puts the ranges where they belong; `read` is given the first byte of each.
    pub fn each(&mut self, mut read: impl FnMut(usize, &mut [u8]) -> Result<()>) -> Result<()> {
        let (start, _) = self.hull();
        self.ranges
            .iter()
            .try_for_each(|&(from, to)| read(from as usize, &mut self.dst[from as usize - start..to as usize - start]))
    }
}

/// Which encoded elements an array filter needs to decode one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// The one at the same place.
    Same,
    /// Those before it as well.
    Before,
    /// All of them.
    All,
}

/// Maps bytes to bytes.
///
/// ```
/// use std::sync::Arc;
/// use zarr_engine::codec::BytesCodec;
/// use zarr_engine::codec::chain::{Chain, Link};
/// use zarr_engine::element::{Fill, Swap};
/// use zarr_engine::error::{Error, Result};
///
/// /// Stores every bit as its contrary.
/// #[derive(Debug)]
/// struct Invert;
///
/// impl BytesCodec for Invert {
///     fn name(&self) -> &str {
///         "invert"
///     }
///     fn encoded_bound(&self, n: usize) -> Option<usize> {
///         Some(n)
///     }
///     fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
///         out.extend(src.iter().map(|byte| !byte));
///         Ok(())
///     }
///     fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
///         if src.len() != dst.len() {
///             return Err(Error::corrupt("the data have the wrong length"));
///         }
///         dst.iter_mut().zip(src).for_each(|(to, from)| *to = !from);
///         Ok(())
///     }
///     fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
///         if src.len() > limit {
///             return Err(Error::over_limit("the data are too long", limit, src.len()));
///         }
///         out.clear();
///         self.encode(src, out)
///     }
/// }
///
/// let links = vec![Link::Bytes(Swap::None), Link::Outer(Arc::new(Invert))];
/// let chain = Chain::new(links, 1, &Fill::new(&[0])?)?;
/// let mut stored = Vec::new();
/// chain.encode(&chain.form(&[2])?, &mut vec![0x0f, 0xff], &mut stored)?;
/// assert_eq!(stored, [0xf0, 0]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub trait BytesCodec: Send + Sync + fmt::Debug {
    /// The name in error messages.
    fn name(&self) -> &str;

    /// The most bytes that [`encode`](Self::encode) makes of `n`; `None` if nobody can say.
    /// Decoders of what stands after this codec in the chain take it as a limit.
    fn encoded_bound(&self, n: usize) -> Option<usize>;

    /// The number of bytes that every input of `n` bytes becomes, if that does not depend on the
    /// input (a checksum): what a shard index needs.
    fn encoded_exact(&self, n: usize) -> Option<usize> {
        let _ = n;
        None
    }

    /// Appends the encoded form of `src` to `out`.
    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()>;

    /// As [`encode`](Self::encode) where the data stand; `None` if the codec does not only add bytes
    /// after them. Data that are large, and only wrapped, are then held once.
    fn encode_in_place(&self, data: &mut Vec<u8>) -> Option<Result<()>> {
        let _ = data;
        None
    }

    /// How many of the first bytes of `src` are what it decodes to; `None` if the codec does not only
    /// add bytes after the data.
    fn decode_in_place(&self, src: &[u8]) -> Option<Result<usize>> {
        let _ = src;
        None
    }

    /// Decodes `src`, which must be exactly `dst.len()` bytes when decoded.
    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()>;

    /// Decodes a part of what `src` becomes, and reads no more of it than it must. `false` if the codec
    /// decodes all or nothing, or if a checksum guards the data as a whole: then nothing is done.
    fn decode_ranges(&self, src: &dyn Object, window: &mut Window<'_>) -> Result<bool> {
        let _ = (src, window);
        Ok(false)
    }

    /// Replaces `out` by what `src` decodes to, which may be at most `limit` bytes.
    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()>;
}

/// Maps an array to an array.
///
/// ```
/// use zarr_engine::codec::{ArrayFilter, Spec};
/// use zarr_engine::error::Result;
///
/// /// Stores the elements in reverse.
/// #[derive(Debug)]
/// struct Reverse;
///
/// impl ArrayFilter for Reverse {
///     fn name(&self) -> &str {
///         "reverse"
///     }
///     fn encoded_spec(&self, spec: &Spec) -> Result<Spec> {
///         Ok(spec.clone())
///     }
///     fn encode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()> {
///         *data = data.chunks_exact(spec.size).rev().flatten().copied().collect();
///         Ok(())
///     }
///     fn decode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()> {
///         self.encode(spec, data)
///     }
/// }
///
/// let mut data = vec![1, 0, 2, 0];
/// Reverse.encode(&Spec { shape: vec![2], size: 2 }, &mut data)?;
/// assert_eq!(data, [2, 0, 1, 0]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub trait ArrayFilter: Send + Sync + fmt::Debug {
    /// The name in error messages.
    fn name(&self) -> &str;

    /// The description of an array of `spec` after encoding.
    fn encoded_spec(&self, spec: &Spec) -> Result<Spec>;

    /// The input that decoding a part of an array needs. A filter that does not need all
    /// keeps size and shape.
    fn needs(&self) -> Needs {
        Needs::All
    }

    /// How many dimensions an array with `axes` dimensions has then.
    fn encoded_axes(&self, axes: usize) -> usize {
        axes
    }

    /// Replaces `data`, an array of `spec`, by its encoded form.
    fn encode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()>;

    /// Replaces `data`, the encoded form of an array of `spec`, by that array.
    fn decode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()>;
}

/// Maps an array to bytes (other than the plain and the sharded form, which the chain knows itself).
///
/// ```
/// use zarr_engine::codec::{Serializer, Spec};
/// use zarr_engine::error::{Error, Result};
///
/// /// Stores the elements in decimal numbers, one a line.
/// #[derive(Debug)]
/// struct Lines;
///
/// impl Serializer for Lines {
///     fn name(&self) -> &str {
///         "lines"
///     }
///     fn encode(&self, _: &Spec, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
///         src.iter().for_each(|element| out.extend_from_slice(format!("{element}\n").as_bytes()));
///         Ok(())
///     }
///     fn decode(&self, _: &Spec, src: &[u8], dst: &mut [u8]) -> Result<()> {
///         let numbers = str::from_utf8(src).ok().and_then(|text| text.lines().map(|n| n.parse().ok()).collect());
///         match numbers {
///             Some::<Vec<u8>>(numbers) if numbers.len() == dst.len() => dst.copy_from_slice(&numbers),
///             _ => return Err(Error::corrupt("the lines are no numbers, or not as many as there should be")),
///         }
///         Ok(())
///     }
/// }
///
/// let spec = Spec { shape: vec![3], size: 1 };
/// let (mut stored, mut chunk) = (Vec::new(), [0; 3]);
/// Lines.encode(&spec, &[1, 20, 255], &mut stored)?;
/// assert_eq!(stored, b"1\n20\n255\n");
/// Lines.decode(&spec, &stored, &mut chunk)?;
/// assert_eq!(chunk, [1, 20, 255]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub trait Serializer: Send + Sync + fmt::Debug {
    /// The name in error messages.
    fn name(&self) -> &str;

    /// The most bytes that an array of `spec` becomes; `None` if nobody can say.
    fn encoded_bound(&self, spec: &Spec) -> Result<Option<usize>> {
        let _ = spec;
        Ok(None)
    }

    /// The number of bytes that every array of `spec` becomes, if that does not depend on it.
    fn encoded_exact(&self, spec: &Spec) -> Option<usize> {
        let _ = spec;
        None
    }

    /// Appends the encoded form of `src`, an array of `spec`, to `out`.
    fn encode(&self, spec: &Spec, src: &[u8], out: &mut Vec<u8>) -> Result<()>;

    /// Decodes `src` into the array `dst` of `spec`.
    fn decode(&self, spec: &Spec, src: &[u8], dst: &mut [u8]) -> Result<()>;

    /// Decodes a part of the array of `spec` that `src` becomes; `false`, and nothing is done, if that
    /// cannot be.
    fn decode_ranges(&self, spec: &Spec, src: &dyn Object, window: &mut Window<'_>) -> Result<bool> {
        let _ = (spec, src, window);
        Ok(false)
    }
}
