//! Writing: from a view to the stored bytes of a chunk.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use crate::codec::chain::{Chain, Form};
use crate::error::{Error, Result};
use crate::exec::Exec;
use crate::object::{Object, Part, SubObject, join};
use crate::read;
use crate::reserve::{self, reserve};
use crate::scratch::Scratch;
use crate::selection::{Region, Split};
use crate::shard::{Entry, Index, Sharding};
use crate::strided::{Output, View};
use crate::trace::{self, Phase};

/// Chunks of so many bytes are encoded into buffers that are used again.
const REUSED: usize = 64 << 10;

/// The encoded inner chunks of a shard stand in buffers of so many bytes at least, if they are as many …
const BLOCK: usize = 1 << 20;
/// … and of no more than this, unless one of them may be longer.
const LARGEST_BLOCK: usize = 8 << 20;
/// So many inner chunks fit in a buffer, however badly they compress: then little of it stays empty.
const IN_BLOCK: usize = 8;

/// Where inner chunks stay at their places, one in so many bytes of a shard may belong to none.
const MOST_UNUSED: u64 = 4;

/// The new value of a chunk: its bytes, or nothing if it would hold only fill values.
pub type Encoded = Option<Vec<Part>>;

/// Returns the new value of a stored chunk (`old`, if any) with the elements of `region` taken from
/// `view`. `valid` is the part of the chunk that lies in the array: the rest need not survive.
#[allow(clippy::too_many_arguments)]
pub fn chunk(
    chain: &Arc<Chain>,
    form: &Form,
    valid: &[u64],
    old: Option<&Arc<dyn Object>>,
    region: &Region,
    view: &View,
    write_empty: bool,
    exec: Exec<'_>,
) -> Result<Encoded> {
    if let Some(sharding) = chain.shard() {
        return shard(sharding, &form.shape, valid, old, region, view, write_empty, exec);
    }
    let Some(mut data) = elements(chain, form, old, region, view, write_empty, exec)? else { return Ok(None) };
    if chain.raw() {
        return Ok(Some(vec![Part::New(data.into_inner())]));
    }
    // The caller that stores the bytes gives a large buffer back, and it serves the next chunk.
    let mut out = if form.nbytes >= REUSED { Scratch::take().into_inner() } else { Vec::new() };
    out.clear();
    trace::timed(Phase::Encode, form.nbytes as u64, || chain.encode(form, &mut data, &mut out))?;
    Ok(Some(vec![Part::New(out)]))
}

/// The elements of a chunk as it will be, in a buffer; `None` if they are all fill values, and the chunk
/// is not to be stored.
fn elements(
    chain: &Arc<Chain>,
    form: &Form,
    old: Option<&Arc<dyn Object>>,
    region: &Region,
    view: &View,
    write_empty: bool,
    exec: Exec<'_>,
) -> Result<Option<Scratch>> {
    let mut data = Scratch::of(form.nbytes)?;
    // A caller that hands in the old value knows that something of it survives.
    if let Some(old) = old {
        Output::with(&mut data, &form.shape, &form.strides, chain.size(), |whole| {
            read::chunk(chain, form, old, &Region::all(&form.shape), whole, exec)
        })?;
    } else if !region.covers(&form.shape) {
        chain.fill().fill(&mut data);
    }
    view.gather(region, &mut data, &form.strides)?;
    Ok(if !write_empty && chain.fill().fills(&data) { None } else { Some(data) })
}

/// Where the encoded inner chunks of one shard stand until it is stored: one behind the other in a few
/// buffers. They are as long as they are, and a buffer for each would have to be as long as they might be.
#[derive(Debug)]
struct Blocks {
    /// The bytes of a buffer.
    size: usize,
    /// The bytes that an inner chunk may have.
    room: usize,
    buffers: Mutex<Buffers>,
}

#[derive(Debug, Default)]
struct Buffers {
    /// `None` while an inner chunk is written to it.
    all: Vec<Option<Scratch>>,
    /// The numbers of those that have room, and are not written to.
    open: Vec<usize>,
}

