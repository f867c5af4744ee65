//! The way out of the container. Nothing that is read there is believed.

use std::ops::Range;

use super::super::regroup::{bitunshuffle, unshuffle};
use super::compressor::Compressor;
use super::{HEADER, INNER_VERSION, LEAST_PART, MOST_BLOCK, MOST_BYTES, MOST_PARTS, Shuffle, VERSION, flag};
use crate::error::{Error, Result};
use crate::scratch::Scratch;

/// What the header says, after the checks that need nothing else.
pub(super) struct Header {
    inner_version: u8,
    flags: u8,
    typesize: usize,
    blocksize: usize,
    /// The decoded size.
    pub(super) nbytes: usize,
}

impl Header {
    /// The header of `src`, whose length must be the one it says.
    pub(super) fn read(src: &[u8]) -> Result<Self> {
        let Some(&[version, inner_version, flags, typesize, ref sizes @ ..]) = src.first_chunk::<HEADER>() else {
            return Err(damaged("the header is cut short"));
        };
        let (sizes, _) = sizes.as_chunks::<4>();
        let [nbytes, blocksize, cbytes] = [0, 1, 2].map(|i| u32::from_le_bytes(sizes[i]) as usize);
        if version != VERSION {
            return Err(damaged("the version is unknown").expected(VERSION, version));
        }
        if flags & flag::RESERVED != 0 {
            return Err(damaged("a reserved flag is set"));
        }
        if cbytes != src.len() {
            return Err(Error::corrupt("blosc data are cut short, or bytes follow their end")
                .expected(format_args!("{cbytes} bytes"), format_args!("{} bytes", src.len())));
        }
        let typesize = usize::from(typesize);
        // An empty chunk has no blocks, and a block size that means nothing.
        let sane = nbytes == 0 || (1..=nbytes.min(MOST_BLOCK)).contains(&blocksize);
        if typesize == 0 || nbytes > MOST_BYTES || !sane {
            return Err(damaged("the header contradicts itself"));
        }
        Ok(Self { inner_version, flags, typesize, blocksize, nbytes })
    }

    /// Decodes `src`, which starts with this header, to `dst`, which is as long as the header says.
    pub(super) fn decode(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        if self.is_compressed() {
            return self.decode_blocks(src, dst);
        }
        self.check(src)?;
        dst.copy_from_slice(&src[HEADER..]);
        Ok(())
    }

    /// Fails if `src`, which starts with this header, cannot become so much: to be asked before
    /// memory is taken because of the header alone.
    pub(super) fn check(&self, src: &[u8]) -> Result<()> {
        let stored = src.len() - HEADER;
        if self.is_compressed() {
            let most = stored.saturating_mul(self.compressor()?.highest_ratio());
            if self.nbytes > most {
                return Err(damaged("there are too few data for the size in the header")
                    .expected(format_args!("at most {most} bytes"), format_args!("{} bytes", self.nbytes)));
            }
        } else if stored != self.nbytes {
            return Err(damaged("stored data have the wrong size")
                .expected(format_args!("{} bytes", self.nbytes), format_args!("{stored} bytes")));
        }
        Ok(())
    }

    fn is_compressed(&self) -> bool {
        self.flags & flag::STORED == 0 && self.nbytes != 0
    }

    fn compressor(&self) -> Result<Compressor> {
        Compressor::of_format(self.flags >> 5).ok_or_else(|| damaged("the compressor is unknown"))
    }

    fn decode_blocks(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let compressor = self.compressor()?;
        if self.inner_version != INNER_VERSION {
            return Err(damaged("the version of the compressor's format is unknown")
                .expected(INNER_VERSION, self.inner_version));
        }
        let table = self.nbytes.div_ceil(self.blocksize) * 4;
        let Some(starts) = src[HEADER..].get(..table) else {
            return Err(damaged("the table of blocks is cut short"));
        };
        // No byte belongs to two blocks: a small file could else ask for endless work.
        let mut left = src.len() - HEADER - table;
        let mut scratch = Scratch::of(self.shuffle(self.blocksize).scratch(self.blocksize))?;
        for (block, start) in dst.chunks_mut(self.blocksize).zip(starts.as_chunks::<4>().0) {
            let start = u32::from_le_bytes(*start) as usize;
            let size = block.len();
            let used = match self.shuffle(size) {
                Shuffle::None => self.decode_block(compressor, src, start, block)?,
                Shuffle::Bytes => {
                    let used = self.decode_block(compressor, src, start, &mut scratch[..size])?;
                    unshuffle(self.typesize, &scratch[..size], block);
                    used
                }
                Shuffle::Bits => {
                    let (target, spare) = scratch.split_at_mut(size);
                    let used = self.decode_block(compressor, src, start, target)?;
                    bitunshuffle(self.typesize, target, block, spare);
                    used
                }
            };
            left = left.checked_sub(used).ok_or_else(|| damaged("blocks overlap"))?;
        }
        Ok(())
    }

    /// Decodes the block at `start` to `target`; says how many bytes of `src` it is.
    fn decode_block(&self, compressor: Compressor, src: &[u8], start: usize, target: &mut [u8]) -> Result<usize> {
        let parts = self.parts(target.len());
        if !target.len().is_multiple_of(parts) {
            return Err(damaged("the header contradicts itself"));
        }
        let size = target.len() / parts;
        let mut at = start;
        for part in target.chunks_mut(size) {
            let stream = stream(src, at)?;
            at = stream.end;
            let stream = &src[stream];
            if stream.len() == size {
                part.copy_from_slice(stream);
            } else {
                compressor.decode(stream, part)?;
            }
        }
        Ok(at - start)
    }

    /// How many streams a block of `size` bytes is.
    fn parts(&self, size: usize) -> usize {
        let split = self.flags & flag::WHOLE_BLOCKS == 0
            && self.typesize <= MOST_PARTS
            && size / self.typesize >= LEAST_PART
            && size == self.blocksize;
        if split { self.typesize } else { 1 }
    }

    /// How a block of `size` bytes is shuffled.
    fn shuffle(&self, size: usize) -> Shuffle {
        if self.flags & flag::SHUFFLED != 0 && self.typesize > 1 {
            Shuffle::Bytes
        } else if self.flags & flag::BITSHUFFLED != 0 && self.typesize <= size {
            Shuffle::Bits
        } else {
            Shuffle::None
        }
    }
}

/// Where the bytes of the stream are whose size is at `at`.
fn stream(src: &[u8], at: usize) -> Result<Range<usize>> {
    let outside = || damaged("a block lies outside of the data");
    let rest = src.get(at..).unwrap_or_default();
    let (size, rest) = rest.split_first_chunk::<4>().ok_or_else(outside)?;
    let size = u32::from_le_bytes(*size) as usize;
    if size > rest.len() {
        return Err(outside());
    }
    Ok(at + 4..at + 4 + size)
}

#[cold]
fn damaged(how: &str) -> Error {
    Error::corrupt(format!("blosc data are damaged: {how}"))
}
