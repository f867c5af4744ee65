//! The way out of the container. Nothing that is read there is believed.

use std::ops::Range;

use super::super::Window;
use super::super::regroup::{bitunshuffle, unshuffle};
use super::compressor::Compressor;
use super::{HEADER, INNER_VERSION, LEAST_PART, MOST_BLOCK, MOST_BYTES, MOST_PARTS, Shuffle, VERSION, flag};
use crate::error::{Error, Result};
use crate::object::{Object, stretch};
use crate::reserve::{repeated, reserve};
use crate::scratch::Scratch;

/// So many bytes are read at first: a page.
const HEAD: u64 = 4096;

/// The header, after the checks that need nothing else.
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
        Self::parse(src, src.len() as u64)
    }

    /// The header at the beginning of `len` bytes, of which `src` are the first.
    fn parse(src: &[u8], len: u64) -> Result<Self> {
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
        if cbytes as u64 != len {
            return Err(Error::corrupt("blosc data are cut short, or bytes follow their end")
                .expected(format_args!("{cbytes} bytes"), format_args!("{len} bytes")));
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
        let compressor = self.known_compressor()?;
        let table = self.table();
        let Some(starts) = src[HEADER..].get(..table) else {
            return Err(damaged("the table of blocks is cut short"));
        };
        // No byte belongs to two blocks: a small file could else ask for endless work.
        let mut left = src.len() - HEADER - table;
        let mut scratch = Scratch::of(self.shuffle(self.blocksize).scratch(self.blocksize))?;
        for (block, start) in dst.chunks_mut(self.blocksize).zip(starts.as_chunks::<4>().0) {
            let start = u32::from_le_bytes(*start) as usize;
            let used = self.decode_shuffled(compressor, src, start, block, &mut scratch)?;
            left = left.checked_sub(used).ok_or_else(|| damaged("blocks overlap"))?;
        }
        Ok(())
    }

    /// Decodes the blocks of `src` that hold something of `window`; the others are not read.
    pub(super) fn decode_ranges(src: &dyn Object, window: &mut Window<'_>) -> Result<()> {
        let len = src.size();
        let mut buffer = Scratch::take();
        // The table of most chunks is read with the header.
        let head = stretch(src, 0, len.min(HEAD) as usize, &mut buffer)?;
        let header = Self::parse(head, len)?;
        if header.nbytes != window.total {
            return Err(Error::corrupt("blosc data have the wrong size")
                .expected(format_args!("{} bytes", window.total), format_args!("{} bytes", header.nbytes)));
        }
        if !header.is_compressed() {
            if len != (HEADER + header.nbytes) as u64 {
                return Err(damaged("stored data have the wrong size"));
            }
            return window.each(|start, dst| src.read_at((HEADER + start) as u64, dst));
        }
        let compressor = header.known_compressor()?;
        let table = header.table();
        if table as u64 > len - HEADER as u64 {
            return Err(damaged("the table of blocks is cut short"));
        }
        let mut starts: Vec<u32> = Vec::new();
        reserve(&mut starts, table / 4)?;
        let table = stretch(src, HEADER as u64, table, &mut buffer)?;
        starts.extend(table.as_chunks::<4>().0.iter().map(|start| u32::from_le_bytes(*start)));
        // Blocks stand in any order: each ends where the next one begins.
        let mut ordered = repeated(0, starts.len())?;
        ordered.copy_from_slice(&starts);
        ordered.sort_unstable();
        if ordered.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(damaged("blocks overlap"));
        }
        let end = |start: u32| {
            let next = ordered.partition_point(|&other| other <= start);
            ordered.get(next).map_or(len, |&next| u64::from(next).min(len))
        };
        let (first, last) = window.hull();
        let mut scratch = Scratch::of(header.shuffle(header.blocksize).scratch(header.blocksize))?;
        let mut spare = Scratch::default();
        let mut done = 0;
        for &(from, to) in window.ranges {
            let blocks = from as usize / header.blocksize..(to as usize).div_ceil(header.blocksize);
            for number in blocks.start.max(done)..blocks.end {
                let Some(&start) = starts.get(number) else { return Err(damaged("the table of blocks is cut short")) };
                let stored = end(start).saturating_sub(u64::from(start)) as usize;
                let stored = stretch(src, u64::from(start), stored, &mut buffer)?;
                let here = number * header.blocksize..((number + 1) * header.blocksize).min(header.nbytes);
                if here.start >= first && here.end <= last {
                    let block = &mut window.dst[here.start - first..here.end - first];
                    header.decode_shuffled(compressor, stored, 0, block, &mut scratch)?;
                } else {
                    if spare.len() < here.len() {
                        spare = Scratch::of(header.blocksize)?;
                    }
                    header.decode_shuffled(compressor, stored, 0, &mut spare[..here.len()], &mut scratch)?;
                    let (a, b) = (here.start.max(first), here.end.min(last));
                    window.dst[a - first..b - first].copy_from_slice(&spare[a - here.start..b - here.start]);
                }
            }
            done = blocks.end;
        }
        Ok(())
    }

    /// The compressor, if its streams are ones that are known.
    fn known_compressor(&self) -> Result<Compressor> {
        let compressor = self.compressor()?;
        if self.inner_version == INNER_VERSION {
            return Ok(compressor);
        }
        Err(damaged("the version of the compressor's format is unknown").expected(INNER_VERSION, self.inner_version))
    }

    /// The bytes of the table of blocks.
    fn table(&self) -> usize {
        self.nbytes.div_ceil(self.blocksize) * 4
    }

    /// Decodes the block at `start` to `block`, with the help of `scratch`; says how many bytes of `src`
    /// it is.
    fn decode_shuffled(
        &self,
        compressor: Compressor,
        src: &[u8],
        start: usize,
        block: &mut [u8],
        scratch: &mut [u8],
    ) -> Result<usize> {
        let size = block.len();
        match self.shuffle(size) {
            Shuffle::None => self.decode_block(compressor, src, start, block),
            Shuffle::Bytes => {
                let used = self.decode_block(compressor, src, start, &mut scratch[..size])?;
                unshuffle(self.typesize, &scratch[..size], block);
                Ok(used)
            }
            Shuffle::Bits => {
                let (target, spare) = scratch.split_at_mut(size);
                let used = self.decode_block(compressor, src, start, target)?;
                bitunshuffle(self.typesize, target, block, spare);
                Ok(used)
            }
        }
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
