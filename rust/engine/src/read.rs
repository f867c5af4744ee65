//! Reading: from the stored bytes of a chunk to its place in a view.

use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::cache::indexes::{Known, Shard};
use crate::codec::chain::{Chain, Form};
use crate::error::{Error, Result};
use crate::exec::Exec;
use crate::object::{APART, Object, SubObject, left_out, stretch};
use crate::runtime;
use crate::scratch::Scratch;
use crate::selection::{Region, Split};
use crate::shard::{Entry, Index, Sharding, Stored};
use crate::strided::{Output, runs_of};
use crate::trace::{self, Phase};

/// Runs of a file that are closer than this are read at once: a page is read in any case.
pub const FILE_GAP: u64 = 4096;

/// Decoding all of a chunk of so many bytes costs less than to look for a part.
const WORTH_PARTS: usize = 16 << 10;
/// Ranges of a chunk that are closer than this are decoded together.
pub const PART_GAP: u64 = 4096;
/// Rows that are short are read together, so many bytes at once: these stay in the cache until they
/// are copied.
const BLOCK: u64 = 256 << 10;

/// Reads the elements of `region` of one stored chunk into `view`.
pub fn chunk(
    chain: &Arc<Chain>,
    form: &Form,
    object: &Arc<dyn Object>,
    region: &Region,
    view: &Output,
    exec: Exec<'_>,
) -> Result<()> {
    if let Some(sharding) = chain.shard() {
        return shard(sharding, &form.shape, object, region, view, exec);
    }
    if chain.raw() {
        return raw(form, object, region, view, chain.size());
    }
    if let Some(bytes) = object.bytes() {
        return place(chain, form, bytes, region, view);
    }
    let len = stored_len(chain, form, object.size())?;
    if let Some(ranges) = few(form, region, chain.size())?
        && part(chain, form, &**object, &ranges, region, view)?
    {
        return Ok(());
    }
    let mut buffer = Scratch::of(len.saturating_add(APART))?;
    place(chain, form, stretch(&**object, 0, len, &mut buffer)?, region, view)
}

/// The ranges of the chunk's bytes that `region` wants, if they are so few that decoding only these is
/// worth a try.
fn few(form: &Form, region: &Region, size: usize) -> Result<Option<Vec<(u64, u64)>>> {
    few_of(form, region.len().saturating_mul(size as u64), || runs_of(region, &form.strides, size, PART_GAP))
}

/// The same of any `ranges`, which hold about `bytes` bytes.
pub fn few_of(
    form: &Form,
    bytes: u64,
    ranges: impl FnOnce() -> Result<Vec<(u64, u64)>>,
) -> Result<Option<Vec<(u64, u64)>>> {
    let most = form.nbytes as u64 / 2;
    if form.nbytes < WORTH_PARTS || bytes > most {
        return Ok(None);
    }
    let ranges = ranges()?;
    let wanted = ranges.iter().fold(0, |n, range| n + (range.1 - range.0));
    Ok(Some(ranges).filter(|_| wanted <= most))
}

/// Decodes the `ranges` of a chunk, and puts the elements of `region` into `view`; `false` if the codecs
/// cannot decode a part.
fn part(
    chain: &Chain,
    form: &Form,
    src: &dyn Object,
    ranges: &[(u64, u64)],
    region: &Region,
    view: &Output,
) -> Result<bool> {
    let (Some(&(start, _)), Some(&(_, end))) = (ranges.first(), ranges.last()) else { return Ok(true) };
    let mut bytes = Scratch::of((end - start) as usize)?;
    let done = decode_ranges(chain, form, src, ranges, &mut bytes)?;
    if done {
        view.scatter(region, &bytes, &form.strides, start as usize)?;
    }
    Ok(done)
}

/// The length of a stored chunk in memory; fails if it is longer than the chunk can be.
pub fn stored_len(chain: &Chain, form: &Form, len: u64) -> Result<usize> {
    let limit = chain.limit(form);
    usize::try_from(len).ok().filter(|&len| len <= limit).ok_or_else(|| {
        Error::corrupt("the stored chunk is longer than any chunk of this array")
            .expected(format_args!("at most {limit} bytes"), format_args!("{len} bytes"))
    })
}