impl Blocks {
    /// For `n` inner chunks of `form`.
    fn new(form: &Form, n: usize) -> Self {
        let room = form.likely_bound();
        let size = room.saturating_mul(IN_BLOCK).clamp(BLOCK, LARGEST_BLOCK.max(room)).min(room.saturating_mul(n));
        Self { size, room, buffers: Mutex::default() }
    }

    /// Calls `encode` with a buffer, to the end of which it adds an inner chunk.
    fn add(&self, encode: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<Piece> {
        let dead = |_| Error::internal("a thread died while it wrote a chunk");
        let (block, buffer) = {
            let mut buffers = self.buffers.lock().map_err(dead)?;
            if let Some(block) = buffers.open.pop() {
                (block, buffers.all[block].take())
            } else {
                reserve::push(&mut buffers.all, None)?;
                (buffers.all.len() - 1, None)
            }
        };
        let mut buffer = buffer.map_or_else(|| Scratch::with_room(self.size), Ok)?;
        let start = buffer.len();
        encode(&mut buffer)?;
        let range = start..buffer.len();
        let mut buffers = self.buffers.lock().map_err(dead)?;
        if buffer.capacity() - buffer.len() >= self.room {
            reserve::push(&mut buffers.open, block)?;
        }
        buffers.all[block] = Some(buffer);
        Ok(Piece::In { block, range })
    }

    /// All buffers, by number.
    fn close(&self) -> Result<Vec<Arc<Scratch>>> {
        let mut buffers = self.buffers.lock().map_err(|_| Error::internal("a thread died while it wrote a chunk"))?;
        let Buffers { all, .. } = std::mem::take(&mut *buffers);
        let all = all.into_iter().map(|buffer| buffer.map(Arc::new));
        all.collect::<Option<_>>().ok_or_else(|| Error::internal("an inner chunk was not finished"))
    }
}

/// The encoded bytes of an inner chunk.
enum Piece {
    /// In memory of its own.
    Own(Vec<u8>),
    /// In a buffer that it shares with others.
    In { block: usize, range: Range<usize> },
}

/// The pieces of one shard that a write touches: what `shard` hands to the threads.
struct ShardWrite {
    sharding: Arc<Sharding>,
    form: Form,
    counts: Vec<u64>,
    grid: crate::grid::Grid,
    split: Split,
    old: Option<(Arc<dyn Object>, Arc<Index>)>,
    view: View,
    write_empty: bool,
    /// The encoded bytes of each piece.
    done: Vec<Mutex<Option<Piece>>>,
    blocks: Blocks,
}

/// As [`chunk`], for a shard of `shape`. Inner chunks that the region does not touch keep their bytes.
#[allow(clippy::too_many_arguments)]
pub fn shard(
    sharding: &Arc<Sharding>,
    shape: &[u64],
    valid: &[u64],
    old: Option<&Arc<dyn Object>>,
    region: &Region,
    view: &View,
    write_empty: bool,
    exec: Exec<'_>,
) -> Result<Encoded> {
    let counts = sharding.counts(shape)?;
    let grid = sharding.grid(valid)?;
    let split = region.split(&grid)?;
    let old = match old {
        Some(object) => {
            let index = read::index(sharding, &counts, object, None)?;
            // All that is kept must be sound: the new shard vouches for it.
            index.check_overlap_of_all()?;
            Some((Arc::clone(object), index))
        }
        _ => None,
    };
    let n = split.len();
    let form = sharding.form()?;
    let bytes = (form.nbytes as u64).saturating_mul(n as u64);
    let mut done = Vec::new();
    reserve(&mut done, n)?;
    done.resize_with(n, || Mutex::new(None));
    let (sharding, view, blocks) = (Arc::clone(sharding), view.clone(), Blocks::new(&form, n));
    let write = Arc::new(ShardWrite { sharding, form, counts, grid, split, old, view, write_empty, done, blocks });
    let pieces = Arc::clone(&write);
    exec.run(n, bytes, move |i, exec| pieces.inner(i, exec))?;
    write.assemble()
}

impl ShardWrite {
    fn old_entry(&self, number: usize) -> Result<Entry> {
        self.old.as_ref().map_or(Ok(None), |(_, index)| index.get(number))
    }

