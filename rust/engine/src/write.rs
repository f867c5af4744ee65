//! Writing: from a view to the stored bytes of a chunk.

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

/// Chunks of so many bytes are encoded into buffers that are used again.
const REUSED: usize = 64 << 10;

/// What a chunk is to be replaced by: its new bytes, or nothing if it would hold only fill values.
pub type Encoded = Option<Vec<Part>>;

/// What becomes of a stored chunk (`old`, if any) when the elements of `region` are taken from `view`.
/// `valid` is the part of the chunk that lies in the array: what is beyond it need not survive.
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
    let mut data = Scratch::of(form.nbytes)?;
    // Whoever hands in the old value knows that something of it survives.
    if let Some(old) = old {
        Output::with(&mut data, &form.shape, &form.strides, chain.size(), |whole| {
            read::chunk(chain, form, old, &Region::all(&form.shape), whole, exec)
        })?;
    } else if !region.covers(&form.shape) {
        chain.fill().fill(&mut data);
    }
    view.gather(region, &mut data, &form.strides)?;
    if !write_empty && chain.fill().fills(&data) {
        return Ok(None);
    }
    if chain.raw() {
        return Ok(Some(vec![Part::New(data.into_inner())]));
    }
    // Whoever stores the bytes gives a large buffer back, and it serves the next chunk.
    let mut out = if form.nbytes >= REUSED { Scratch::take().into_inner() } else { Vec::new() };
    out.clear();
    chain.encode(form, &mut data, &mut out)?;
    Ok(Some(vec![Part::New(out)]))
}

/// The pieces of one shard that a write touches: what `shard` hands to the threads.
struct ShardWrite {
    sharding: Arc<Sharding>,
    form: Form,
    counts: Vec<u64>,
    grid: crate::grid::Grid,
    split: Split,
    old: Option<(Arc<dyn Object>, Index)>,
    view: View,
    write_empty: bool,
    /// What each piece became.
    done: Vec<Mutex<Option<Vec<u8>>>>,
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
    let split = region.split(&grid);
    let old = match old {
        Some(object) => {
            let index = read::index(sharding, &counts, object)?;
            // All that is kept must be sound: the new shard vouches for it.
            index.check_overlap(0..index.len())?;
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
    let sharding = Arc::clone(sharding);
    let write =
        Arc::new(ShardWrite { sharding, form, counts, grid, split, old, view: view.clone(), write_empty, done });
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

    fn encode(&self, chunk: &[u64], region: &Region, exec: Exec<'_>) -> Result<Option<Vec<u8>>> {
        let valid = self.grid.valid(chunk);
        let entry = if region.covers(&valid) { None } else { self.old_entry(read::number(chunk, &self.counts))? };
        let old: Option<Arc<dyn Object>> = match (entry, &self.old) {
            (Some((offset, len)), Some((object, _))) => {
                Some(Arc::new(SubObject::new(Arc::clone(object), offset, len)?))
            }
            _ => None,
        };
        let chain = self.sharding.chain();
        let encoded = self::chunk(chain, &self.form, &valid, old.as_ref(), region, &self.view, self.write_empty, exec)?;
        encoded.map(|parts| join(parts, old.as_ref())).transpose()
    }

    /// Lays out the new and the kept inner chunks, and their index. What it holds grows with the
    /// chunks that there are, and not with those that there could be.
    fn assemble(&self) -> Result<Encoded> {
        // What was written, by number.
        let mut new: Vec<(usize, Option<Part>)> = Vec::new();
        reserve(&mut new, self.done.len())?;
        for (i, slot) in self.done.iter().enumerate() {
            let part = slot.lock().map_err(|_| Error::internal("a thread died while it wrote a chunk"))?.take();
            new.push((read::number(&self.split.piece(i).0, &self.counts), part.map(Part::New)));
        }
        if !new.is_sorted_by_key(|piece| piece.0) {
            new.sort_unstable_by_key(|piece| piece.0);
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
}

/// Adds a part; stretches of the old value that follow one another become one.
fn push(parts: &mut Vec<Part>, part: Part) {
    if let (Some(Part::Old { offset, len }), Part::Old { offset: next, len: more }) = (parts.last_mut(), &part)
        && *offset + *len == *next
    {
        *len += more;
        return;
    }
    parts.push(part);
}
