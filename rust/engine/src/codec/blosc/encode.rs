//! The way into the container. Every choice is c-blosc's, so that the bytes are the same.

use super::super::regroup::{bitshuffle, shuffle};
use super::compressor::Compressor;
use super::{Blosc, HEADER, INNER_VERSION, LEAST_PART, MOST_BLOCK, MOST_PARTS, Shuffle, VERSION, flag};
use crate::error::Result;
use crate::scratch::Scratch;

impl Blosc {
    /// Appends the container of `src`, which is at most `src.len() + HEADER` bytes.
    pub(super) fn append(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let blocksize = self.blocksize_for(src.len());
        let mut flags = self.compressor.format() << 5;
        flags |= match self.shuffle {
            Shuffle::None => 0,
            Shuffle::Bytes => flag::SHUFFLED,
            Shuffle::Bits => flag::BITSHUFFLED,
        };
        let split = self.splits(blocksize);
        if !split {
            flags |= flag::WHOLE_BLOCKS;
        }
        out.extend_from_slice(&[VERSION, INNER_VERSION, flags, self.typesize as u8]);
        out.extend_from_slice(&size_bytes(src.len()));
        out.extend_from_slice(&size_bytes(blocksize));
        out.extend_from_slice(&size_bytes(0));
        let small = self.clevel == 0 || src.len() < LEAST_PART;
        if small || !self.append_blocks(src, blocksize, split, out)? {
            out.truncate(start + HEADER);
            out[start + 2] |= flag::STORED;
            out.extend_from_slice(src);
        }
        let size = size_bytes(out.len() - start);
        out[start + 12..start + HEADER].copy_from_slice(&size);
        Ok(())
    }

    /// Appends the table of blocks and the blocks to the header; `false` if storing them takes no
    /// more room.
    fn append_blocks(&self, src: &[u8], blocksize: usize, split: bool, out: &mut Vec<u8>) -> Result<bool> {
        let table = out.len();
        let start = table - HEADER;
        let end = table + src.len();
        let blocks = table + src.len().div_ceil(blocksize) * 4;
        if blocks > end {
            return Ok(false);
        }
        out.resize(blocks, 0);
        let mut scratch = Scratch::of(self.shuffle.scratch(blocksize))?;
        for (i, block) in src.chunks(blocksize).enumerate() {
            let at = size_bytes(out.len() - start);
            out[table + i * 4..table + i * 4 + 4].copy_from_slice(&at);
            let filtered = self.filter(block, &mut scratch);
            let parts = if split && block.len() == blocksize { self.typesize } else { 1 };
            for part in filtered.chunks(block.len() / parts) {
                if !self.append_part(part, split, end, out)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Appends the stream of a part behind its size; `false` if that would pass `end`.
    fn append_part(&self, part: &[u8], split: bool, end: usize, out: &mut Vec<u8>) -> Result<bool> {
        let start = out.len() + 4;
        if start >= end {
            return Ok(false);
        }
        out.extend_from_slice(&[0; 4]);
        let most = part.len().min(end - start);
        let size = match self.compressor.append(self.clevel, split, part, most, out)? {
            Some(size) if size < part.len() => size,
            _ => {
                out.truncate(start);
                if start + part.len() > end {
                    return Ok(false);
                }
                out.extend_from_slice(part);
                part.len()
            }
        };
        out[start - 4..start].copy_from_slice(&size_bytes(size));
        Ok(true)
    }

    /// The block as it is compressed: itself, or what is made of it in `scratch`.
    fn filter<'a>(&self, block: &'a [u8], scratch: &'a mut [u8]) -> &'a [u8] {
        match self.shuffle {
            Shuffle::Bytes if self.typesize > 1 => {
                let filtered = &mut scratch[..block.len()];
                shuffle(self.typesize, block, filtered);
                filtered
            }
            Shuffle::Bits if self.typesize <= block.len() => {
                let (filtered, spare) = scratch.split_at_mut(block.len());
                bitshuffle(self.typesize, block, filtered, spare);
                filtered
            }
            _ => block,
        }
    }

    /// Whether blocks of this size are split by byte.
    fn splits(&self, blocksize: usize) -> bool {
        self.compressor != Compressor::Zstd && self.typesize <= MOST_PARTS && blocksize / self.typesize >= LEAST_PART
    }

    /// The size of all blocks of a buffer of `n` bytes but the last.
    fn blocksize_for(&self, n: usize) -> usize {
        if n < self.typesize {
            return 1;
        }
        let mut size = n;
        if self.blocksize > 0 {
            size = self.blocksize.clamp(LEAST_PART, MOST_BLOCK);
        } else if n >= 32 << 10 {
            size = if self.compressor.likes_long_blocks() { 64 << 10 } else { 32 << 10 };
            size = match self.clevel {
                0 => size / 4,
                1 => size / 2,
                2 => size,
                3 => size * 2,
                4 | 5 => size * 4,
                9 if self.compressor.likes_long_blocks() => size * 16,
                _ => size * 8,
            };
        }
        if self.clevel > 0 && self.splits(size) {
            size = (size.min(256 << 10) * self.typesize).clamp(64 << 10, 1 << 20);
        }
        size = size.min(n);
        if size > self.typesize { size - size % self.typesize } else { size }
    }
}

/// A size as the container holds it. Longer data were refused.
fn size_bytes(size: usize) -> [u8; 4] {
    (size as u32).to_le_bytes()
}