    fn inner(&self, i: usize, exec: Exec<'_>) -> Result<()> {
        let (chunk, region) = self.split.piece(i);
        let encoded = self.encode(&chunk, &region, exec).map_err(|e| e.with_inner(&chunk))?;
        let mut slot = self.done[i].lock().map_err(|_| Error::internal("a thread died while it wrote a chunk"))?;
        *slot = encoded;
        Ok(())
    }

    fn encode(&self, chunk: &[u64], region: &Region, exec: Exec<'_>) -> Result<Option<Piece>> {
        let valid = self.grid.valid(chunk);
        let entry = if region.covers(&valid) { None } else { self.old_entry(read::number(chunk, &self.counts))? };
        let old: Option<Arc<dyn Object>> = match (entry, &self.old) {
            (Some((offset, len)), Some((object, _))) => {
                Some(Arc::new(SubObject::new(Arc::clone(object), offset, len)?))
            }
            _ => None,
        };
        let (chain, form, old) = (self.sharding.chain(), &self.form, old.as_ref());
        if let Some(inner) = chain.shard() {
            let parts = shard(inner, &form.shape, &valid, old, region, &self.view, self.write_empty, exec)?;
            return parts.map(|parts| join(parts, old).map(Piece::Own)).transpose();
        }
        let Some(mut data) = elements(chain, form, old, region, &self.view, self.write_empty, exec)? else {
            return Ok(None);
        };
        if chain.raw() {
            return Ok(Some(Piece::Own(data.into_inner())));
        }
        let mut encode = |out: &mut Vec<u8>| chain.encode(form, &mut data, out);
        self.blocks.add(|out| trace::timed(Phase::Encode, form.nbytes as u64, || encode(out))).map(Some)
    }

    /// Lays out the new and the kept inner chunks, and their index. Its memory grows with the
    /// chunks that there are, and not with those that there could be.
    fn assemble(&self) -> Result<Encoded> {
        let blocks = self.blocks.close()?;
        // The inner chunks that were written, by number.
        let mut new: Vec<(usize, Option<Part>)> = Vec::new();
        reserve(&mut new, self.done.len())?;
        for (i, slot) in self.done.iter().enumerate() {
            let piece = slot.lock().map_err(|_| Error::internal("a thread died while it wrote a chunk"))?.take();
            let part = piece.map(|piece| match piece {
                Piece::Own(bytes) => Part::New(bytes),
                Piece::In { block, range } => Part::Shared(Arc::clone(&blocks[block]), range),
            });
            new.push((read::number(&self.split.chunk(i), &self.counts), part));
        }
        if !new.is_sorted_by_key(|piece| piece.0) {
            new.sort_unstable_by_key(|piece| piece.0);
        }
        if let Some((object, index)) = &self.old
            && object.shares()
            && self.can_stay(index, &new)?
        {
            return self.in_place(index, new).map(Some);
        }
        let mut pieces: Vec<(u128, usize, Part)> = Vec::new();
        let order = self.sharding.written_order(&self.counts);
        if let Some((_, index)) = &self.old {
            for kept in index.present() {
                let (number, (offset, len)) = kept?;
                if new.binary_search_by_key(&number, |piece| piece.0).is_err() {
                    reserve::push(&mut pieces, (order(number), number, Part::Old { offset, len }))?;
                }
            }
        }
        reserve(&mut pieces, new.len())?;
        pieces.extend(new.into_iter().filter_map(|(number, part)| Some((order(number), number, part?))));
        if pieces.is_empty() {
            return Ok(None);
        }
        pieces.sort_unstable_by_key(|piece| piece.0);
        let index_len = self.sharding.index_len(&self.counts)? as u64;
        let mut at = if self.sharding.index_at_end() { 0 } else { index_len };
        let (mut entries, mut parts) = (Vec::new(), Vec::new());
        reserve(&mut entries, pieces.len())?;
        reserve(&mut parts, pieces.len() + 1)?;
        for (_, number, part) in pieces {
            let len = part.size();
            entries.push((number, (at, len)));
            at += len;
            push(&mut parts, part);
        }
        let index = Part::New(self.sharding.encode_index(&self.counts, entries.into_iter())?);
        parts.insert(if self.sharding.index_at_end() { parts.len() } else { 0 }, index);
        Ok(Some(parts))
    }