/// Decodes the stored bytes `src` of a chunk and puts the elements of `region` into `view`.
pub fn place(chain: &Chain, form: &Form, src: &[u8], region: &Region, view: &Output) -> Result<()> {
    stored_len(chain, form, src.len() as u64)?;
    if chain.raw() {
        check_raw(form, src.len() as u64)?;
        return view.scatter(region, src, &form.strides, 0);
    }
    if let Some(ranges) = few(form, region, chain.size())?
        && part(chain, form, &src, &ranges, region, view)?
    {
        return Ok(());
    }
    let decode = |dst: &mut [u8]| self::decode(chain, form, src, dst);
    if let Some(decoded) = view.in_place(region, &form.strides, form.nbytes, decode)? {
        return decoded;
    }
    let mut decoded = Scratch::of(form.nbytes)?;
    self::decode(chain, form, src, &mut decoded)?;
    view.scatter(region, &decoded, &form.strides, 0)
}

/// Decodes all of a chunk.
pub fn decode(chain: &Chain, form: &Form, src: &[u8], dst: &mut [u8]) -> Result<()> {
    trace::timed(Phase::Decode, form.nbytes as u64, || chain.decode(form, src, dst))
}

/// Decodes ranges of a chunk, if the codecs can.
pub fn decode_ranges(
    chain: &Chain,
    form: &Form,
    src: &dyn Object,
    ranges: &[(u64, u64)],
    dst: &mut [u8],
) -> Result<bool> {
    let bytes = dst.len() as u64;
    trace::timed(Phase::Decode, bytes, || chain.decode_ranges(form, src, ranges, dst))
}

/// Fails unless a chunk that is stored as it is has as many bytes as its elements.
pub fn check_raw(form: &Form, found: u64) -> Result<()> {
    if found == form.nbytes as u64 {
        return Ok(());
    }
    Err(Error::corrupt("the chunk has the wrong length")
        .expected(format_args!("{} bytes", form.nbytes), format_args!("{found} bytes"))
        .with_codec("bytes"))
}

/// A chunk that is stored as it is: only the bytes that are wanted are read, straight to their place
/// where that is in long rows.
fn raw(form: &Form, object: &Arc<dyn Object>, region: &Region, view: &Output, size: usize) -> Result<()> {
    check_raw(form, object.size())?;
    match object.bytes() {
        Some(bytes) => view.scatter(region, bytes, &form.strides, 0),
        None => raw_part(form, &**object, region, view, size),
    }
}

fn raw_part(form: &Form, object: &dyn Object, region: &Region, view: &Output, size: usize) -> Result<()> {
    let read = |first: usize, rows: &mut Vec<&mut [u8]>| object.read_rows(first as u64, rows);
    if let Some(done) = view.rows(region, &form.strides, read)? {
        return done;
    }
    if region.reach(&form.strides, size) > BLOCK
        && region.cut(&form.strides, size, BLOCK, |part| raw_part(form, object, part, view, size))?
    {
        return Ok(());
    }
    let runs = runs_of(region, &form.strides, size, FILE_GAP)?;
    let (Some(&(start, _)), Some(&(_, end))) = (runs.first(), runs.last()) else { return Ok(()) };
    let mut buffer = Scratch::of((end - start) as usize + APART)?;
    let skip = left_out(start, &buffer);
    let bytes = &mut buffer[skip..];
    for &(from, to) in &runs {
        object.read_at(from, &mut bytes[(from - start) as usize..(to - start) as usize])?;
    }
    view.scatter(region, bytes, &form.strides, start as usize)
}

/// The pieces of one shard that a read wants: what `shard` hands to the threads.
struct ShardRead {
    sharding: Arc<Sharding>,
    form: Form,
    counts: Vec<u64>,
    split: Split,
    index: Arc<Index>,
    object: Arc<dyn Object>,
    view: Output,
}

/// Reads the elements of `region` of a stored shard of `shape` into `view`.
pub fn shard(
    sharding: &Arc<Sharding>,
    shape: &[u64],
    object: &Arc<dyn Object>,
    region: &Region,
    view: &Output,
    exec: Exec<'_>,
) -> Result<()> {
    let counts = sharding.counts(shape)?;
    let split = region.split(&sharding.grid(shape)?)?;
    let index = index(sharding, &counts, object, Some((split.len(), &mut wanted(&split, &counts))))?;
    index.check_overlap(wanted(&split, &counts))?;
    let form = sharding.form()?;
    let bytes = (form.nbytes as u64).saturating_mul(split.len() as u64);
    let (n, row, object, view) = (split.len(), split.row(), Arc::clone(object), view.clone());
    let read = ShardRead { sharding: Arc::clone(sharding), form, counts, split, index, object, view };
    let together = read.together();
    if together < 2 {
        return exec.run(n, bytes, move |i, exec| read.inner(i, exec));
    }
    let parts = row.div_ceil(together);
    exec.run(n / row * parts, bytes, move |i, exec| {
        let (start, from) = (i / parts * row, i % parts * together);
        let pieces = start + from..start + row.min(from + together);
        if !read.beside(pieces.clone())? {
            for i in pieces {
                read.inner(i, exec)?;
            }
        }
        Ok(())
    })
}

