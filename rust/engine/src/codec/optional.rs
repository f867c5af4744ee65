//! `optional`: codecs that are applied to some chunks, and a mask that tells to which.

use std::sync::Arc;

use super::BytesCodec;
use crate::error::{Error, Result};
use crate::reserve::reserve;
use crate::scratch::{Scratch, resize};

/// The most bytes that a codec may add to data that are short.
const MORE: usize = 64 << 10;

/// Which chunks the codecs are applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    Never,
    /// If that makes the chunk smaller.
    Smaller,
}

/// Codecs from bytes to bytes after a header, of which bit `i` says whether codec `i` was applied.
///
/// ```
/// use std::sync::Arc;
/// use zarr_engine::codec::BytesCodec;
/// use zarr_engine::codec::crc32c::Crc32c;
/// use zarr_engine::codec::optional::Optional;
///
/// // A checksum makes nothing smaller: it is left out, as the header says.
/// let mut stored = Vec::new();
/// Optional::new(vec![Arc::new(Crc32c::new()?)], 1, "smaller")?.encode(b"data", &mut stored)?;
/// assert_eq!(stored, b"\0data");
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Optional {
    codecs: Vec<Arc<dyn BytesCodec>>,
    header: usize,
    when: When,
}

impl Optional {
    /// `codecs` with a header of `header` bytes; `when` is "always", "never" or "smaller".
    pub fn new(codecs: Vec<Arc<dyn BytesCodec>>, header: usize, when: &str) -> Result<Self> {
        if header < codecs.len().div_ceil(8) {
            return Err(Error::config("the header has fewer bits than there are codecs")
                .expected(format_args!("{} bits", codecs.len()), format_args!("{} bits", header.saturating_mul(8))));
        }
        let when = match when {
            "always" => When::Always,
            "never" => When::Never,
            "smaller" => When::Smaller,
            _ => return Err(Error::config(format!("codecs are not applied {when:?}"))),
        };
        Ok(Self { codecs, header, when })
    }

    /// The header of a chunk, as the codecs that were applied, and the rest of the bytes.
    fn parse<'a>(&self, src: &'a [u8]) -> Result<(Vec<&dyn BytesCodec>, &'a [u8])> {
        let Some((header, rest)) = src.split_at_checked(self.header) else {
            return Err(Error::corrupt("the data end in the header")
                .expected(format_args!("{} bytes", self.header), format_args!("{} bytes", src.len())));
        };
        let mut applied = Vec::new();
        for (i, byte) in header.iter().enumerate() {
            for bit in 0..8 {
                if byte >> bit & 1 == 0 {
                    continue;
                }
                let codec = self.codecs.get(i * 8 + bit).ok_or_else(|| {
                    Error::corrupt(format!("codec {} was applied", i * 8 + bit))
                        .expected(format_args!("{} codecs", self.codecs.len()), "another")
                })?;
                applied.push(&**codec);
            }
        }
        Ok((applied, rest))
    }

    fn decode(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        let (applied, rest) = self.parse(src)?;
        let mut limits = vec![Some(limit)];
        for codec in &applied {
            limits.push(limits[limits.len() - 1].and_then(|n| codec.encoded_bound(n)));
        }
        let mut current = Scratch::of(rest.len())?;
        current.copy_from_slice(rest);
        let mut next = Scratch::take();
        for (codec, bound) in applied.iter().zip(&limits).rev() {
            // Where nobody can say how much a codec makes of the data, it is not much more.
            let limit = bound.map_or(limit.saturating_mul(2).saturating_add(MORE), |n| n.saturating_add(n / 8));
            codec.decode_bounded(&current, limit, &mut next).map_err(|e| e.with_codec(codec.name()))?;
            std::mem::swap(&mut *current, &mut *next);
        }
        if current.len() > limit {
            let found = format_args!("{} bytes", current.len());
            return Err(Error::over_limit("the data are too long", limit, found));
        }
        resize(out, current.len())?;
        out.copy_from_slice(&current);
        Ok(())
    }
}

impl BytesCodec for Optional {
    fn name(&self) -> &str {
        "optional"
    }

    fn encoded_bound(&self, n: usize) -> Option<usize> {
        let bound = self.codecs.iter().try_fold(n, |n, codec| codec.encoded_bound(n).map(|m| m.max(n)))?;
        bound.checked_add(self.header)
    }

    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut encoded = Scratch::of(src.len())?;
        encoded.copy_from_slice(src);
        let mut apply = self.when != When::Never;
        if apply {
            let mut next = Scratch::take();
            for codec in &self.codecs {
                next.clear();
                codec.encode(&encoded, &mut next).map_err(|e| e.with_codec(codec.name()))?;
                std::mem::swap(&mut *encoded, &mut *next);
            }
            apply = self.when == When::Always || encoded.len() < src.len();
        }
        let data = if apply { &encoded[..] } else { src };
        reserve(out, self.header.saturating_add(data.len()))?;
        for byte in 0..self.header {
            let bits = if apply { self.codecs.len().saturating_sub(byte * 8).min(8) } else { 0 };
            out.push(((1u16 << bits) - 1) as u8);
        }
        out.extend_from_slice(data);
        Ok(())
    }

    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let mut decoded = Scratch::take();
        self.decode(src, dst.len(), &mut decoded)?;
        if decoded.len() != dst.len() {
            return Err(Error::corrupt("the data have the wrong length")
                .expected(format_args!("{} bytes", dst.len()), format_args!("{} bytes", decoded.len())));
        }
        dst.copy_from_slice(&decoded);
        Ok(())
    }

    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        self.decode(src, limit, out)
    }
}
