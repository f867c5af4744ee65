//! Blosc 1: blocks of shuffled bytes, each compressed by one of several libraries.
//!
//! The container is read and written here, and not by c-blosc, which is told where its input starts
//! but not where it ends, makes its compressors' contexts anew for every block, and needs a C++
//! runtime for Snappy. The same bytes come out, where a compressor is the one that c-blosc uses.

mod compressor;
mod decode;
mod encode;

use self::compressor::Compressor;
use self::decode::Header;
use super::{BytesCodec, Window};
use crate::error::{Error, Kind, Result};
use crate::object::Object;
use crate::reserve::reserve;
use crate::scratch::resize;

/// Bytes of the header: two versions, flags, typesize, then three sizes of four bytes.
const HEADER: usize = 16;
/// The version of the container.
const VERSION: u8 = 2;
/// The version of every compressor's format.
const INNER_VERSION: u8 = 1;
/// The most bytes: what a signed 32-bit size holds beside the header.
const MOST_BYTES: usize = i32::MAX as usize - HEADER;
/// The longest block.
const MOST_BLOCK: usize = (i32::MAX as usize - 255 * 4) / 3;
/// A block is split by byte of the element only up to this typesize…
const MOST_PARTS: usize = 16;
/// … and if this many bytes at least are in each part. A shorter buffer is stored.
const LEAST_PART: usize = 128;

/// Bits of the header's third byte; the last three are the number of the compressor's format.
mod flag {
    /// The elements' bytes are shuffled.
    pub(super) const SHUFFLED: u8 = 0x01;
    /// The data are stored, neither shuffled nor compressed.
    pub(super) const STORED: u8 = 0x02;
    /// The elements' bits are shuffled.
    pub(super) const BITSHUFFLED: u8 = 0x04;
    /// Not in use.
    pub(super) const RESERVED: u8 = 0x08;
    /// Blocks are not split by byte.
    pub(super) const WHOLE_BLOCKS: u8 = 0x10;
}

/// Blosc's container around one of its compressors.
///
/// ```
/// use zarr_engine::codec::BytesCodec;
/// use zarr_engine::codec::blosc::Blosc;
///
/// let codec = Blosc::new("lz4", 5, 1, 8, 0)?;
/// let mut stored = Vec::new();
/// codec.encode(&[7; 4096], &mut stored)?;
/// assert!(stored.len() < 1000);
///
/// let mut chunk = [0; 4096];
/// codec.decode_exact(&stored, &mut chunk)?;
/// assert_eq!(chunk, [7; 4096]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blosc {
    compressor: Compressor,
    clevel: i32,
    shuffle: Shuffle,
    typesize: usize,
    blocksize: usize,
}

/// The units that are regrouped before compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shuffle {
    None,
    Bytes,
    Bits,
}

impl Shuffle {
    /// How many bytes it takes to regroup blocks of `blocksize`, beside the block.
    fn scratch(self, blocksize: usize) -> usize {
        match self {
            Shuffle::None => 0,
            Shuffle::Bytes => blocksize,
            Shuffle::Bits => blocksize * 2,
        }
    }
}

impl Blosc {
    /// `cname` is one of blosclz, lz4, lz4hc, snappy, zlib, zstd; `clevel` 0 to 9; `shuffle` 0 for
    /// none, 1 for bytes, 2 for bits; a `blocksize` of 0 leaves the choice to the codec.
    pub fn new(cname: &str, clevel: i32, shuffle: i32, typesize: usize, blocksize: usize) -> Result<Self> {
        let Some(compressor) = Compressor::named(cname) else {
            return Err(Error::config(format!("blosc has no compressor {cname:?}")));
        };
        if !(0..=9).contains(&clevel) {
            return Err(Error::config(format!("a blosc level is 0 to 9, not {clevel}")));
        }
        let shuffle = match shuffle {
            0 => Shuffle::None,
            1 => Shuffle::Bytes,
            2 => Shuffle::Bits,
            _ => {
                return Err(Error::config(format!("a blosc shuffle is 0, 1 or 2, not {shuffle}")));
            }
        };
        if typesize == 0 {
            return Err(Error::config("a blosc typesize is 1 at least"));
        }
        // The header has one byte for it; c-blosc takes longer elements for plain bytes.
        let typesize = if typesize > 255 { 1 } else { typesize };
        Ok(Self { compressor, clevel, shuffle, typesize, blocksize })
    }
}

impl BytesCodec for Blosc {
    fn name(&self) -> &str {
        "blosc"
    }

    /// More than this writer needs, which stores what does not shrink: others may not.
    fn encoded_bound(&self, n: usize) -> Option<usize> {
        n.checked_add(n / 8)?.checked_add(1024)
    }

    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if src.len() > MOST_BYTES {
            return Err(Error::new(Kind::TooLarge, "the data are too long for blosc")
                .expected(format_args!("at most {MOST_BYTES} bytes"), format_args!("{} bytes", src.len())));
        }
        reserve(out, src.len() + HEADER)?;
        self.append(src, out)
    }

    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let header = Header::read(src)?;
        if header.nbytes != dst.len() {
            return Err(Error::corrupt("blosc data have the wrong size")
                .expected(format_args!("{} bytes", dst.len()), format_args!("{} bytes", header.nbytes)));
        }
        header.decode(src, dst)
    }

    fn decode_ranges(&self, src: &dyn Object, window: &mut Window<'_>) -> Result<bool> {
        Header::decode_ranges(src, window).map(|()| true)
    }

    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        let header = Header::read(src)?;
        if header.nbytes > limit {
            let found = format_args!("{} bytes", header.nbytes);
            return Err(Error::over_limit("blosc data are too long", limit, found));
        }
        header.check(src)?;
        resize(out, header.nbytes)?;
        header.decode(src, out)
    }
}