/// So many bytes of chunks that are placed together are in memory at most …
const BESIDE: usize = 256 << 10;
/// … where they are decoded; else so many are placed at once.
const BESIDE_RAW: usize = 1 << 20;
/// Rows of one chunk that are as long gain nothing by being placed together with others.
const LONG_ROW: usize = 512;

/// The numbers of the inner chunks of `split`.
pub fn wanted(split: &Split, counts: &[u64]) -> impl Iterator<Item = usize> {
    (0..split.len()).map(|i| number(&split.chunk(i), counts))
}

/// The number of an inner chunk in C order.
pub fn number(chunk: &[u64], counts: &[u64]) -> usize {
    chunk.iter().zip(counts).fold(0u64, |n, (&c, &count)| n.wrapping_mul(count).wrapping_add(c)) as usize
}

/// Where an index is kept, entries that are fewer than one in so many are read alone.
const FEW: usize = 256;
/// The bytes of an entry.
const ENTRY: usize = 16;

/// The index of a shard, as far as the inner chunks of `wanted` need it, so many and of these numbers;
/// all of it if `None`. Where
/// nothing guards the index, only these entries are read; else all of it is, and it is kept.
pub fn index(
    sharding: &Sharding,
    counts: &[u64],
    object: &Arc<dyn Object>,
    wanted: Option<(usize, &mut dyn Iterator<Item = usize>)>,
) -> Result<Arc<Index>> {
    let len = sharding.index_len(counts)?;
    let Some(body) = object.size().checked_sub(len as u64) else {
        return Err(Error::corrupt("the shard is shorter than its index")
            .expected(format_args!("at least {len} bytes"), format_args!("{} bytes", object.size()))
            .with_codec("sharding_indexed"));
    };
    let start = if sharding.index_at_end() { body } else { 0 };
    let in_memory = object.bytes().is_some();
    if let Some((_, numbers)) = wanted.filter(|(n, _)| sharding.plain_index() && !in_memory && *n <= len / FEW) {
        let mut numbers: Vec<usize> = numbers.collect();
        numbers.sort_unstable();
        numbers.dedup();
        let read = |at: u64, words: &mut [u8]| object.read_at(start + at, words);
        let bytes = (numbers.len() * ENTRY) as u64;
        return trace::timed(Phase::Index, bytes, || sharding.parse_entries(counts, &numbers, object.size(), read))
            .map(Arc::new);
    }
    // An index without a checksum that is in memory already costs nothing.
    let known = if in_memory && sharding.plain_index() { None } else { object.identity() };
    let known = known.map(|identity| (Shard::Known(identity), sharding.layout(counts)));
    let found = known.as_ref().and_then(|(shard, layout)| runtime::indexes().get(shard.clone(), layout));
    if let Some(Known::Whole(index)) = found {
        trace::saw(Phase::Kept, 1, len as u64);
        return Ok(index);
    }
    let sound = found.is_some();
    let load = || {
        let stored = if in_memory {
            Stored::Lent(Arc::new(SubObject::new(Arc::clone(object), start, len as u64)?))
        } else {
            let mut stored = Scratch::of(len)?;
            object.read_at(start, &mut stored)?;
            Stored::Own(stored)
        };
        sharding.parse_index(counts, stored, object.size(), sound)
    };
    let index = Arc::new(trace::timed(Phase::Index, len as u64, load)?);
    if let Some((shard, layout)) = known.filter(|_| !sound) {
        let known = if in_memory && index.lent() {
            Known::Sound
        } else {
            let compact = Arc::new(index.compact()?);
            Known::Whole(compact)
        };
        runtime::indexes().keep(shard, layout, known);
    }
    Ok(index)
}

