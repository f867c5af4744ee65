//! CRC-32C (RFC 3720): four bytes after the data that tell whether they are whole.

use crc32c::{crc32c, crc32c_append};

use super::BytesCodec;
use crate::error::{Error, Result};
use crate::reserve::reserve;

/// Bytes of the checksum.
const SIZE: usize = 4;
/// Bytes that are checked and then copied while they are still in the cache.
const STEP: usize = 16 << 10;

/// Appends the CRC-32C of the data, little-endian.
///
/// ```
/// use zarr_engine::codec::BytesCodec;
/// use zarr_engine::codec::crc32c::Crc32c;
///
/// let mut stored = Vec::new();
/// Crc32c::new()?.encode(b"123456789", &mut stored)?;
/// assert_eq!(stored, b"123456789\x83\x92\x06\xe3");
///
/// stored[0] = b'0';
/// assert!(Crc32c::new()?.decode_exact(&stored, &mut [0; 9]).is_err());
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Crc32c;

impl Crc32c {
    /// The codec has no configuration.
    pub fn new() -> Result<Self> {
        Ok(Self)
    }
}

impl BytesCodec for Crc32c {
    fn name(&self) -> &str {
        "crc32c"
    }

    fn encoded_bound(&self, n: usize) -> Option<usize> {
        n.checked_add(SIZE)
    }

    fn encoded_exact(&self, n: usize) -> Option<usize> {
        n.checked_add(SIZE)
    }

    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        reserve(out, src.len().saturating_add(SIZE))?;
        out.extend_from_slice(src);
        out.extend_from_slice(&crc32c(src).to_le_bytes());
        Ok(())
    }

    fn encode_in_place(&self, data: &mut Vec<u8>) -> Option<Result<()>> {
        let sum = crc32c(data).to_le_bytes();
        Some(reserve(data, SIZE).map(|()| data.extend_from_slice(&sum)))
    }

    fn decode_in_place(&self, src: &[u8]) -> Option<Result<usize>> {
        Some(split(src).and_then(|(data, stored)| check(stored, crc32c(data)).map(|()| data.len())))
    }

    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let (data, stored) = split(src)?;
        if data.len() != dst.len() {
            return Err(Error::corrupt("checksummed data have the wrong size")
                .expected(format_args!("{} bytes", dst.len()), format_args!("{} bytes", data.len())));
        }
        let mut found = 0;
        for (from, to) in data.chunks(STEP).zip(dst.chunks_mut(STEP)) {
            found = crc32c_append(found, from);
            to.copy_from_slice(from);
        }
        check(stored, found)
    }

    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        let (data, stored) = split(src)?;
        if data.len() > limit {
            let found = format_args!("{} bytes", data.len());
            return Err(Error::over_limit("checksummed data are too long", limit, found));
        }
        check(stored, crc32c(data))?;
        reserve(out, data.len())?;
        out.extend_from_slice(data);
        Ok(())
    }
}

fn split(src: &[u8]) -> Result<(&[u8], u32)> {
    let (data, stored) = src.split_last_chunk::<SIZE>().ok_or_else(|| {
        Error::corrupt("there is no checksum")
            .expected(format_args!("at least {SIZE} bytes"), format_args!("{} bytes", src.len()))
    })?;
    Ok((data, u32::from_le_bytes(*stored)))
}

fn check(stored: u32, found: u32) -> Result<()> {
    if stored == found {
        return Ok(());
    }
    Err(Error::corrupt("the checksum does not match")
        .expected(format_args!("{stored:#010x}"), format_args!("{found:#010x}")))
}