    /// Whether inner chunks may be left where they are: so few bytes would then belong to none that
    /// the shard need not be laid out anew.
    fn can_stay(&self, index: &Index, new: &[(usize, Option<Part>)]) -> Result<bool> {
        let body = index.body();
        let (mut total, mut used) = (body.end - body.start, 0u64);
        for kept in index.present() {
            let (number, (_, len)) = kept?;
            if new.binary_search_by_key(&number, |piece| piece.0).is_err() {
                used = used.saturating_add(len);
            }
        }
        for (number, part) in new {
            let size = part.as_ref().map_or(0, Part::size);
            used = used.saturating_add(size);
            if index.get(*number)?.is_none_or(|(_, room)| room < size) {
                total = total.saturating_add(size);
            }
        }
        Ok(used > 0 && total.saturating_sub(used) <= total / MOST_UNUSED)
    }

    /// Lays out the shard so that what is kept stays where it is: a new inner chunk comes in the place
    /// of the old one if it fits there, else behind all others.
    fn in_place(&self, index: &Index, new: Vec<(usize, Option<Part>)>) -> Result<Vec<Part>> {
        let (mut inside, mut behind, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        for kept in index.present() {
            let (number, entry) = kept?;
            if new.binary_search_by_key(&number, |piece| piece.0).is_err() {
                reserve::push(&mut entries, (number, entry))?;
            }
        }
        reserve(&mut entries, new.len())?;
        for (number, part) in new {
            let Some(part) = part else { continue };
            match index.get(number)? {
                Some((offset, room @ 1..)) if part.size() <= room => {
                    reserve::push(&mut inside, (offset, number, part))?
                }
                _ => reserve::push(&mut behind, (number, part))?,
            }
        }
        inside.sort_unstable_by_key(|piece| piece.0);
        let body = index.body();
        let mut parts = Vec::new();
        reserve(&mut parts, 2 * inside.len() + behind.len() + 2)?;
        let mut at = body.start;
        for (offset, number, part) in inside {
            keep(&mut parts, at..offset);
            entries.push((number, (offset, part.size())));
            at = offset + part.size();
            push(&mut parts, part);
        }
        keep(&mut parts, at..body.end);
        at = body.end;
        for (number, part) in behind {
            entries.push((number, (at, part.size())));
            at += part.size();
            push(&mut parts, part);
        }
        let index = Part::New(self.sharding.encode_index(&self.counts, entries.into_iter())?);
        parts.insert(if self.sharding.index_at_end() { parts.len() } else { 0 }, index);
        Ok(parts)
    }
}

/// Adds a stretch of the old value, unless it is empty.
fn keep(parts: &mut Vec<Part>, stretch: Range<u64>) {
    if stretch.start < stretch.end {
        parts.push(Part::Old { offset: stretch.start, len: stretch.end - stretch.start });
    }
}

/// Adds a part; those that follow one another in the old value, or in a buffer, become one.
fn push(parts: &mut Vec<Part>, part: Part) {
    match (parts.last_mut(), &part) {
        (Some(Part::Old { offset, len }), Part::Old { offset: next, len: more }) if *offset + *len == *next => {
            *len += more;
        }
        (Some(Part::Shared(buffer, range)), Part::Shared(same, next))
            if Arc::ptr_eq(buffer, same) && range.end == next.start =>
        {
            range.end = next.end;
        }
        _ => parts.push(part),
    }
}