impl ShardRead {
    /// How many inner chunks are worth being placed at once. Where their rows are short, the end of one and
    /// the beginning of the next stand in one line of the cache: each by itself would have to read what it
    /// overwrites.
    fn together(&self) -> usize {
        let chain = self.sharding.chain();
        let row = self.form.shape.last().map_or(0, |&n| (n as usize).saturating_mul(chain.size()));
        let short = self.split.row() > 1 && row < LONG_ROW && row < self.form.nbytes;
        if !short || !self.view.is_large() || chain.shard().is_some() {
            return 1;
        }
        let most = if chain.raw() && self.object.bytes().is_some() { BESIDE_RAW } else { BESIDE };
        most / self.form.nbytes.max(1)
    }

    /// Reads pieces that are side by side, if all of them are whole chunks; `false` if they are to be read one
    /// by one.
    fn beside(&self, pieces: Range<usize>) -> Result<bool> {
        let form = &self.form;
        let mut found = Vec::with_capacity(pieces.len());
        for i in pieces {
            let (chunk, region) = self.split.piece(i);
            let entry = self.index.get(number(&chunk, &self.counts)).map_err(|e| e.with_inner(&chunk))?;
            let (Some(stretch), true) = (entry, region.covers(&form.shape)) else { return Ok(false) };
            found.push((chunk, region, stretch));
        }
        let mut chunks = Vec::with_capacity(found.len());
        for (chunk, _, stretch) in &found {
            chunks.push(self.decoded(*stretch).map_err(|e| e.with_inner(chunk))?);
        }
        let pieces: Vec<(&Region, &[u8])> =
            found.iter().map(|found| &found.1).zip(chunks.iter().map(|b| &**b)).collect();
        if !self.view.scatter_beside(&pieces, &form.strides)? {
            pieces.iter().try_for_each(|(region, bytes)| self.view.scatter(region, bytes, &form.strides, 0))?;
        }
        Ok(true)
    }

    /// The stored bytes of an inner chunk.
    fn stored(&self, (offset, len): (u64, u64)) -> Result<Bytes<'_>> {
        let len = stored_len(self.sharding.chain(), &self.form, len)?;
        if let Some(bytes) = self.object.bytes() {
            let bytes = bytes.get(offset as usize..offset as usize + len);
            return bytes.map(Bytes::Lent).ok_or_else(|| Error::internal("an entry of a checked index lies outside"));
        }
        let mut bytes = Scratch::of(len + APART)?;
        let start = left_out(offset, &bytes);
        self.object.read_at(offset, &mut bytes[start..start + len])?;
        Ok(Bytes::Own(bytes, start..start + len))
    }

    /// All elements of an inner chunk.
    fn decoded(&self, stretch: (u64, u64)) -> Result<Bytes<'_>> {
        let (chain, form, stored) = (self.sharding.chain(), &self.form, self.stored(stretch)?);
        if chain.raw() {
            check_raw(form, stored.len() as u64)?;
            return Ok(stored);
        }
        let mut decoded = Scratch::of(form.nbytes)?;
        chain.decode(form, &stored, &mut decoded)?;
        Ok(Bytes::Own(decoded, 0..form.nbytes))
    }

    fn inner(&self, i: usize, exec: Exec<'_>) -> Result<()> {
        let (chunk, region) = self.split.piece(i);
        let entry = self.index.get(number(&chunk, &self.counts)).map_err(|e| e.with_inner(&chunk))?;
        self.entry(entry, &region, exec).map_err(|e| e.with_inner(&chunk))
    }

    fn entry(&self, entry: Entry, region: &Region, exec: Exec<'_>) -> Result<()> {
        let chain = self.sharding.chain();
        let Some((offset, len)) = entry else {
            return self.view.fill(region, chain.fill().bytes());
        };
        let partly = self.object.bytes().is_none() && few(&self.form, region, chain.size())?.is_some();
        if chain.raw() || chain.shard().is_some() || partly {
            let object: Arc<dyn Object> = Arc::new(SubObject::new(Arc::clone(&self.object), offset, len)?);
            return self::chunk(chain, &self.form, &object, region, &self.view, exec);
        }
        place(chain, &self.form, &self.stored((offset, len))?, region, &self.view)
    }
}

/// Bytes of a shard: where it is in memory, or in a buffer.
enum Bytes<'a> {
    Lent(&'a [u8]),
    Own(Scratch, Range<usize>),
}

impl Deref for Bytes<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Lent(bytes) => bytes,
            Bytes::Own(buffer, range) => &buffer[range.clone()],
        }
    }
}
