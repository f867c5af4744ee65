//! numcodecs' byte shuffle: all first bytes of the elements, then all second ones, and so on.

use super::BytesCodec;
use super::regroup::{shuffle, unshuffle};
use crate::error::{Error, Kind, Result};
use crate::reserve::reserve;
use crate::scratch::resize;

/// The longest element.
const MOST: usize = i32::MAX as usize;

/// Regroups the bytes of elements by their place in the element.
///
/// ```
/// use zarr_engine::codec::BytesCodec;
/// use zarr_engine::codec::shuffle::Shuffle;
///
/// let mut stored = Vec::new();
/// Shuffle::new(2)?.encode(&[1, 2, 3, 4], &mut stored)?;
/// assert_eq!(stored, [1, 3, 2, 4]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shuffle {
    size: usize,
}

impl Shuffle {
    /// Elements of `elementsize` bytes; 0 and 1 leave the data as they are.
    pub fn new(elementsize: usize) -> Result<Self> {
        if elementsize > MOST {
            return Err(Error::config(format!("the elementsize of a shuffle is at most {MOST}, not {elementsize}")));
        }
        Ok(Self { size: elementsize.max(1) })
    }

    /// numcodecs refuses what is no whole number of elements.
    fn check(&self, length: usize, kind: Kind) -> Result<()> {
        if length.is_multiple_of(self.size) {
            return Ok(());
        }
        Err(Error::new(kind, "the data are no whole number of elements to shuffle")
            .expected(format_args!("a multiple of {} bytes", self.size), format_args!("{length} bytes")))
    }

    fn decode(&self, src: &[u8], dst: &mut [u8]) {
        match self.size {
            1 => dst.copy_from_slice(src),
            size => unshuffle(size, src, dst),
        }
    }
}

impl BytesCodec for Shuffle {
    fn name(&self) -> &str {
        "shuffle"
    }

    fn encoded_bound(&self, n: usize) -> Option<usize> {
        Some(n)
    }

    fn encoded_exact(&self, n: usize) -> Option<usize> {
        Some(n)
    }

    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.check(src.len(), Kind::Config)?;
        reserve(out, src.len())?;
        let start = out.len();
        match self.size {
            1 => out.extend_from_slice(src),
            size => {
                out.resize(start + src.len(), 0);
                shuffle(size, src, &mut out[start..]);
            }
        }
        Ok(())
    }

    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        if src.len() != dst.len() {
            return Err(Error::corrupt("shuffled data have the wrong size")
                .expected(format_args!("{} bytes", dst.len()), format_args!("{} bytes", src.len())));
        }
        self.check(src.len(), Kind::Corrupt)?;
        self.decode(src, dst);
        Ok(())
    }

    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        if src.len() > limit {
            let found = format_args!("{} bytes", src.len());
            return Err(Error::over_limit("shuffled data are too long", limit, found));
        }
        self.check(src.len(), Kind::Corrupt)?;
        resize(out, src.len())?;
        self.decode(src, out);
        Ok(())
    }
}
