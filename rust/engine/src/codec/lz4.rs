//! LZ4 as numcodecs stores it: the decoded size in four bytes, then one block of the C library.

// The thin face of a C library.
#![allow(unsafe_code)]

use std::ffi::c_int;

#[cfg(feature = "blosc")]
use lz4_sys::LZ4_compress_HC;
use lz4_sys::{LZ4_compress_fast, LZ4_compressBound, LZ4_decompress_safe};

use super::BytesCodec;
use crate::error::{Error, Kind, Result};
use crate::reserve::reserve;
use crate::scratch::resize;

/// Bytes of the decoded size.
const HEADER: usize = 4;
/// The most bytes that one block holds.
const MOST_BYTES: usize = 0x7E00_0000;
/// No byte of a block becomes more bytes than this.
const HIGHEST_RATIO: usize = 255;

/// One LZ4 block behind its decoded size.
///
/// ```
/// use zarr_engine::codec::BytesCodec;
/// use zarr_engine::codec::lz4::Lz4;
///
/// let codec = Lz4::new(1)?;
/// let mut stored = Vec::new();
/// codec.encode(&[7; 4096], &mut stored)?;
/// assert!(stored.len() < 1000);
///
/// let mut chunk = [0; 4096];
/// codec.decode_exact(&stored, &mut chunk)?;
/// assert_eq!(chunk, [7; 4096]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lz4 {
    acceleration: c_int,
}

impl Lz4 {
    /// The higher the `acceleration`, the faster and the larger; the library takes less than 1 for 1.
    pub fn new(acceleration: i32) -> Result<Self> {
        Ok(Self { acceleration })
    }
}

impl BytesCodec for Lz4 {
    fn name(&self) -> &str {
        "lz4"
    }

    fn encoded_bound(&self, n: usize) -> Option<usize> {
        n.checked_add(n / HIGHEST_RATIO)?.checked_add(16 + HEADER)
    }

    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let (Ok(size), true) = (c_int::try_from(src.len()), src.len() <= MOST_BYTES) else {
            return Err(Error::new(Kind::TooLarge, "the data are too long for an LZ4 block")
                .expected(format_args!("at most {MOST_BYTES} bytes"), format_args!("{} bytes", src.len())));
        };
        // SAFETY: takes a number, returns a number.
        let bound = usize::try_from(unsafe { LZ4_compressBound(size) }).unwrap_or_default();
        reserve(out, HEADER + bound)?;
        out.extend_from_slice(&size.to_le_bytes());
        match append_block(src, Effort::Fast(self.acceleration), bound, out) {
            Some(_) => Ok(()),
            None => Err(Error::internal("LZ4 found no room for its output")),
        }
    }

    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let (size, block) = split(src)?;
        if size != dst.len() {
            return Err(Error::corrupt("LZ4 data have the wrong size")
                .expected(format_args!("{} bytes", dst.len()), format_args!("{size} bytes")));
        }
        decode_block(block, dst)
    }

    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        let (size, block) = split(src)?;
        if size > limit {
            return Err(Error::over_limit("LZ4 data are too long", limit, format_args!("{size} bytes")));
        }
        if size > block.len().saturating_mul(HIGHEST_RATIO) {
            return Err(damaged());
        }
        resize(out, size)?;
        decode_block(block, out)
    }
}

/// The decoded size, and the block.
fn split(src: &[u8]) -> Result<(usize, &[u8])> {
    match src.split_first_chunk::<HEADER>() {
        Some((size, block)) => Ok((u32::from_le_bytes(*size) as usize, block)),
        None => Err(Error::corrupt("LZ4 data are cut short")),
    }
}

/// How hard to compress.
#[derive(Debug, Clone, Copy)]
pub(super) enum Effort {
    /// LZ4, with this acceleration.
    Fast(c_int),
    /// LZ4 HC, at this level.
    #[cfg(feature = "blosc")]
    High(c_int),
}

/// Appends the block of `src` to `out`, whose capacity it does not change, if that is at most
/// `most` bytes; says how many it is.
pub(super) fn append_block(src: &[u8], effort: Effort, most: usize, out: &mut Vec<u8>) -> Option<usize> {
    let spare = out.spare_capacity_mut();
    let size = c_int::try_from(src.len()).ok()?;
    let room = c_int::try_from(spare.len().min(most)).unwrap_or(c_int::MAX);
    let (from, to) = (src.as_ptr().cast(), spare.as_mut_ptr().cast());
    let written = match effort {
        // SAFETY: `src` is valid for reads of `size` bytes and `spare` for writes of `room`.
        Effort::Fast(acceleration) => unsafe { LZ4_compress_fast(from, to, size, room, acceleration) },
        #[cfg(feature = "blosc")]
        // SAFETY: as above.
        Effort::High(level) => unsafe { LZ4_compress_HC(from, to, size, room, level) },
    };
    let written = usize::try_from(written).ok().filter(|&n| (1..=spare.len()).contains(&n))?;
    // SAFETY: LZ4 wrote the first `written` bytes of the spare capacity.
    unsafe { out.set_len(out.len() + written) };
    Some(written)
}

/// Decodes `block`, which must become exactly `dst`.
pub(super) fn decode_block(block: &[u8], dst: &mut [u8]) -> Result<()> {
    if dst.is_empty() {
        // One token that says so. The library would add to the pointer of nothing.
        return if block == [0] { Ok(()) } else { Err(damaged()) };
    }
    let (Ok(size), Ok(room)) = (c_int::try_from(block.len()), c_int::try_from(dst.len())) else {
        return Err(damaged());
    };
    // SAFETY: `block` is valid for reads of `size` bytes, `dst` for writes of `room`.
    let found = unsafe { LZ4_decompress_safe(block.as_ptr().cast(), dst.as_mut_ptr().cast(), size, room) };
    // Bytes after the end of the block are an error to the library already.
    if found == room { Ok(()) } else { Err(damaged()) }
}

#[cold]
fn damaged() -> Error {
    Error::corrupt("LZ4 data are damaged")
}
