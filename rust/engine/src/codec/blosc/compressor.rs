//! The compressors inside Blosc: each maps a part of a block to a stream.

// The thin face of a C library.
#![allow(unsafe_code)]

use std::ffi::c_int;

use super::super::{deflate, lz4, zstd};
use super::MOST_BYTES;
use crate::error::{Error, Result};
use crate::reserve::reserve;

unsafe extern "C" {
    fn blosclz_compress(clevel: c_int, src: *const u8, length: c_int, dst: *mut u8, room: c_int, split: c_int)
    -> c_int;
    fn blosclz_decompress(src: *const u8, length: c_int, dst: *mut u8, room: c_int) -> c_int;
}

/// A compressor by c-blosc's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compressor {
    Blosclz,
    Lz4,
    Lz4hc,
    Snappy,
    Zlib,
    Zstd,
}

impl Compressor {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "blosclz" => Some(Self::Blosclz),
            "lz4" => Some(Self::Lz4),
            "lz4hc" => Some(Self::Lz4hc),
            "snappy" => Some(Self::Snappy),
            "zlib" => Some(Self::Zlib),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The number of its format.
    pub(super) fn format(self) -> u8 {
        match self {
            Self::Blosclz => 0,
            Self::Lz4 | Self::Lz4hc => 1,
            Self::Snappy => 2,
            Self::Zlib => 3,
            Self::Zstd => 4,
        }
    }

    /// One that reads the format of this number.
    pub(super) fn of_format(format: u8) -> Option<Self> {
        [Self::Blosclz, Self::Lz4, Self::Snappy, Self::Zlib, Self::Zstd].get(usize::from(format)).copied()
    }

    /// No byte of a stream, with the size before it, becomes more bytes than this.
    pub(super) fn highest_ratio(self) -> usize {
        match self {
            Self::Blosclz | Self::Lz4 | Self::Lz4hc | Self::Snappy => 300,
            Self::Zlib => deflate::HIGHEST_RATIO,
            Self::Zstd => zstd::HIGHEST_RATIO,
        }
    }

    /// Whether it is one that does better on long blocks.
    pub(super) fn likes_long_blocks(self) -> bool {
        matches!(self, Self::Lz4hc | Self::Zlib | Self::Zstd)
    }

    /// Appends the compressed form of `part` to `out` if that is at most `most` bytes, and says how
    /// many it is. Blocks are `split` by byte or not.
    pub(super) fn append(
        self,
        clevel: i32,
        split: bool,
        part: &[u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<usize>> {
        match self {
            Self::Blosclz => Ok(append_blosclz(clevel, split, part, most, out)),
            Self::Lz4 => Ok(lz4::append_block(part, lz4::Effort::Fast(10 - clevel), most, out)),
            Self::Lz4hc => Ok(lz4::append_block(part, lz4::Effort::High(clevel), most, out)),
            Self::Snappy => append_snappy(part, most, out),
            Self::Zlib => deflate::append_zlib(clevel, part, most, out),
            Self::Zstd => {
                let level = if clevel < 9 { clevel * 2 - 1 } else { i32::MAX };
                zstd::append_frame(level, part, most, out)
            }
        }
    }

    /// Decodes `stream`, which must become exactly `part`.
    pub(super) fn decode(self, stream: &[u8], part: &mut [u8]) -> Result<()> {
        match self {
            Self::Blosclz => decode_blosclz(stream, part),
            Self::Lz4 | Self::Lz4hc => lz4::decode_block(stream, part),
            Self::Snappy => decode_snappy(stream, part),
            Self::Zlib => deflate::decode_zlib(stream, part),
            Self::Zstd => zstd::decode_frame(stream, part),
        }
    }
}

fn append_blosclz(clevel: i32, split: bool, part: &[u8], most: usize, out: &mut Vec<u8>) -> Option<usize> {
    let spare = out.spare_capacity_mut();
    let room = most.min(spare.len());
    let (Ok(length), Ok(room)) = (c_int::try_from(part.len()), c_int::try_from(room)) else {
        return None;
    };
    // SAFETY: `part` is valid for reads of `length` bytes, `spare` for writes of `room`; they do
    // not overlap.
    let size =
        unsafe { blosclz_compress(clevel, part.as_ptr(), length, spare.as_mut_ptr().cast(), room, c_int::from(split)) };
    let size = usize::try_from(size).ok().filter(|&size| (1..=spare.len()).contains(&size))?;
    // SAFETY: the first `size` bytes of the spare capacity were written.
    unsafe { out.set_len(out.len() + size) };
    Some(size)
}

fn decode_blosclz(stream: &[u8], part: &mut [u8]) -> Result<()> {
    /// So many bytes of 255 in a row overflow the decoder's length of a match.
    const OVERFLOW: usize = i32::MAX as usize / 255 - 1;
    let overflows = stream.len() >= OVERFLOW && stream.split(|&byte| byte != 255).any(|run| run.len() >= OVERFLOW);
    let (Ok(length), Ok(room)) = (c_int::try_from(stream.len()), c_int::try_from(part.len())) else {
        return Err(damaged());
    };
    if overflows || length == 0 {
        return Err(damaged());
    }
    // SAFETY: `stream` is valid for reads of `length` bytes, `part` for writes of `room`; they do
    // not overlap; no length of a match overflows.
    let size = unsafe { blosclz_decompress(stream.as_ptr(), length, part.as_mut_ptr(), room) };
    if size == room { Ok(()) } else { Err(damaged()) }
}

fn append_snappy(part: &[u8], most: usize, out: &mut Vec<u8>) -> Result<Option<usize>> {
    let start = out.len();
    let bound = snap::raw::max_compress_len(part.len());
    if bound == 0 || part.len() > MOST_BYTES {
        return Ok(None);
    }
    reserve(out, bound)?;
    out.resize(start + bound, 0);
    let size = snap::raw::Encoder::new()
        .compress(part, &mut out[start..])
        .map_err(|error| Error::internal(error.to_string()))?;
    if size > most {
        out.truncate(start);
        return Ok(None);
    }
    out.truncate(start + size);
    Ok(Some(size))
}

fn decode_snappy(stream: &[u8], part: &mut [u8]) -> Result<()> {
    // The decoder takes more room than it needs.
    match snap::raw::decompress_len(stream) {
        Ok(size) if size == part.len() => {}
        _ => return Err(damaged()),
    }
    match snap::raw::Decoder::new().decompress(stream, part) {
        Ok(size) if size == part.len() => Ok(()),
        _ => Err(damaged()),
    }
}

#[cold]
fn damaged() -> Error {
    Error::corrupt("a block is damaged")
}
