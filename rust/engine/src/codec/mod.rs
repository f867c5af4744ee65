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

/// What a codec knows of the array it is given: C order, no gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Elements along each axis.
    pub shape: Vec<u64>,
    /// Bytes of one element.
    pub size: usize,
}

/// Maps bytes to bytes.
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

    /// Replaces `out` by what `src` decodes to, which may be at most `limit` bytes.
    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()>;
}

/// Maps an array to an array.
pub trait ArrayFilter: Send + Sync + fmt::Debug {
    /// The name in error messages.
    fn name(&self) -> &str;

    /// What an array of `spec` becomes.
    fn encoded_spec(&self, spec: &Spec) -> Result<Spec>;

    /// How many axes an array with `axes` axes has then.
    fn encoded_axes(&self, axes: usize) -> usize {
        axes
    }

    /// Replaces `data`, an array of `spec`, by its encoded form.
    fn encode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()>;

    /// Replaces `data`, the encoded form of an array of `spec`, by that array.
    fn decode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()>;
}

/// Maps an array to bytes (other than the plain and the sharded form, which the chain knows itself).
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
}
