//! `pad` and `offset`: bytes before or after the data, which mean nothing to a reader.

use super::BytesCodec;
use crate::error::{Error, Result};
use crate::reserve::reserve;
use crate::scratch::resize;

/// Adds bytes, and takes as many away.
///
/// ```
/// use zarr_engine::codec::BytesCodec;
/// use zarr_engine::codec::affix::Affix;
///
/// let mut stored = Vec::new();
/// Affix::new(true, b"II".to_vec()).encode(b"data", &mut stored)?;
/// assert_eq!(stored, b"IIdata");
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affix {
    at_start: bool,
    bytes: Vec<u8>,
}

impl Affix {
    /// `bytes` before the data (`at_start`) or after them.
    pub fn new(at_start: bool, bytes: Vec<u8>) -> Self {
        Self { at_start, bytes }
    }

    /// The data without the bytes, which may be others than ours.
    fn strip<'a>(&self, src: &'a [u8]) -> Result<&'a [u8]> {
        let n = self.bytes.len();
        let stripped = match src.len().checked_sub(n) {
            None => None,
            Some(_) if self.at_start => src.get(n..),
            Some(end) => src.get(..end),
        };
        stripped.ok_or_else(|| {
            Error::corrupt("the data are shorter than what was added to them")
                .expected(format_args!("at least {n} bytes"), format_args!("{} bytes", src.len()))
        })
    }
}

impl BytesCodec for Affix {
    fn name(&self) -> &str {
        "pad"
    }

    fn encoded_bound(&self, n: usize) -> Option<usize> {
        n.checked_add(self.bytes.len())
    }

    fn encoded_exact(&self, n: usize) -> Option<usize> {
        self.encoded_bound(n)
    }

    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        reserve(out, src.len().saturating_add(self.bytes.len()))?;
        let (first, second) = if self.at_start { (&self.bytes[..], src) } else { (src, &self.bytes[..]) };
        out.extend_from_slice(first);
        out.extend_from_slice(second);
        Ok(())
    }

    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let data = self.strip(src)?;
        if data.len() != dst.len() {
            return Err(Error::corrupt("the data have the wrong length")
                .expected(format_args!("{} bytes", dst.len()), format_args!("{} bytes", data.len())));
        }
        dst.copy_from_slice(data);
        Ok(())
    }

    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        let data = self.strip(src)?;
        if data.len() > limit {
            return Err(Error::over_limit("the data are too long", limit, format_args!("{} bytes", data.len())));
        }
        resize(out, data.len())?;
        out.copy_from_slice(data);
        Ok(())
    }
}
